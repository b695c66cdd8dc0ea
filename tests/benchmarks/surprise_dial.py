"""What boldness costs and brings on the test weeks: the steps of the dial beside the federated EASE list."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from participant.models import NodeModel
from participant.models.holdout import HoldOut
from participant.models.scoring import linear
from participant.surprise import Dial
from participant.surprise.lists import NOBODY, Setting, list_gains, served_lists
from tests.benchmarks import arms
from tests.benchmarks.arms import Lists

Mask = NDArray[np.bool_]
BASELINE, CHOSEN, BY_APPETITE = "federated EASE list", "as each node chose", "bold places by appetite"
STEPS: Mapping[str, Setting] = {
    "order of likelihood": (0.0, 0.0, 0.0, 0),
    "tau 0.05": (0.05, 0.0, 0.0, 0),
    "1 bold place": (0.0, 0.0, 0.0, 1),
    "tau 0.05, 1 bold place": (0.05, 0.0, 0.0, 1),
    "2 bold places": (0.0, 0.0, 0.0, 2),
    "tau 0.1, 2 bold places": (0.1, 0.0, 0.0, 2),
    "tau 0.25, 3 bold places": (0.25, 0.0, 0.0, 3),
    "tau 0.4, 4 bold places": (0.4, 0.0, 0.0, 4),
}
"""From familiar to bold."""
BOUNDS = (
    (0.0, 0.05),
    (0.0, 0.1),
    (0.0, 0.2),
    (0.0, 1.0),
    (0.05, 1.0),
    (0.1, 1.0),
    (0.2, 1.0),
    (0.3, 1.0),
    (0.5, 1.0),
)
"""{min, max} of a request, from familiar to bold; nothing else moves."""


def steps(model: NodeModel, held: HoldOut, scenario: str) -> dict[str, Lists]:
    """Every step of one company's dial on ``held``, the baseline first."""
    part, customers = model.scenarios[scenario], held.seekers(scenario)
    target = (held.future & held.candidates(scenario))[customers]
    if part.federated is None:
        raise RuntimeError("the benchmark trains with an exchange")
    history = held.history[customers]
    bold = part.boldness
    chosen: Setting = (bold.tau, bold.beta, bold.diversity, bold.places)
    made = {BASELINE: arms.measure(linear(held.history, part.federated), held, scenario)}
    tried = {**STEPS, CHOSEN: chosen}
    lists = served_lists(model, history, scenario, tuple(tried.values()))
    for name, shown in zip(tried, lists, strict=True):
        made[name] = described(shown, target, held)
    for low, high in BOUNDS:
        dial = Dial(minimum=low, maximum=high)
        (shown,) = served_lists(model, history, scenario, ((0.0, 0.0, 0.0, 0),), dial=dial)
        made[f"{{{low:g}, {high:g}}}"] = described(shown, target, held)
    return made


def described(shown: NDArray[np.int64], target: Mask, held: HoldOut) -> Lists:
    """Gains and the shape of the lists; places that stay empty count as no exposure."""
    full = shown[(shown != NOBODY).all(1)]
    return arms.describe(list_gains(shown, target), full, held)


def denial(model: NodeModel, held: HoldOut, scenario: str, denied: Mask) -> dict[str, float]:
    """What denying costs: the share of targets that are denied, and nDCG@10 on the others with and without."""
    target = held.future & held.candidates(scenario)
    left = target & ~denied
    customers = np.flatnonzero(left.any(1))
    bold = model.scenarios[scenario].boldness
    setting: Setting = (bold.tau, bold.beta, bold.diversity, bold.places)
    history = held.history[customers]
    free, safe = (served_lists(model, history, scenario, (setting,), mask)[0] for mask in (None, denied))
    if denied[safe[safe != NOBODY]].any():
        raise RuntimeError("a denied concept was suggested")
    return {
        "concepts": float(denied.sum()),
        "share_of_targets": float((target & denied).sum() / max(1, target.sum())),
        "ndcg_without": float(list_gains(free, left[customers]).mean()),
        "ndcg_with": float(list_gains(safe, left[customers]).mean()),
    }
