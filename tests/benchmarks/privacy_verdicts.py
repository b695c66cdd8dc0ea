"""What the measured points say: the bars, and how often the planner would have been right."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from protocols.questions.planner import NEEDED, PLAIN, WITH_OWN, Level, faintest
from tests.benchmarks.privacy_own import ALONE

Json = dict[str, Any]
SURPRISE, EXPLORE = "surprise", "explore"
TYPES = "product types"
SET_AT = ("quarter of the product types", "product categories")
"""Levels at which the planner's threshold was set, with the noise-aware reading; the others test it. Of those,
product types at epsilon 1 and 100 times the customers had been seen as well."""
EXPLORE_BAR, SURPRISE_BAR, SCHEME_BAR = 0.02, 0.08, 0.03
"""Largest losses: by noise at epsilon 1 and 100 times the customers, and of surprise by the row scheme."""


def value(point: Json, metric: str) -> float:
    """Mean over seeds and companies."""
    return float(np.mean([np.mean(seed[metric]) for seed in point["seeds"]]))


def find(points: Sequence[Json], **wanted: object) -> Json | None:
    """The first point with these fields."""
    return next((p for p in points if all(p.get(name) == v for name, v in wanted.items())), None)


def bars(points: Sequence[Json]) -> list[Json]:
    """Each bar with its losses as shares; left out while a point is missing."""
    free = find(points, level=TYPES, arm="noise-aware", epsilon=None)
    noisy = find(points, level=TYPES, arm="noise-aware", epsilon=1.0, population=100)
    found: list[Json] = []
    if free and noisy:
        for metric, bar in ((EXPLORE, EXPLORE_BAR), (SURPRISE, SURPRISE_BAR)):
            found.append(
                _bar(f"{metric} lost to noise, epsilon 1, 100 x customers", metric, noisy, free, bar)
            )
    for arm in ("binary rows, tempered", "binary rows, plain"):
        binary = find(points, level=TYPES, arm=arm)
        if free and binary:
            found.append(
                _bar(f"surprise lost to the row scheme, against {arm}", SURPRISE, free, binary, SCHEME_BAR)
            )
    return found


def _bar(what: str, metric: str, point: Json, against: Json, bar: float) -> Json:
    base = value(against, metric)
    by_seed = [1 - float(np.mean(seed[metric])) / base for seed in point["seeds"]]
    loss = float(np.mean(by_seed))
    return {"what": what, "loss": loss, "by_seed": by_seed, "bar": bar, "held": loss <= bar}


def hits(points: Sequence[Json], members: int) -> Json:
    """The planner's word against what was measured: does the release beat own models and popularity?"""
    trials: list[Json] = []
    for point in points:
        reading, least = point["arm"], floor(points, point["level"])
        if reading not in NEEDED or not point["sigma"] or least is None:
            continue
        level = Level(name=point["level"], concepts=point["concepts"])
        limit = faintest(level, customers=point["customers"], sigma=point["sigma"] * point["population"])
        trials.append(
            {
                "level": level.name,
                "reading": reading,
                "epsilon": point["epsilon"],
                "population": point["population"],
                "limit": limit,
                "predicted": limit <= NEEDED[reading],
                "measured": value(point, SURPRISE) > least,
                "against_best_baseline": value(point, SURPRISE) / least - 1,
            }
        )
    return {"members": members, "needed": dict(NEEDED), "trials": trials, "rates": _rates(trials)}


def alternatives(points: Sequence[Json]) -> list[Json]:
    """How often own exact statistics beside the release give more *surprise* than the plain Gram.

    And how often more than everything that a company has without an exchange, read either way. Other ways to read the
    release itself: `privacy_choice_verdicts.py`.
    """
    real = [p for p in points if p["arm"] == WITH_OWN and p["epsilon"] is not None]
    plain = [(value(p, SURPRISE), other) for p in real if (other := _beside(points, p)) is not None]
    floors = [
        (value(p, SURPRISE), least) for p in real if (least := floor(points, p["level"], with_alone=True))
    ]
    return [
        {
            "name": WITH_OWN,
            "above_plain": sum(mine > other for mine, other in plain),
            "beside_plain": len(plain),
            "above_own": sum(mine > least for mine, least in floors),
            "beside_own": len(floors),
        }
    ]


def _beside(points: Sequence[Json], point: Json) -> float | None:
    where = {name: point[name] for name in ("level", "epsilon", "population")}
    plain = find(points, arm=PLAIN, **where)
    return value(plain, SURPRISE) if plain else None


def floor(points: Sequence[Json], level: str, *, with_alone: bool = False) -> float | None:
    """*Surprise* of the better of popularity and the companies' own models, unit rows too if asked."""
    own = ("own model", "popularity", *((ALONE,) if with_alone else ()))
    found = [find(points, level=level, arm=arm) for arm in own]
    known = [value(point, SURPRISE) for point in found if point]
    return max(known) if len(known) == len(found) else None


def _rates(trials: Sequence[Json]) -> list[Json]:
    """Right of all, by level and reading."""
    found = []
    for level, reading in sorted({(t["level"], t["reading"]) for t in trials}):
        of = [t for t in trials if (t["level"], t["reading"]) == (level, reading)]
        right = sum(t["predicted"] == t["measured"] for t in of)
        found.append(
            {
                "level": level,
                "reading": reading,
                "set_here": level in SET_AT,
                "right": right,
                "of": len(of),
                "rate": right / len(of),
            }
        )
    return found
