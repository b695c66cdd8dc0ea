"""What the consortium's releases say of customers: EASE, an autoencoder and popularity, mixed as it measured them.

The mixture is chosen by the federated `evaluation`, on the validation weeks of all companies; whether it is used
here, and how much of the own model is put beside it, own validation weeks decide (:mod:`participant.models.blend`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from participant.models.weights import Weights
from protocols.questions.mixture import Mixture
from protocols.questions.network import Network

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Released:
    """One scenario's released models: ``ease`` weights, an ``encoder`` or None, and how they are mixed."""

    ease: Weights
    encoder: Network | None
    mixture: Mixture

    def scores(self, history: Floats, candidates: Mask, everywhere: Ints) -> Floats:
        """Scores of customers, (customers, n_concepts).

        Args:
            history: binary rows, (customers, n_concepts).
            candidates: what may be shown, same shape.
            everywhere: customers of each concept at all companies, (n_concepts,).
        """
        encoded = self.encoder.scores(history) if self.encoder and self.mixture.encoder else None
        return self._mixed(encoded, self.ease.scores(history), candidates, everywhere)

    def scores_of(self, concepts: Ints, candidates: Mask, everywhere: Ints) -> Floats:
        """The same for one customer who had ``concepts``; all of shape (n_concepts,)."""
        encoded = self.encoder.scores_of(concepts)[None, :] if self.encoder and self.mixture.encoder else None
        one = self._mixed(encoded, self.ease.scores_of(concepts)[None, :], candidates[None, :], everywhere)
        return np.asarray(one[0])

    def _mixed(self, encoded: Floats | None, ease: Floats, candidates: Mask, everywhere: Ints) -> Floats:
        mixed = self.mixture.apply(encoded, ease, everywhere.astype(np.float64), candidates)
        return np.asarray(mixed, np.float32)
