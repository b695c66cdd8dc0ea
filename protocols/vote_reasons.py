"""What a vote says was looked at before it was given: in words that both sides know, since they are signed.

A vote says whether a release is of the question, companies and keys that its voter signed. Whether anybody
looked at the *numbers* is another matter, and a vote must not claim it.

>>> looked_at(CHECKED), looked_at(SIGNED_ONLY), looked_at("because")
(<Looked.CHECKED: 'linear check passed'>, <Looked.NOT: 'numbers not looked at'>, <Looked.NOT: 'numbers not looked at'>)
"""

from enum import StrEnum
from typing import Final

_SIGNED: Final = "question, companies and keys are those that this company signed; "

SIGNED_ONLY: Final = (
    f"{_SIGNED}the numbers were not recomputed, and this company knows of no linear check that they passed"
)
CHECKED: Final = (
    f"{_SIGNED}the numbers were not recomputed, but they passed the linear check of all survivors"
)
RECOMPUTED: Final = f"{_SIGNED}recomputed, the sum is exactly this"
NOT_THE_SUM: Final = "recomputed from the vectors that this company confirmed, the sum is another"
BELOW_ZERO: Final = "what can only be counted is below zero in it: one of its answers is false, or the sum is"


class Looked(StrEnum):
    """What a voter did to know that the numbers are the sum."""

    RECOMPUTED = "recomputed"
    CHECKED = "linear check passed"
    NOT = "numbers not looked at"


_LOOKED: Final = {RECOMPUTED: Looked.RECOMPUTED, NOT_THE_SUM: Looked.RECOMPUTED, CHECKED: Looked.CHECKED}


def looked_at(reason: str) -> Looked:
    """What a voter looked at, by the reason it signed; of any other reason nothing is assumed."""
    return _LOOKED.get(reason, Looked.NOT)
