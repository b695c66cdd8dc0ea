"""EASE with popularity beside its scores: what companies have as their own model, and what a release may become.

Tilts are those that nodes and the consortium choose from.
"""

from collections.abc import Sequence

import numpy as np

from participant.models.local import TILTS
from participant.models.scoring import tilted
from protocols.questions.ease import ease
from tests.benchmarks.learners import Floats, Sample, Scorer, Setting


class TiltedEase:
    """``x @ W + tilt / 100 * log(1 + buyers)``, ridge and tilt chosen together; the sum is all that is needed."""

    name = "EASE and popularity"
    random = False

    def __init__(self, ridges: Sequence[int]) -> None:
        self.settings: Sequence[Setting] = tuple(
            {"lambda": ridge, "tilt": tilt} for ridge in ridges for tilt in TILTS
        )
        self._made: tuple[tuple[Sample, ...], float, Floats] | None = None

    def fit(self, samples: Sequence[Sample], setting: Setting, _seed: int) -> dict[str, Scorer]:
        """One inverse for all tilts at one ridge."""
        gram = samples[0].gram if len(samples) == 1 else np.sum([each.gram for each in samples], axis=0)
        key = (tuple(samples), setting["lambda"])
        if self._made is None or self._made[:2] != key:
            self._made = (*key, ease(gram, setting["lambda"]))
        weights = self._made[2]
        buyers, tilt = np.rint(np.diagonal(gram)).astype(np.int64), int(setting["tilt"])
        return {self.name: lambda history: tilted(np.asarray(history @ weights, np.float32), tilt, buyers)}
