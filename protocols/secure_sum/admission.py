"""What each message must satisfy before anybody acts on it: the same checks on both sides.

A message is admitted when a member of the cohort signed it under the key that the roster pins, in
its own name, for this configuration. Sets of messages have one message a sender.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Protocol, TypeVar

from protocols.codec import Message, digest
from protocols.errors import Equivocation, TooFewSurvivors, UnknownSigner, WeakKey, WrongTranscript
from protocols.identity import PartnerId, Roll, Signed, open_signed, open_together
from protocols.limits import CHUNK_BYTES
from protocols.messages import Advertisement, InputHeader, RoundConfig
from protocols.secure_sum.hybrid import check_public_key, split_public


class Bound(Message, Protocol):
    """A message of one member, bound to one configuration."""

    @property
    def config(self) -> bytes:
        """Hash of the configuration."""

    @property
    def sender(self) -> PartnerId:
        """Who says it."""


M = TypeVar("M", bound=Bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What messages are checked against: the configuration, its hash, each member's place in it, the pinned keys."""

    config: RoundConfig
    config_hash: bytes
    place: Mapping[PartnerId, int]
    roll: Roll

    @classmethod
    def of(cls, config: RoundConfig, roll: Roll) -> "Frame":
        """The frame of ``config`` under the roster's ``roll``."""
        place = {member: x for x, member in enumerate(config.cohort)}
        return cls(config=config, config_hash=digest(config), place=place, roll=roll)


def admit(signed: Signed, kind: type[M], frame: Frame) -> M:
    """Verify ``signed`` and return its message.

    Raises:
        UnknownSigner: not of the cohort, or in another's name.
        BadSignature, MalformedMessage, UnknownVersion: as :func:`protocols.identity.open_signed`.
        WrongTranscript: made for another configuration.
    """
    _check_cohort(signed, frame)
    message = open_signed(signed, kind, frame.roll)
    _check_own(signed, message, frame)
    return message


def admit_together(messages: Sequence[Signed], kind: type[M], frame: Frame) -> tuple[M, ...]:
    """:func:`admit` each of what one member sends at once; its one signature is verified once.

    Raises:
        UnknownSigner, BadSignature, MalformedMessage, UnknownVersion, WrongTranscript: as :func:`admit`.
    """
    for signed in messages:
        _check_cohort(signed, frame)
    admitted = open_together(messages, kind, frame.roll)
    for signed, message in zip(messages, admitted, strict=True):
        _check_own(signed, message, frame)
    return admitted


def _check_cohort(signed: Signed, frame: Frame) -> None:
    if signed.signer not in frame.place:
        raise UnknownSigner(expected="a member of the cohort", came=signed.signer.hex(), do="refuse it")


def _check_own(signed: Signed, message: Bound, frame: Frame) -> None:
    if message.sender != signed.signer:
        raise UnknownSigner(
            expected=f"a message of {signed.signer.hex()}",
            came=f"one in the name of {message.sender.hex()}",
            do="refuse it",
        )
    agree("the hash of this configuration", message.config, frame.config_hash, message.sender)


def admit_all(messages: Iterable[Signed], kind: type[M], frame: Frame) -> tuple[M, ...]:
    """Admit each message and refuse a second one by the same sender.

    Raises:
        Equivocation: two messages by one sender.
    """
    admitted = tuple(admit(signed, kind, frame) for signed in messages)
    check_distinct([message.sender for message in admitted])
    return admitted


def agree(what: str, came: bytes, ours: bytes, sender: PartnerId) -> None:
    """Compare two hashes in constant time.

    Raises:
        WrongTranscript: they differ: another attempt, or a split view.
    """
    if not compare_digest(came, ours):
        raise WrongTranscript(
            expected=what,
            came=f"another from {sender.hex()}",
            do="abort: members were shown different things",
        )


def check_distinct(senders: Sequence[PartnerId]) -> None:
    """Raises Equivocation if one sender comes twice."""
    if len(set(senders)) != len(senders):
        raise Equivocation(expected="one message a member", came="two", do="refuse the set")


def check_keys(ads: Collection[Advertisement], suite: int) -> None:
    """All advertised keys are sound keys of ``suite``, and no two are equal.

    Raises:
        WeakKey: of another suite, low order, not canonical, or a duplicate.
    """
    for ad in ads:
        for key in (ad.seal_key, ad.mask_key):
            check_public_key(key, suite)
    check_fresh(ads)


def check_fresh(ads: Iterable[Advertisement]) -> None:
    """No two keys are equal, nor any of their parts: nobody can pose as a copy of another.

    Raises:
        WeakKey: a duplicate.
    """
    seen: set[bytes] = set()
    for ad in ads:
        for key in (ad.seal_key, ad.mask_key):
            parts = {part for part in split_public(key) if part}
            if parts & seen:
                raise WeakKey(
                    expected="fresh keys of every member",
                    came=f"a key of {ad.sender.hex()} that is already in use",
                    do="refuse the advertisement",
                )
            seen |= parts


def check_floor(config: RoundConfig, members: Collection[PartnerId], what: str) -> None:
    """U1, U2 and U3 have at least ``max(threshold, minimum cohort)`` members.

    The minimum cohort is only asked of U3 by the specification; U3 is part of U2 and of U1, so an
    attempt that lacks it earlier cannot complete and is ended at once.

    Raises:
        TooFewSurvivors: fewer.
    """
    floor = max(config.threshold, config.minimum_cohort)
    if len(members) < floor:
        raise TooFewSurvivors(
            expected=f"at least {floor} members in {what}",
            came=f"{len(members)}",
            do="abort; try again when more members are there",
        )


def check_quorum(config: RoundConfig, messages: Collection[object], what: str) -> None:
    """At least ``threshold`` members said it: with 2t > n + c, no other set can have as many.

    Raises:
        TooFewSurvivors: fewer.
    """
    if len(messages) < config.threshold:
        raise TooFewSurvivors(
            expected=f"at least {config.threshold} {what}", came=f"{len(messages)}", do="abort the attempt"
        )


def check_header(header: InputHeader, config: RoundConfig, transcript: bytes, members: bytes) -> None:
    """A header is bound to the transcript and to U2, and describes exactly the vector that was asked.

    Raises:
        WrongTranscript: another transcript or another U2 (a split view).
    """
    agree("the same advertisements", header.transcript, transcript, header.sender)
    agree("the same members in U2", header.members, members, header.sender)
    shape = (header.ring_bits, header.elements, header.chunk_bytes)
    asked = (config.answer.ring_bits, config.answer.elements, CHUNK_BYTES)
    if shape != asked:
        raise WrongTranscript(
            expected=f"ring, elements and chunk of {asked}",
            came=f"{shape} from {header.sender.hex()}",
            do="refuse the vector",
        )
