"""The dial: how surprising a list may be, and how strongly surprise counts."""

from dataclasses import dataclass

from participant.models.boldness import PLAIN, Boldness
from protocols.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """``minimum`` and ``maximum`` bound the surprise of every suggestion, in [0, 1].

    ``tau`` and ``beta`` are exponents of surprise and of appeal elsewhere, ``diversity`` the share of a
    suggestion's worth that its likeness to those above it may cost, ``places`` how many of ten places are
    kept for bold suggestions, whatever they cost unless ``cheap``. 0 switches each of them off; None leaves it to what the node chose on its own
    validation weeks. ``calibration`` in [0, 1) draws the list towards the categories of what the customer
    buys. Other bounds and explicit values are the shop's own wish: no gate stands behind them.
    """

    minimum: float = 0.0
    maximum: float = 1.0
    tau: float | None = None
    beta: float | None = None
    diversity: float | None = None
    places: int | None = None
    cheap: bool = False
    calibration: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum <= 1:
            raise BadInput(
                expected="0 <= surprise.min <= surprise.max <= 1",
                came=f"{self.minimum}, {self.maximum}",
                do="correct the dial",
            )
        if not 0 <= self.calibration < 1:
            raise BadInput(
                expected="calibration in [0, 1)", came=f"{self.calibration}", do="correct the dial"
            )
        self.settle(PLAIN)

    def settle(self, chosen: Boldness) -> Boldness:
        """``chosen``, except where this dial says otherwise.

        Raises:
            BadInput: an exponent outside [0, 2], a share outside [0, 1), or other than 0 to 10 places.

        >>> found = Dial(tau=0.0).settle(Boldness(tau=0.4, beta=0.1, diversity=0.2))
        >>> found.tau, found.beta, found.diversity
        (0.0, 0.1, 0.2)
        """
        return Boldness(
            tau=chosen.tau if self.tau is None else self.tau,
            beta=chosen.beta if self.beta is None else self.beta,
            diversity=chosen.diversity if self.diversity is None else self.diversity,
            places=chosen.places if self.places is None else self.places,
            cap=chosen.cap if self.places is None or self.cheap else 1.0,
        )
