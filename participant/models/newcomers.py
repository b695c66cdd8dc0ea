"""What a node knows of things that are new to its shelves, and whether own validation weeks bear it out.

Two kinds of item are in no list of concepts that were sold here: an item that no shared concept describes, of
which nothing is known but its text, and an item of a shared concept that nobody has bought here yet. Each kind has
a rule of its own, and a gate:

- *Texts* are scored by the `content` sum (:mod:`participant.models.content`), by itself or beside the shop's own
  sales by text, where that ranks what was first sold in the validation weeks better than own sales by text alone: its
  floor, since popularity elsewhere is not known of an item without a concept.
- *Concepts* new to the shop are ranked by popularity elsewhere, and by the blended taste where that ranks those first
  sold in the validation weeks better.

Better means a mean paired difference of nDCG@10 above zero; where the sum has noise, by one standard error (see
:mod:`participant.models.gate`). A shop where nothing was new in those weeks shows no evidence, and uses neither taste
nor texts. A chance is how often the first suggestion of the kind was bought, over all customers, brought to 30 days like that
of any other suggestion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models.content import TextMap
from participant.models.holdout import SOON_DAYS
from participant.models.refit import Risen
from participant.models.resampling import Interval, interval

PRIOR_CHANCE: Final = 0.01
PRIOR_SHOWN: Final = 50.0
"""A chance is shrunk as if so many had been shown something of the kind, and one in a hundred had bought it."""

Floats = NDArray[np.float64]
_PREFIX: Final = "newcomers."
NO_GAIN: Final = interval(np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What validation decided, with its figures: differences of nDCG@10 by customer.

    Attributes:
        release: the `content` release that texts are read with, in hex; "" where none is used.
        encoder, dimensions: how that question reads a text.
        boldness: how much taste counts beside the share of baskets.
        own: the weight of this company's own sales in that share; 1: nothing else is in it.
        text_gain: of the sum against own sales by text; no customers where nothing could be compared.
        text_chance, concept_chance: see the module.
        by_taste: whether taste orders new concepts; otherwise popularity elsewhere does.
        concept_gain: of taste against popularity elsewhere.
        text_risen: why texts are read by the judged sum and not by the refit; None: they are read by the refit.
    """

    release: str = ""
    encoder: str = ""
    dimensions: int = 0
    boldness: float = 0.0
    own: float = 0.0
    text_gain: Interval = NO_GAIN
    text_chance: float = PRIOR_CHANCE
    by_taste: bool = False
    concept_gain: Interval = NO_GAIN
    concept_chance: float = PRIOR_CHANCE
    text_risen: Risen | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Newcomers:
    """The rules, and the map of texts where one is used."""

    rules: Rules
    texts: TextMap | None = None

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """Arrays to keep on disk, by name."""
        if self.texts is None:
            return {}
        kept = {"shares": self.texts.shares, "tastes": self.texts.tastes, "mean_row": self.texts.mean_row}
        return {_PREFIX + name: np.ascontiguousarray(value, np.float32) for name, value in kept.items()}

    @classmethod
    def kept(cls, rules: Rules | None, tensors: Mapping[str, NDArray[np.generic]]) -> "Newcomers | None":
        """What was saved; None for a model of before there were rules.

        Raises:
            KeyError: the rules use texts and no map is there.
        """
        if rules is None:
            return None
        if not rules.release:
            return cls(rules=rules)

        def array(name: str) -> Floats:
            return np.asarray(tensors[_PREFIX + name], np.float64)

        known = TextMap(
            shares=array("shares"),
            tastes=np.asarray(tensors[_PREFIX + "tastes"], np.float32),
            mean_row=array("mean_row"),
            boldness=rules.boldness,
        )
        return cls(rules=rules, texts=known)


def soon(chance: float, days: float) -> float:
    """The chance within 30 days of what was seen within ``days``, as if its rate were constant.

    >>> round(soon(0.36, 60.0), 3)  # not 0.36 / 2
    0.2
    """
    return 1.0 - float((1.0 - chance) ** (SOON_DAYS / days))


def chance(bought: int, shown: int) -> float:
    """The shrunk share of first suggestions that were bought.

    >>> chance(0, 0), chance(30, 450)  # not 30 / 450
    (0.01, 0.061)
    """
    return (bought + PRIOR_CHANCE * PRIOR_SHOWN) / (shown + PRIOR_SHOWN)
