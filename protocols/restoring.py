"""A node restored from a backup asks its peers what it has forgotten.

It may have answered since the backup, and an answer that is given twice, for two sets of companies, gives
one company away. So it answers nothing until enough other members (:func:`needed`) have handed over
the newest of its advertisements that they saw, and signed for which answers it advertised: enough that an honest
one among them took part in any sum that this node has forgotten. What they name is closed for ever. A member can
name too little, but not invent: the counter is in an advertisement that this node signed itself.

A challenge, drawn at the restore, keeps older attestations out. They travel by any way, through people too:
they are signed.

>>> needed(5, colluders=1), needed(3, colluders=1), needed(4, colluders=1), needed(100, colluders=33)
(3, 2, 3, 67)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import ClassVar, Final

from protocols.codec import decode
from protocols.errors import (
    BehindRoster,
    MalformedMessage,
    TooFewAttestations,
    UnknownSigner,
    WrongTranscript,
)
from protocols.identity import COORDINATOR, IdentityPublic, PartnerId, Roll, Signed, open_signed
from protocols.limits import HASH_BYTES
from protocols.messages import Advertisement
from protocols.participation import open_own
from protocols.policy import threshold

CHALLENGE_BYTES: Final = 16
ANSWERS_MAX: Final = 64
"""The newest answers that an attestation names: at a round a week, those of a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What ``sender`` saw of ``subject``: its newest advertisement, and for which answers it advertised.

    ``height`` is that of the roster in force at ``sender``: a backup may hold an older one, of fewer members.
    ``newest`` is the advertisement with the highest counter as ``subject`` signed it, or nothing. ``answers`` are
    the newest ids, at most ``ANSWERS_MAX``, oldest first.
    """

    TAG: ClassVar[str] = "counter-attestation"
    consortium: bytes
    sender: PartnerId
    subject: PartnerId
    challenge: bytes
    height: int
    newest: tuple[Signed, ...]
    answers: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if len(self.challenge) != CHALLENGE_BYTES or len(self.answers) > ANSWERS_MAX:
            raise MalformedMessage(
                expected=f"a challenge of {CHALLENGE_BYTES} bytes and at most {ANSWERS_MAX} answers",
                came=f"{len(self.challenge)} bytes and {len(self.answers)}",
                do="refuse it",
            )
        if any(len(answer) != HASH_BYTES for answer in self.answers) or len(self.newest) > 1:
            raise MalformedMessage(
                expected="answer ids of 32 bytes and one advertisement", came="others", do="refuse it"
            )

    @property
    def counter(self) -> int:
        """The counter of the newest advertisement; 0 where none was seen."""
        return decode(Advertisement, self.newest[0].body).counter if self.newest else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What enough peers remember together: the highest counter, and every answer that any of them names."""

    counter: int
    answers: tuple[bytes, ...]


def needed(members: int, *, colluders: int) -> int:
    """How many other members must attest in a roster of ``members``: all of them at most.

    A forgotten sum has t - 1 other members in it, so ``n - t + c + 1`` that attest share c + 1 with it, one
    of them honest. ``t - 1`` alone would not do: of four members two attest, a colluder that
    took part and an honest one that did not, and the sum stays forgotten.
    """
    t = threshold(members)
    return min(members - 1, max(t - 1, members - t + colluders + 1))


def open_attestation(
    signed: Signed,
    roll: Roll,
    *,
    consortium: bytes,
    subject: PartnerId,
    keys: Iterable[IdentityPublic],
    challenge: bytes,
) -> Attestation:
    """The attestation inside ``signed``, if it is about ``subject`` and answers this challenge.

    ``keys`` are those that ``subject`` has signed with, the present one and earlier ones.

    Raises:
        UnknownSigner: by no member, by the subject itself or the coordinator, or in another's name.
        BadSignature, MalformedMessage, UnknownVersion: as :func:`protocols.identity.open_signed`; also of the
            advertisement in it, which ``subject`` must have signed.
        WrongTranscript: about another company, or made for an earlier restore.
    """
    said = open_signed(signed, Attestation, roll)
    if said.sender != signed.signer or said.sender in (subject, COORDINATOR):
        raise UnknownSigner(
            expected="another member's own attestation", came=signed.signer.hex(), do="ask another member"
        )
    about = said.consortium == consortium and said.subject == subject
    if not about or not compare_digest(said.challenge, challenge):
        raise WrongTranscript(
            expected="an attestation for this company and this restore",
            came=f"another from {said.sender.hex()}",
            do="ask for one with the challenge that `altrove-node restored` shows",
        )
    for ad in said.newest:
        open_own(ad, Advertisement, me=subject, keys=keys)
    return said


def remembered(attestations: Iterable[Attestation], enough: int, height: int) -> Remembered:
    """What the attestations of ``enough`` different members say together; ``height`` is that of the roster here.

    Raises:
        BehindRoster: a member knows of a later roster, in which more may have to attest.
        TooFewAttestations: fewer.
    """
    by_sender = {said.sender: said for said in attestations}
    latest = max((said.height for said in by_sender.values()), default=0)
    if latest > height:
        raise BehindRoster(
            expected=f"the roster at height {latest}, which a member has",
            came=f"height {height}",
            do="connect to the coordinator and run `altrove-node restored` again: it fetches the roster first",
        )
    if len(by_sender) < enough:
        raise TooFewAttestations(
            expected=f"attestations of {enough} other members",
            came=f"{len(by_sender)}",
            do="ask further members; until then nothing is answered",
        )
    answers: Sequence[bytes] = [answer for said in by_sender.values() for answer in said.answers]
    return Remembered(
        counter=max(said.counter for said in by_sender.values()), answers=tuple(dict.fromkeys(answers))
    )
