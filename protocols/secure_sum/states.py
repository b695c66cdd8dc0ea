"""A contributor's states, each a frozen value that the door can store, and the table of legal moves.

A state holds no more than the moves still open to it need: pair keys are gone once the vector is
masked, shares are gone once they were answered. Secrets stay out of every ``repr``.

>>> enter(Advertised.TAG, Move.SHARE)
'shared'
>>> enter(Advertised.TAG, Move.UNMASK)
Traceback (most recent call last):
...
protocols.errors.IllegalMove: expected abort or share by a contributor that is advertised; came unmask; refuse it
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

from protocols.errors import AlreadyUnmasked, IllegalMove
from protocols.identity import PartnerId
from protocols.secure_sum.sealing import HeldShares


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeys:
    """The public keys c_j and s_j of one advertised member."""

    TAG: ClassVar[str] = "peer-keys"
    member: PartnerId
    seal_key: bytes
    mask_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKey:
    """The seed of what hides our linear answer and that of ``member`` in one another."""

    TAG: ClassVar[str] = "check-key"
    member: PartnerId
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """After AdvertiseKeys: three fresh secrets, and the advertisement that was signed."""

    TAG: ClassVar[str] = "advertised"
    config: bytes
    me: PartnerId
    advertisement: bytes
    seal_secret: bytes = field(repr=False)
    mask_secret: bytes = field(repr=False)
    self_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """After ShareKeys: bound to one transcript; ``peers`` is U1 without ourselves, in cohort order."""

    TAG: ClassVar[str] = "shared"
    config: bytes
    transcript: bytes
    me: PartnerId
    peers: tuple[PeerKeys, ...]
    own: HeldShares = field(repr=False)
    seal_secret: bytes = field(repr=False)
    mask_secret: bytes = field(repr=False)
    self_secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """While MaskedInput is made: the seeds of the masks, and the shares of every member of U2.

    ``checks`` hide the linear answers after the release; nobody can derive a mask from them.
    """

    TAG: ClassVar[str] = "masking"
    config: bytes
    transcript: bytes
    me: PartnerId
    members: tuple[PartnerId, ...]
    held: tuple[HeldShares, ...] = field(repr=False)
    plus: tuple[bytes, ...] = field(repr=False)
    minus: tuple[bytes, ...] = field(repr=False)
    checks: tuple[CheckKey, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """After MaskedInput: the vector's root is signed, its masks are forgotten."""

    TAG: ClassVar[str] = "masked"
    config: bytes
    transcript: bytes
    me: PartnerId
    members: tuple[PartnerId, ...]
    root: bytes
    held: tuple[HeldShares, ...] = field(repr=False)
    checks: tuple[CheckKey, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """After ConsistencyCheck: one set of survivors and one set of vectors, signed."""

    TAG: ClassVar[str] = "confirmed"
    config: bytes
    transcript: bytes
    me: PartnerId
    members: tuple[PartnerId, ...]
    survivors: tuple[PartnerId, ...]
    roots: bytes
    held: tuple[HeldShares, ...] = field(repr=False)
    checks: tuple[CheckKey, ...] = field(repr=False)
    rho: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmasked:
    """After Unmasking: no secret is left, and no second answer is possible."""

    TAG: ClassVar[str] = "unmasked"
    config: bytes
    transcript: bytes
    me: PartnerId
    survivors: tuple[PartnerId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The attempt was abandoned: no secret is left."""

    TAG: ClassVar[str] = "closed"
    config: bytes
    me: PartnerId


State = Advertised | Shared | Masking | Masked | Confirmed | Unmasked | Closed
IDLE: Final = "idle"
"""Before anything was sent in the attempt."""


class Move(StrEnum):
    """What can happen to a contributor, by the function that does it."""

    ADVERTISE = "advertise"
    SHARE = "share"
    BEGIN_MASK = "begin_mask"
    SEAL_INPUT = "seal_input"
    CONFIRM = "confirm"
    UNMASK = "unmask"
    ABORT = "abort"


TRANSITIONS: Final[dict[tuple[str, Move], str]] = {
    (IDLE, Move.ADVERTISE): Advertised.TAG,
    (Advertised.TAG, Move.SHARE): Shared.TAG,
    (Shared.TAG, Move.BEGIN_MASK): Masking.TAG,
    (Masking.TAG, Move.SEAL_INPUT): Masked.TAG,
    (Masked.TAG, Move.CONFIRM): Confirmed.TAG,
    (Confirmed.TAG, Move.UNMASK): Unmasked.TAG,
    (Advertised.TAG, Move.ABORT): Closed.TAG,
    (Shared.TAG, Move.ABORT): Closed.TAG,
    (Masking.TAG, Move.ABORT): Closed.TAG,
    (Masked.TAG, Move.ABORT): Closed.TAG,
    (Confirmed.TAG, Move.ABORT): Closed.TAG,
}
"""Every legal move; what is absent is refused. Unmasked and closed are the ends."""


def enter(state: str, move: Move) -> str:
    """The state that ``move`` leads to.

    Raises:
        AlreadyUnmasked: a second unmasking.
        IllegalMove: the table has no such entry.
    """
    if state == Unmasked.TAG and move is Move.UNMASK:
        raise AlreadyUnmasked(
            expected="one unmask answer in an attempt",
            came="a second request",
            do="send the first answer again",
        )
    after = TRANSITIONS.get((state, move))
    if after is None:
        legal = sorted(each.value for at, each in TRANSITIONS if at == state)
        raise IllegalMove(
            expected=f"{' or '.join(legal) or 'nothing more'} by a contributor that is {state}",
            came=move.value,
            do="refuse it",
        )
    return after
