"""Whether the chance of a first purchase within 30 days is kept: reliability on weeks that chose nothing."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from participant.models.holdout import HoldOut
from participant.models.scoring import linear, standardise
from participant.surprise.lists import NOBODY
from protocols.questions.ranking import TOP, top_indices

Floats = NDArray[np.float64]
BINS, RESAMPLES = 10, 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promises:
    """Suggestions of one company: customer, promised chance, and whether it was bought within 30 days."""

    customer: NDArray[np.int64]
    promised: Floats
    kept: NDArray[np.bool_]


def promises(held: HoldOut, lists: NDArray[np.int64], chance: NDArray[np.float32]) -> Promises:
    """Of everybody's list as served, also of those who bought nothing new; only who has bought before counts."""
    known = held.history.any(1)
    row, place = np.nonzero((lists != NOBODY) & known[:, None])
    at = lists[row, place]
    return Promises(customer=row, promised=chance[row, at].astype(np.float64), kept=held.soon[row, at])


def base_rate(fitted: NDArray[np.float32], held: HoldOut, scenario: str) -> float:
    """The constant promise: how many of ten suggestions were bought within 30 days in validation weeks."""
    candidates = held.candidates(scenario) & (held.buyers > 0)
    scores = standardise(linear(held.history, fitted), candidates)
    shown = top_indices(np.where(candidates, scores, -np.inf), TOP)
    known = held.history.any(1)
    return float(np.take_along_axis(held.soon, shown, 1)[known].mean())


def report(companies: list[Promises], rates: list[float]) -> dict[str, object]:
    """Reliability over all companies' suggestions, beside the base rate of each company."""
    promised = np.concatenate([each.promised for each in companies])
    kept = np.concatenate([each.kept for each in companies])
    constant = np.concatenate([np.full(len(e.kept), r) for e, r in zip(companies, rates, strict=True)])
    owner = np.concatenate([e.customer + 1_000_000 * k for k, e in enumerate(companies)])
    found = {"model": (promised, kept), "base rate": (constant, kept)}
    figures = {
        name: {"ece": ece(p, y), "brier": float(((p - y) ** 2).mean()), **_spread(p, y, owner)}
        for name, (p, y) in found.items()
    }
    return {
        "suggestions": len(kept),
        "kept": float(kept.mean()),
        "figures": figures,
        "bins": [asdict(each) for each in bins(promised, kept)],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One tenth of the suggestions: mean promise, share kept with its 95% Wilson interval, how many."""

    promised: float
    kept: float
    low: float
    high: float
    suggestions: int


def bins(promised: Floats, kept: NDArray[np.bool_]) -> list[Bin]:
    """Tenths by promise (Wilson 1927 intervals)."""
    made = []
    for part in np.array_split(np.argsort(promised, kind="stable"), BINS):
        n, share = len(part), float(kept[part].mean())
        z = 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        made.append(
            Bin(
                promised=float(promised[part].mean()),
                kept=share,
                low=float(middle - half),
                high=float(middle + half),
                suggestions=n,
            )
        )
    return made


def ece(promised: Floats, kept: NDArray[np.bool_]) -> float:
    """Expected calibration error over tenths (Naeini et al., AAAI 2015, bins of equal size).

    >>> round(ece(np.full(10, 0.5), np.arange(10) < 2), 3)  # each tenth holds one: |0.5 - 0| or |0.5 - 1|
    0.5
    """
    parts = np.array_split(np.argsort(promised, kind="stable"), BINS)
    return float(
        sum(abs(promised[p].mean() - kept[p].mean()) * len(p) for p in parts if len(p)) / len(promised)
    )


def _spread(promised: Floats, kept: NDArray[np.bool_], owner: NDArray[np.int64]) -> dict[str, list[float]]:
    """95% intervals of both figures, customers resampled; the tenths stay those of all suggestions."""
    people, at = np.unique(owner, return_inverse=True)
    order = np.argsort(promised, kind="stable")
    tenth = np.empty(len(promised), np.int64)
    for place, part in enumerate(np.array_split(order, BINS)):
        tenth[part] = place
    sums = np.zeros((len(people), BINS + 2))
    np.add.at(sums, (at, tenth), promised - kept)
    np.add.at(sums, (at, BINS), (promised - kept) ** 2)
    np.add.at(sums, (at, BINS + 1), 1.0)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), RESAMPLES) @ sums
    each = np.stack([np.abs(draws[:, :BINS]).sum(1), draws[:, BINS]], axis=1) / draws[:, -1:]
    low, high = np.quantile(each, [0.025, 0.975], axis=0)
    return {"ece_95": [float(low[0]), float(high[0])], "brier_95": [float(low[1]), float(high[1])]}
