"""A survivor's side of the linear check: what it keeps after the unmasking, and its two messages.

What is kept holds no share and no mask of phase 2: the keys that hide linear answers in one another, and
rho. It is bound to one release by the fifth message, for ever; commit state and message durably before
sending, and erase the state once the check has ended or its time is over.

Every mask is bound to the release and to the opened rho: a second z_i, for another release of the same
attempt, would be masked afresh, and says nothing of x_i either. So does that of a later attempt, which has
other keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import ClassVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.codec import decode, enc
from protocols.errors import Equivocation
from protocols.identity import IdentityKey, PartnerId, Roll, Signed
from protocols.limits import KEY_BYTES
from protocols.messages import Confirmation, RoundConfig
from protocols.ring import Fixed
from protocols.secure_sum.linear_check import (
    Claim,
    Commitment,
    LinearAnswer,
    Opening,
    challenge,
    committed,
    openings_hash,
)
from protocols.secure_sum.linear_function import Q, inner
from protocols.secure_sum.states import CheckKey, Confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """What a survivor keeps after its unmask answer until the check.

    ``commitments`` are those of every survivor, in cohort order; ``keys`` those with every other survivor.
    """

    TAG: ClassVar[str] = "check-armed"
    config: bytes
    transcript: bytes
    me: PartnerId
    commitments: tuple[Commitment, ...]
    keys: tuple[CheckKey, ...] = field(repr=False)
    rho: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """After the fifth message: bound to one release, for ever."""

    TAG: ClassVar[str] = "check-opened"
    armed: Armed
    release: bytes

    @property
    def claim(self) -> Claim:
        """What is checked; no secret is in it."""
        return Claim(
            transcript=self.armed.transcript, release=self.release, commitments=self.armed.commitments
        )


def arm(state: Confirmed, confirmations: Sequence[Signed]) -> Armed:
    """What to keep, from the state in which the unmask answer is made and the confirmations that it checked.

    Raises:
        WrongMembers: a survivor did not confirm: without its commitment there is no check.
    """
    said = [decode(Confirmation, signed.body) for signed in confirmations]
    return Armed(
        config=state.config,
        transcript=state.transcript,
        me=state.me,
        commitments=committed(state.survivors, said),
        keys=state.checks,
        rho=state.rho,
    )


def open_rho(state: Armed | Opened, release: bytes, *, key: IdentityKey) -> tuple[Opened, Signed]:
    """Fifth message, for the release with this id; again for the same one, never for another.

    Raises:
        Equivocation: rho was opened for another release: the coordinator signed two.
    """
    armed = state.armed if isinstance(state, Opened) else state
    if isinstance(state, Opened) and not compare_digest(state.release, release):
        raise Equivocation(
            expected="the release for which this company opened its check",
            came="another of the same attempt",
            do="keep both as evidence: the coordinator signed two sums of one attempt",
        )
    opening = Opening(
        config=armed.config, transcript=armed.transcript, sender=armed.me, release=release, rho=armed.rho
    )
    return Opened(armed=armed, release=release), key.sign(armed.me, opening)


def answer(
    state: Opened,
    config: RoundConfig,
    openings: Sequence[Signed],
    words: Iterable[Fixed],
    *,
    key: IdentityKey,
    roll: Roll,
) -> Signed:
    """Sixth message: the masked <r, x_i>; ``words`` is the sealed vector as signed integers (``ring.lift``).

    It comes in parts, one after the other.

    Raises:
        WrongTranscript: a survivor was shown another release, or opens another rho than it committed to.
        WrongMembers: not exactly one opening of each survivor.
        Equivocation, UnknownSigner, BadSignature: an opening that is refused.
    """
    armed = state.armed
    stream = challenge(state.claim, config, openings, roll)
    said = openings_hash(openings)
    z = inner(stream, words)
    place = {member: position for position, member in enumerate(config.cohort)}
    for pair in armed.keys:
        mask = _mask(pair.key, state.release, said)
        z += mask if place[armed.me] < place[pair.member] else -mask
    message = LinearAnswer(
        config=armed.config, transcript=armed.transcript, sender=armed.me, openings=said, z=z % Q
    )
    return key.sign(armed.me, message)


def _mask(key: bytes, release: bytes, openings: bytes) -> int:
    info = enc("check-mask", release, openings)
    wide = HKDF(algorithm=SHA256(), length=2 * KEY_BYTES, salt=None, info=info).derive(key)
    return int.from_bytes(wide, "big") % Q
