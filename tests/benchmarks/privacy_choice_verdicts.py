"""What the compared readers say: which is better on validation weeks, and what that came to on test weeks."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from protocols.questions.planner import NEEDED, NODES, NOISE_AWARE, PLAIN, Level, faintest
from tests.benchmarks.privacy_readers import READERS
from tests.benchmarks.privacy_verdicts import EXPLORE, SURPRISE, find, floor

Json = dict[str, Any]
WHOLE, BESIDE = "as a whole", "beside own exact"
PLACE: Final = ("level", "epsilon", "population", "use")


def mean(point: Json, weeks: str, metric: str) -> float:
    """Over draws of the noise; ``weeks`` are "valid" or "test"."""
    return float(np.mean([draw[metric] for draw in point[weeks]]))


def beside(points: Sequence[Json], point: Json, reader: str) -> Json | None:
    """What another reader made of the same level, noise and use."""
    return find(points, reader=reader, **{name: point[name] for name in PLACE})


def duels(points: Sequence[Json]) -> list[Json]:
    """What nodes read against every other reader: in how many cases it is ahead, and by what share."""
    found = []
    for use in (WHOLE, BESIDE):
        mine = [p for p in points if (p["reader"], p["use"]) == (NODES, use)]
        for other in READERS:
            both = [(p, rival) for p in mine if (rival := beside(points, p, other)) and other != NODES]
            if both:
                found.append({"other": other, "use": use, **_ahead(both)})
    return found


def _ahead(both: Sequence[tuple[Json, Json]]) -> Json:
    found: Json = {"cases": len(both)}
    for weeks in ("valid", "test"):
        for metric in (EXPLORE, SURPRISE):
            gains = [mean(p, weeks, metric) / mean(rival, weeks, metric) - 1 for p, rival in both]
            found[f"{weeks} {metric}"] = {
                "ahead": sum(gain > 0 for gain in gains),
                "mean": float(np.mean(gains)),
                "least": min(gains),
                "most": max(gains),
            }
    return found


def alternatives(points: Sequence[Json], measured: Sequence[Json]) -> list[Json]:
    """How often each reader's *surprise* on test weeks is above the plain Gram's, and above own models.

    ``measured`` are the points of `privacy_quality.json`, which have what companies get without an exchange.
    """
    found = []
    for reader in READERS:
        mine = [p for p in points if (p["reader"], p["use"]) == (reader, WHOLE)]
        plain = [(p, other) for p in mine if (other := beside(points, p, PLAIN))]
        real = [p for p in mine if p["population"] == 1]
        floors = [(p, least) for p in real if (least := floor(measured, p["level"], with_alone=True))]
        if reader != PLAIN:
            found.append(
                {
                    "name": reader,
                    "above_plain": sum(_test(p) > _test(other) for p, other in plain),
                    "beside_plain": len(plain),
                    "above_own": sum(_test(p) > least for p, least in floors),
                    "beside_own": len(floors),
                }
            )
    return found


def hits(points: Sequence[Json], measured: Sequence[Json]) -> list[Json]:
    """The planner's word about what nodes read, against test weeks: thresholds were set before it existed."""
    found = []
    for point in points:
        least = floor(measured, point["level"])
        if (point["reader"], point["use"]) != (NODES, WHOLE) or least is None:
            continue
        limit = faintest(
            Level(name=point["level"], concepts=point["concepts"]),
            customers=point["customers"],
            sigma=point["sigma"] * point["population"],
        )
        where = {name: point[name] for name in PLACE}
        predicted = limit <= NEEDED[NOISE_AWARE]
        lead = _test(point) / least - 1
        found.append(where | {"limit": limit, "predicted": predicted, "against_best_baseline": lead})
    return found


def _test(point: Json) -> float:
    return mean(point, "test", SURPRISE)
