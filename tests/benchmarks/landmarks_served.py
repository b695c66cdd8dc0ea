"""What a node serves from landmarks beside what it serves from the square: trained, blended and gated as the product does.

Five companies; sums of unit rows at ridge 60; lists of the blended scores on test weeks (41-53), customer by customer.
In the last arm the own model is read from columns too, as it is of a vocabulary beyond `training.square_max`.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.models import Exchange, Windows, blend, learn
from participant.models.gram import GramColumns, GramMatrix, WholeGram
from participant.models.windows import SCENARIOS
from participant.tallies.taste import gram
from protocols.limits import FRACTION_BITS, SQUARE_MAX
from tests.benchmarks import arms, summary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, Consortium, prepare
from tests.benchmarks.landmarks_wide import RIDGE
from tests.benchmarks.newcomers_report import Json

COMPANIES: Final = 5
LANDMARKS: Final = 512
WINDOWS: Final = Windows(fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL)
ARMS: Final[Mapping[str, tuple[bool, int]]] = {
    "the whole square": (False, SQUARE_MAX),
    f"{LANDMARKS} landmarks": (True, SQUARE_MAX),
    f"{LANDMARKS} landmarks, own model of low rank": (True, 0),
}
"""Whether the release is of landmarks, and up to how many concepts the own model is a square."""


def served() -> list[Json]:
    """Gains of every arm with the paired differences from the first."""
    with tempfile.TemporaryDirectory() as folder:
        consortium = prepare(COMPANIES, Path(folder))
        sums = [_sum(consortium, until) for until in (FIT_UNTIL, VALIDATION_UNTIL)]
        most = np.argsort(-np.diagonal(sums[0]), kind="stable")[:LANDMARKS]
        lines: list[Json] = []
        base: dict[str, list[NDArray[np.float64]]] = {}
        for name, (few, square_max) in ARMS.items():
            fitted, refitted = (_read(each, np.sort(most) if few else None) for each in sums)
            exchange = Exchange(
                fitted=fitted,
                refitted=refitted,
                lambdas=dict.fromkeys(SCENARIOS, int(RIDGE)),
                release="ab" * 32,
                row_scheme="unit",
            )
            line, gains = _arm(consortium, exchange, square_max)
            base = base or gains
            figures = {scenario: beside(found, base[scenario]) for scenario, found in gains.items()}
            lines.append({"model": name, **line, **figures})
    return lines


def beside(gains: Sequence[NDArray[np.float64]], base: Sequence[NDArray[np.float64]]) -> Json:
    """What a model's lists find, and the paired difference from ``base``: both by company and customer."""
    apart = [a - b for a, b in zip(gains, base, strict=True)]
    return {"ndcg": asdict(summary.figure(gains)), "difference": asdict(summary.figure(apart))}


def _sum(consortium: Consortium, until: int) -> NDArray[np.float64]:
    n = len(consortium.vocabulary)
    asked = {"since": 0, "until": until, "customers_until": FIT_UNTIL}
    return np.sum(
        [
            np.ldexp(
                gram(each.taste_rows(consortium.vocabulary, **asked), n, "unit", 0).astype(float),
                -FRACTION_BITS,
            )
            for each in consortium.members
        ],
        axis=0,
    )


def _read(matrix: NDArray[np.float64], places: NDArray[np.int64] | None) -> GramMatrix:
    if places is None:
        return WholeGram(matrix=matrix)
    return GramColumns(cross=matrix[:, places], diagonal=np.diagonal(matrix).copy(), places=places)


def _arm(
    consortium: Consortium, exchange: Exchange, square_max: int
) -> tuple[Json, dict[str, list[NDArray[np.float64]]]]:
    gains: dict[str, list[NDArray[np.float64]]] = {scenario: [] for scenario in SCENARIOS}
    deployed, seconds = 0, 0.0
    for place, records in enumerate(consortium.members):
        began = time.process_time()
        model = learn(
            records, consortium.vocabulary, windows=WINDOWS, exchange=exchange, square_max=square_max
        ).model
        seconds += time.process_time() - began
        held = arms.test_weeks(consortium, place)
        for scenario, part in model.scenarios.items():
            deployed += part.deployed
            scores = model.matrix_scores(scenario, held.history, held.candidates(scenario))
            gains[scenario].append(blend.gains(held, scenario, scores))
    return {"deployed": deployed, "learn_cpu_seconds": seconds / len(consortium.members)}, gains
