"""How boldly a scenario's lists are reranked, as a node's own validation weeks decided it.

The values only: :mod:`participant.surprise.choosing` decides, because the lists are made there.
"""

from dataclasses import dataclass
from typing import Final

from participant.models.resampling import Interval
from protocols.errors import BadInput

PLACES: Final = 10
"""Places that bold ones are counted in: the usual length of a list."""
APPETITES: Final = 3
"""Levels of appetite: small, middling, large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting tried on own validation weeks (nDCG@10 of the list as it would be served).

    ``against_plain`` and ``against_local`` are mean paired differences by customer, ``error`` is the
    standard error of the second.
    """

    tau: float
    beta: float
    diversity: float
    ndcg: float
    against_plain: float
    against_local: float
    error: float
    accepted: bool
    places: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Boldness:
    """Exponents of surprise and of appeal elsewhere, and the share that likeness may cost; 0 is off.

    ``places``: how many of ten, the last ones, are kept for the boldest suggestions, ``cap`` the chance
    that one of them may lack beside what it displaces. ``by_appetite``: the same
    for customers of small, middling and large appetite, empty where that was below one number for all on own
    validation weeks; ``appetite_gain`` is the paired difference of nDCG@10 that decided.
    """

    tau: float
    beta: float
    diversity: float
    places: int = 0
    cap: float = 1.0
    customers: int = 0
    trials: tuple[Trial, ...] = ()
    by_appetite: tuple[int, ...] = ()
    appetite_gain: Interval | None = None

    def __post_init__(self) -> None:
        if not (
            0 <= self.tau <= 2
            and 0 <= self.beta <= 2
            and 0 <= self.diversity < 1
            and all(0 <= places <= PLACES for places in (self.places, *self.by_appetite))
            and len(self.by_appetite) in {0, APPETITES}
            and 0 <= self.cap <= 1
        ):
            raise BadInput(
                expected=f"tau and beta in [0, 2], diversity in [0, 1), bold places of 0 to {PLACES} in ten, a cap in [0, 1]",
                came=f"{self.tau}, {self.beta}, {self.diversity}, {self.places}, {self.cap}",
                do="correct the dial",
            )

    @property
    def sentence(self) -> str:
        """The choice in words."""
        if not self.trials:
            return "lists are in order of likelihood: no reranking was tried on validation weeks"
        mine = (self.tau, self.beta, self.places)
        taken = next(t for t in self.trials if (t.tau, t.beta, t.places) == mine)
        how = f"surprise counts with exponent {self.tau:g}" if self.tau else "surprise does not count"
        more = ", near-equals are spread out" if self.diversity else ""
        if self.places:
            more += f", {self.places} of ten places are kept for bold ones"
        if self.by_appetite:
            more += f" ({', '.join(map(str, self.by_appetite))} by appetite)"
        return (
            f"{how}{more}; on own validation weeks this changes nDCG@10 by {taken.against_plain:+.4f} from "
            f"the order of likelihood and by {taken.against_local:+.4f} from the own model"
        )


PLAIN: Final = Boldness(tau=0.0, beta=0.0, diversity=0.0)
"""The list in order of likelihood: what a model serves whose boldness nobody has chosen."""
