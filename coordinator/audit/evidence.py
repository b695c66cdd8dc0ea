"""What stands behind an audit entry that has no message of its own: an abort, an equivocation."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.identity import PartnerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted:
    """How an attempt ended without a release: cause (an error code), words, who, what comes next."""

    TAG: ClassVar[str] = "aborted"
    config: bytes
    round: int
    attempt: int
    phase: str
    cause: str
    reason: str
    blamed: tuple[PartnerId, ...]
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """Two signed submissions of one member for one phase, byte for byte."""

    TAG: ClassVar[str] = "doubled"
    round: int
    attempt: int
    partner: PartnerId
    phase: str
    first: bytes
    second: bytes
