"""One company of `floor.py`: gains of a model with every way to add popularity, and how a company would choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from participant.models import blend
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.local import LAMBDAS, TILTS, Setting, TunedLocal, best_of, tune
from participant.models.scoring import popularity, standardise, tilted
from participant.models.windows import SCENARIOS
from tests.benchmarks.learners import Sample
from tests.benchmarks.purchases import Shop

STANDARDISED = (0.2, 0.4, 0.6, 1.0)
"""Weights of popularity beside standardised scores: what a tilt is compared with."""

Floats = NDArray[np.float64]
Grams = NDArray[np.float64]
Table = dict[tuple[float, ...], Floats]
"""Gains by (ridge, tilt, standardised weight of popularity)."""


@dataclass(kw_only=True, eq=False)
class Company:
    """One company: its co-purchases in the fit window, its validation customers, and what was measured."""

    gram: Grams
    held: HoldOut
    own: dict[str, Table] = field(default_factory=lambda: {name: {} for name in SCENARIOS})
    shared: dict[str, Table] = field(default_factory=lambda: {name: {} for name in SCENARIOS})

    @cached_property
    def tuned(self) -> TunedLocal:
        """The own model as the product chooses it."""
        return tune(WholeGram(matrix=self.gram), self.held)

    @classmethod
    def of(cls, shop: Shop, customers: int) -> "Company":
        """At most ``customers`` of those who bought anything new, drawn at random."""
        rows = shop.valid.seekers()
        drawn = np.sort(np.random.default_rng(0).permutation(rows)[:customers])
        return cls(gram=Sample(shop.fit).gram, held=shop.valid.dense(drawn))

    def try_popularity(
        self,
        tables: Mapping[str, Table],
        lam: int,
        weights: NDArray[np.float32],
        buyers: Floats,
        standardised: Sequence[float] = STANDARDISED,
    ) -> None:
        """Gains of one model with every tilt, and with popularity ``standardised`` with these weights."""
        scores = np.asarray(self.held.history @ weights, np.float32)
        counts = np.rint(buyers).astype(np.int64)
        for name, table in tables.items():
            for tilt in TILTS:
                table[lam, tilt, 0] = blend.gains(self.held, name, tilted(scores, tilt, counts))
            candidates = self.held.candidates(name)
            level = standardise(scores, candidates)
            popular = standardise(np.broadcast_to(popularity(counts), scores.shape), candidates)
            for weight in standardised:
                table[lam, 0, weight] = blend.gains(self.held, name, level + np.float32(weight) * popular)


def crossed(table: Table, chosen: Callable[[Table], tuple[float, ...]]) -> Floats:
    """Gains of what the other folds choose."""
    customers = len(next(iter(table.values())))
    folds = np.random.default_rng(0).permutation(customers) % blend.FOLDS
    found = np.zeros(customers)
    for fold in range(blend.FOLDS):
        inside = folds == fold
        if inside.any():
            taken = chosen({key: gains[~inside] for key, gains in table.items()})
            found[inside] = table[taken][inside]
    return found


def highest(table: Table) -> tuple[float, ...]:
    """The key with the highest mean; ties to the first."""
    return max(table, key=lambda key: float(table[key].mean()) if len(table[key]) else 0.0)


def as_nodes(table: Table) -> tuple[float, ...]:
    """What a node takes: a tilt by one standard error."""
    best = best_of({Setting(lam=int(lam), tilt=int(tilt)): gains for (lam, tilt, _), gains in table.items()})
    return (best.lam, best.tilt, 0)


def without(
    table: Table, *, tilt: bool = False, standardised: bool = True, ridges: Sequence[int] = LAMBDAS
) -> Table:
    """The part of a table with no popularity of these kinds, at ``ridges``."""
    return {
        key: gains
        for key, gains in table.items()
        if key[0] in ridges and not (tilt and key[1]) and not (standardised and key[2])
    }
