"""Several models of one consortium as one ranking: scores on one scale, added with weights.

Scores are standardised over a customer's own candidates first, so that a weight means the same for every
customer, company and model: ``z = (score - mean) / spread``. A mixture is part of a question (`evaluation`
measures several), so it is in whole hundredths, and what was measured is what a node then serves.

>>> Mixture.typed("100:30:0").words
'1 x encoder + 0.3 x EASE'
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, MalformedMessage

Scores = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

WEIGHT_MAX: Final = 10_000
"""A hundred times another arm: the rest would not be heard."""

SPREAD_MIN: Final = 1e-12
"""A constant arm says nothing: its standardised scores are all zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Weights of the released models, in hundredths: `encoder`, EASE, and popularity in the sum (its logarithm)."""

    TAG: ClassVar[str] = "mixture"
    encoder: int
    ease: int
    popularity: int

    def __post_init__(self) -> None:
        weights = (self.encoder, self.ease, self.popularity)
        if not all(0 <= weight <= WEIGHT_MAX for weight in weights) or not any(weights):
            raise MalformedMessage(
                expected=f"weights from 0 to {WEIGHT_MAX}, one of them above 0",
                came=":".join(map(str, weights)),
                do="write hundredths of encoder, EASE and popularity, such as 100:30:0",
            )

    @classmethod
    def typed(cls, text: str) -> Self:
        """The mixture that an admin typed as ``encoder:ease:popularity``.

        Raises:
            BadInput: not three whole numbers.
        """
        parts = text.strip().split(":")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
            raise BadInput(
                expected="hundredths of encoder, EASE and popularity, such as 100:30:0",
                came=repr(text)[:80],
                do="correct mixes",
            )
        encoder, ease, popularity = map(int, parts)
        return cls(encoder=encoder, ease=ease, popularity=popularity)

    @property
    def words(self) -> str:
        """The mixture for people."""
        named = (("encoder", self.encoder), ("EASE", self.ease), ("popularity", self.popularity))
        return " + ".join(f"{weight / 100:g} x {name}" for name, weight in named if weight)

    def apply(
        self, encoder: Scores | None, ease: Scores, buyers: npt.NDArray[np.floating], candidates: Mask
    ) -> Scores:
        """:meth:`of` arms that no other mixture is made of.

        >>> mask = np.ones((1, 3), bool)
        >>> half = Mixture(encoder=0, ease=100, popularity=50)
        >>> half.apply(None, np.array([[0.0, 1.0, 2.0]]), np.array([9.0, 0.0, 0.0]), mask).round(3)
        array([[-0.518, -0.354,  0.871]])
        """
        return self.of(Arms(encoder=encoder, ease=ease, buyers=buyers, candidates=candidates))

    def of(self, arms: "Arms") -> Scores:
        """Scores of the mixture, (customers, n_concepts). EASE alone stays as it is: a scale changes no ranking.

        Raises:
            BadInput: the encoder has a weight and no scores came.
        """
        if self == PLAIN:
            return arms.ease
        if self.encoder and arms.encoder is None:
            raise BadInput(
                expected="scores of an encoder", came="none", do="name the encoder release that is meant"
            )
        # hundredths, divided at the end: a weight of one leaves standardised scores as they are, to the bit
        total = sum(
            weight * arms.standard(name)
            for name, weight in (
                ("encoder", self.encoder),
                ("ease", self.ease),
                ("popularity", self.popularity),
            )
            if weight
        )
        return np.asarray(total) / 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arms:
    """Scores of the released models for some customers, standardised once for all mixtures of them.

    Attributes:
        encoder: of the autoencoder, (customers, n_concepts); None where no mixture uses one.
        ease: of EASE, same shape.
        buyers: (n_concepts,), how often each concept was bought in the sum.
        candidates: what may be shown, same shape as the scores.
    """

    encoder: Scores | None
    ease: Scores
    buyers: npt.NDArray[np.floating]
    candidates: Mask
    _standard: dict[str, Floats] = field(default_factory=dict, repr=False)

    def standard(self, arm: str) -> Floats:
        """Standardised scores of "encoder", "ease" or "popularity", made when they are first wanted."""
        if arm not in self._standard:
            popularity = np.broadcast_to(np.log1p(np.maximum(self.buyers, 0.0)), self.candidates.shape)
            scores = {"encoder": self.encoder, "ease": self.ease, "popularity": popularity}[arm]
            self._standard[arm] = standardise(np.asarray(scores), self.candidates)
        return self._standard[arm]


PLAIN: Final = Mixture(encoder=0, ease=100, popularity=0)
"""EASE alone: what a `taste` release is by itself."""


def standardise(scores: Scores, candidates: Mask) -> Floats:
    """Mean 0 and spread 1 over each row's candidates; 0 elsewhere.

    >>> standardise(np.array([[9.0, 1.0, 3.0]]), np.array([[False, True, True]]))
    array([[ 0., -1.,  1.]])
    """
    count = np.maximum(candidates.sum(1, keepdims=True), 1)
    mean = np.where(candidates, scores, 0).sum(1, keepdims=True, dtype=np.float64) / count
    centred = np.where(candidates, scores - mean, 0.0)
    spread = np.sqrt((centred**2).sum(1, keepdims=True) / count)
    return np.asarray(centred / np.maximum(spread, SPREAD_MIN) * (spread > SPREAD_MIN))
