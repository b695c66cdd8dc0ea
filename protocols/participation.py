"""What a member did, proved by its own signature: so a restored node learns what it has forgotten.

The coordinator hands over configurations and what the member itself signed in them. Nothing of that is believed.
It cannot invent an attempt: an advertisement names the hash of its configuration and the member's own counter,
under the member's own signature. It can hide one, and then a counter is missing: a node counts its advertisements
without a gap.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from protocols.codec import Message, digest
from protocols.errors import BadSignature, MalformedMessage, UnknownSigner, WrongTranscript
from protocols.identity import IdentityPublic, PartnerId, Signed, open_signed
from protocols.messages import Advertisement, InputHeader, RoundConfig

M = TypeVar("M", bound=Message)

PAGE: Final = 32
"""Attempts handed over at once: of 1,000 companies with the longest vectors they take 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """One attempt: its configuration, the member's advertisement and, if it came that far, its header."""

    TAG: ClassVar[str] = "participation"
    config: RoundConfig
    messages: tuple[Signed, ...]

    def __post_init__(self) -> None:
        if len(self.messages) not in (1, 2):
            raise MalformedMessage(
                expected="an advertisement and at most a header",
                came=f"{len(self.messages)} messages",
                do="refuse it",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Participations:
    """Attempts of one member in order, at most ``PAGE``; none where there are no more."""

    TAG: ClassVar[str] = "participations"
    attempts: tuple[Participation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """A proven part in an attempt: under which counter, and whether a masked input was made in it."""

    config: RoundConfig
    counter: int
    masked: bool


def open_participation(
    said: Participation, *, me: PartnerId, keys: Iterable[IdentityPublic], consortium: bytes
) -> Took:
    """What ``said`` proves about ``me``, who has signed with one of ``keys``.

    Raises:
        UnknownSigner, BadSignature, MalformedMessage: something that this member did not sign.
        WrongTranscript: signed for another configuration, or in another consortium.
    """
    known = tuple(keys)
    config = digest(said.config)
    ad = open_own(said.messages[0], Advertisement, me=me, keys=known)
    headers = [open_own(each, InputHeader, me=me, keys=known) for each in said.messages[1:]]
    signed: list[Advertisement | InputHeader] = [ad, *headers]
    if any(each.config != config or each.sender != me for each in signed):
        raise WrongTranscript(
            expected=f"messages of round {said.config.round}.{said.config.attempt}",
            came="messages of another attempt",
            do="refuse it",
        )
    if said.config.consortium != consortium:
        raise WrongTranscript(expected="a round of this consortium", came="another's", do="refuse it")
    return Took(config=said.config, counter=ad.counter, masked=bool(headers))


def open_own(signed: Signed, kind: type[M], *, me: PartnerId, keys: Iterable[IdentityPublic]) -> M:
    """The message inside ``signed``, if ``me`` signed it with one of ``keys``: a key may have been replaced since.

    Raises:
        UnknownSigner, BadSignature: it did not.
        MalformedMessage, UnknownVersion: it is not a ``kind``.
    """
    if signed.signer != me:
        raise UnknownSigner(expected=f"a message of {me.hex()}", came=signed.signer.hex(), do="refuse it")
    for key in keys:
        try:
            return open_signed(signed, kind, {me: key})
        except BadSignature:
            continue
    raise BadSignature(expected="a signature of this member", came="another", do="refuse it")
