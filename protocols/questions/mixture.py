"""Several models of one consortium as one ranking: scores on one scale, added with weights.

Scores are standardised over a customer's own candidates first, so that a weight means the same for every
customer, company and model: ``z = (score - mean) / spread``. A mixture is part of a question (`evaluation`
measures several), so it is in whole hundredths, and what was measured is what a node then serves.

EASE's own scores grow with what is known of a customer, and what is popular says most about those of whom little
is. So popularity may also be added to EASE before its scores are standardised: the *tilt*.

>>> Mixture.typed("100:30:0").words, Mixture.typed("0:100:0:5").words
('1 x encoder + 0.3 x EASE', '1 x (EASE + 0.05 x popularity)')
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput, MalformedMessage
from protocols.questions.ranking import STRIP

Scores = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

WEIGHT_MAX: Final = 10_000
"""A hundred times another arm: the rest would not be heard."""

SPREAD_MIN: Final = 1e-12
"""A constant arm says nothing: its standardised scores are all zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Weights of the released models, in hundredths: `encoder`, EASE, and popularity in the sum (its logarithm).

    ``tilt``: hundredths of popularity that are added to EASE's scores, as they are.
    """

    TAG: ClassVar[str] = "mixture"
    encoder: int
    ease: int
    popularity: int
    tilt: int = 0

    def __post_init__(self) -> None:
        weights = (self.encoder, self.ease, self.popularity)
        bounded = all(0 <= weight <= WEIGHT_MAX for weight in (*weights, self.tilt))
        if not bounded or not any(weights) or (self.tilt and not self.ease):
            raise MalformedMessage(
                expected=f"weights from 0 to {WEIGHT_MAX}, one of them above 0, and a tilt only of EASE",
                came=":".join(map(str, (*weights, self.tilt))),
                do="write hundredths of encoder, EASE and popularity, such as 100:30:0, and the tilt if there is one",
            )

    @classmethod
    def typed(cls, text: str) -> Self:
        """The mixture that an admin typed as ``encoder:ease:popularity`` or with ``:tilt`` at the end.

        Raises:
            BadInput: not three or four whole numbers.
        """
        parts = text.strip().split(":")
        if len(parts) not in (3, 4) or not all(part.isascii() and part.isdigit() for part in parts):
            raise BadInput(
                expected="hundredths of encoder, EASE and popularity, such as 100:30:0, and perhaps of EASE's tilt",
                came=repr(text)[:80],
                do="correct mixes",
            )
        encoder, ease, popularity, tilt = map(int, (*parts, "0")[:4])
        return cls(encoder=encoder, ease=ease, popularity=popularity, tilt=tilt)

    @property
    def words(self) -> str:
        """The mixture for people."""
        ease = f"(EASE + {self.tilt / 100:g} x popularity)" if self.tilt else "EASE"
        named = (("encoder", self.encoder), (ease, self.ease), ("popularity", self.popularity))
        return " + ".join(f"{weight / 100:g} x {name}" for name, weight in named if weight)

    def tilted(self, tilt: int) -> Self:
        """The same with another tilt of EASE; without EASE there is nothing to tilt."""
        return replace(self, tilt=tilt) if self.ease else self

    def apply(
        self, encoder: Scores | None, ease: Scores, buyers: npt.NDArray[np.floating], candidates: Mask
    ) -> Scores:
        """:meth:`of` arms that no other mixture is made of.

        >>> mask = np.ones((1, 3), bool)
        >>> half = Mixture(encoder=0, ease=100, popularity=50)
        >>> half.apply(None, np.array([[0.0, 1.0, 2.0]]), np.array([9.0, 0.0, 0.0]), mask).round(3)
        array([[-0.518, -0.354,  0.871]])
        >>> tilted = Mixture(encoder=0, ease=100, popularity=0, tilt=50)
        >>> tilted.apply(None, np.array([[0.0, 1.0, 2.0]]), np.array([9.0, 0.0, 0.0]), mask).round(3)
        array([[1.151, 1.   , 2.   ]])
        """
        return self.of(Arms(encoder=encoder, ease=ease, buyers=buyers, candidates=candidates))

    def of(self, arms: "Arms") -> Scores:
        """Scores of the mixture, (customers, n_concepts). EASE alone stays as it is: a scale changes no ranking.

        Raises:
            BadInput: the encoder has a weight and no scores came.
        """
        if self.ease and not self.encoder and not self.popularity:
            return arms.tilted(self.tilt)
        if self.encoder and arms.encoder is None:
            raise BadInput(
                expected="scores of an encoder", came="none", do="name the encoder release that is meant"
            )
        # hundredths, divided at the end: a weight of one leaves standardised scores as they are, to the bit
        weights = (("encoder", self.encoder), ("ease", self.ease), ("popularity", self.popularity))
        first, *more = ((arms.standard(name, self.tilt), weight) for name, weight in weights if weight)
        total = np.multiply(*first)
        for arm, weight in more:
            total += arm * weight
        total /= 100
        return total


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
    popular: Floats = field(init=False)
    """log(1 + buyers), (n_concepts,)."""
    _standard: dict[tuple[str, int], Floats] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        popular = np.asarray(np.log1p(np.maximum(self.buyers, 0.0)), np.float64)
        object.__setattr__(self, "popular", popular)

    def with_ease(self, ease: Scores) -> "Arms":
        """The same with EASE of another ridge; what was standardised of the others stays."""
        kept = {key: scores for key, scores in self._standard.items() if key[0] != "ease"}
        return replace(self, ease=ease, _standard=kept)

    def tilted(self, tilt: int) -> Scores:
        """EASE's scores with ``tilt`` hundredths of popularity."""
        return self.ease + tilt / 100 * self.popular if tilt else self.ease

    def standard(self, arm: str, tilt: int) -> Floats:
        """Standardised scores of "encoder", "ease" or "popularity", made when they are first wanted."""
        key = (arm, tilt if arm == "ease" else 0)
        if key not in self._standard:
            scores: Scores | None = self.encoder
            if arm == "ease":
                scores = self.tilted(tilt)
            elif arm == "popularity":
                scores = np.broadcast_to(self.popular, self.candidates.shape)
            self._standard[key] = standardise(np.asarray(scores), self.candidates)
        return self._standard[key]


PLAIN: Final = Mixture(encoder=0, ease=100, popularity=0)
"""EASE alone: what a `taste` release is by itself."""

WITHOUT_ENCODER: Final = "0:100:0,0:100:0:5,0:100:0:10,0:100:15,0:100:30,0:100:60"
WITH_ENCODER: Final = (
    "100:0:0,100:10:0,100:20:0,100:30:0,100:60:0,100:30:0:5,100:30:0:10,100:60:0:5,100:60:0:10,100:100:0:10,"
    "100:0:60,100:30:30,100:60:60,100:100:60"
)
"""What an evaluation tries where nobody says otherwise. A trained encoder wants little of EASE beside it for *surprise*,
one of few rounds much; for *explore* popularity counts through the tilt."""


def standardise(scores: Scores, candidates: Mask) -> Floats:
    """Mean 0 and spread 1 over each row's candidates; 0 elsewhere.

    >>> standardise(np.array([[9.0, 1.0, 3.0]]), np.array([[False, True, True]]))
    array([[ 0., -1.,  1.]])
    """
    found = np.empty(candidates.shape)
    for start in range(0, len(found), STRIP):
        some = slice(start, start + STRIP)
        _standardise(scores[some], candidates[some], found[some])
    return found


def _standardise(scores: Scores, candidates: Mask, centred: Floats) -> None:
    count = np.maximum(np.count_nonzero(candidates, axis=1, keepdims=True), 1)
    mean = np.where(candidates, scores, 0).sum(1, keepdims=True, dtype=np.float64) / count
    centred[:] = np.where(candidates, scores - mean, 0.0)
    spread = np.sqrt(np.square(centred).sum(1, keepdims=True) / count)
    centred /= np.where(spread > SPREAD_MIN, spread, np.inf)
