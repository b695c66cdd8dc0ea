"""What boldness costs and brings on the test weeks: the steps of the dial beside the federated EASE list."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from participant.models import NodeModel
from participant.models.holdout import HoldOut
from participant.surprise import Dial
from participant.surprise.lists import (
    NOBODY,
    UNMOVED,
    Setting,
    likeness_of,
    list_gains,
    pick,
    pool,
    seen,
    served_lists,
)
from protocols.questions.ranking import TOP
from tests.benchmarks import arms
from tests.benchmarks.arms import Lists

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
BASELINE, CHOSEN, BY_APPETITE = "federated EASE list", "as each node chose", "bold places by appetite"
STEPS: Mapping[str, Setting] = {
    "order of likelihood": UNMOVED,
    "tau 0.1": (0.1, 0.0, 0.0, 0),
    "1 bold place": (0.0, 0.0, 0.0, 1),
    "tau 0.1, 1 bold place": (0.1, 0.0, 0.0, 1),
    "2 bold places": (0.0, 0.0, 0.0, 2),
    "tau 0.1, 2 bold places": (0.1, 0.0, 0.0, 2),
    "tau 0.25, 2 bold places": (0.25, 0.0, 0.0, 2),
    "tau 0.25, 3 bold places": (0.25, 0.0, 0.0, 3),
    "tau 0.25, 4 bold places": (0.25, 0.0, 0.0, 4),
}
"""From familiar to bold, bold places where they are affordable, as nodes serve them."""
DEAR: Mapping[str, Setting] = {
    "1 bold place, whatever it costs": (0.0, 0.0, 0.0, 1),
    "tau 0.4, 4 bold places, whatever they cost": (0.4, 0.0, 0.0, 4),
}
"""As a request may ask."""
BOUNDS = (
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """Every list of one company's customers, (customers, TOP), and P(accept) and surprise of all concepts."""

    lists: dict[str, Ints]
    chance: NDArray[np.float32]
    surprise: NDArray[np.float32]


def shown(model: NodeModel, held: HoldOut, scenario: str, levels: Ints) -> Shown:
    """Make all lists in one pass; ``levels`` are the customers' appetites."""
    bold = model.scenarios[scenario].boldness
    chosen: Setting = (bold.tau, bold.beta, bold.diversity, bold.places)
    tried = {**STEPS, CHOSEN: chosen}
    personal: list[Setting] = [(*chosen[:3], max(0, bold.places + step)) for step in (-1, 0, 1)]
    names = [*tried, BY_APPETITE, *DEAR, *map(_named, BOUNDS)]
    shape = (len(held.history), TOP)
    lists = {name: np.full(shape, NOBODY, np.int64) for name in names}
    chance, surprise = (np.zeros(held.history.shape, np.float32) for _ in range(2))
    for one in seen(model, held.history, scenario):
        chance[one.at], surprise[one.at] = one.view.relevance, one.view.surprise
        order, _ = pool(one.view, one.candidates, Dial(), TOP)
        alike = likeness_of(model.scenarios[scenario], order)
        for name, setting in [*tried.items(), (BY_APPETITE, personal[levels[one.at]]), *DEAR.items()]:
            cap = 1.0 if name in DEAR else bold.cap
            moved = setting if one.known else UNMOVED
            found = pick(one.view, order, alike, TOP, moved, one.candidates, cap=cap)
            lists[name][one.at, : len(found)] = found
        for low, high in BOUNDS:
            near, _ = pool(one.view, one.candidates, Dial(minimum=low, maximum=high), TOP)
            lists[_named((low, high))][one.at, : len(near[:TOP])] = near[:TOP]
    return Shown(lists=lists, chance=chance, surprise=surprise)


def steps(model: NodeModel, held: HoldOut, scenario: str, made: Shown) -> dict[str, tuple[Lists, float]]:
    """Every step of one company's dial, the baseline first: its lists and their mean surprise."""
    part, customers = model.scenarios[scenario], held.seekers(scenario)
    target = (held.future & held.candidates(scenario))[customers]
    if part.federated is None:
        raise RuntimeError("the benchmark trains with an exchange")
    base = arms.measure(part.federated.scores(held.history), held, scenario)
    found = {BASELINE: (base, float("nan"))}
    for name, lists in made.lists.items():
        mine = lists[customers]
        full = mine[(mine != NOBODY).all(1)]
        values = made.surprise[customers[:, None], mine][mine != NOBODY]
        found[name] = (arms.describe(list_gains(mine, target), full, held), float(values.mean()))
    return found


def denial(model: NodeModel, held: HoldOut, scenario: str, denied: Mask, free: Ints) -> dict[str, float]:
    """What denying costs: the share of targets that are denied, and nDCG@10 on the others with and without.

    ``free`` are the lists that nobody denied anything.
    """
    target = held.future & held.candidates(scenario)
    left = target & ~denied
    customers = np.flatnonzero(left.any(1))
    bold = model.scenarios[scenario].boldness
    setting: Setting = (bold.tau, bold.beta, bold.diversity, bold.places)
    safe = served_lists(model, held.history[customers], scenario, (setting,), denied, cap=bold.cap)[0]
    if denied[safe[safe != NOBODY]].any():
        raise RuntimeError("a denied concept was suggested")
    return {
        "concepts": float(denied.sum()),
        "share_of_targets": float((target & denied).sum() / max(1, target.sum())),
        "ndcg_without": float(list_gains(free[customers], left[customers]).mean()),
        "ndcg_with": float(list_gains(safe, left[customers]).mean()),
    }


def _named(bounds: tuple[float, float]) -> str:
    return f"{{{bounds[0]:g}, {bounds[1]:g}}}"
