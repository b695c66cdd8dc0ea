"""The dial: how surprising a list may be, and how strongly surprise counts."""

from dataclasses import dataclass
from typing import Final

from protocols.errors import BadInput

REPORTED_TAU: Final = 0.4
"""Exponent of novelty x unexpectedness that best explains what people call a happy surprise."""
TAU: Final = 0.1
"""The default. The reported exponent answers "how surprised were you", not "did you buy": on held-out
purchases 0.4 costs a tenth to a sixth of nDCG@10 and 0.25 less; a shop turns the dial up when it wants to."""
BETA: Final = 0.05
"""Exponent of the appeal elsewhere: the federated score carries most of it already."""
DIVERSITY: Final = 0.1
"""Share of a suggestion's worth that its likeness to those above it may cost (MMR)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """``minimum`` and ``maximum`` bound the surprise of every suggestion, in [0, 1].

    ``tau``, ``beta`` and ``diversity`` are exponents and a share; 0 switches each of them off.
    """

    minimum: float = 0.0
    maximum: float = 1.0
    tau: float = TAU
    beta: float = BETA
    diversity: float = DIVERSITY

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum <= 1:
            raise BadInput(
                expected="0 <= surprise.min <= surprise.max <= 1",
                came=f"{self.minimum}, {self.maximum}",
                do="correct the dial",
            )
        if not (0 <= self.tau <= 2 and 0 <= self.beta <= 2 and 0 <= self.diversity < 1):
            raise BadInput(
                expected="tau and beta in [0, 2], diversity in [0, 1)",
                came=f"{self.tau}, {self.beta}, {self.diversity}",
                do="correct the dial",
            )
