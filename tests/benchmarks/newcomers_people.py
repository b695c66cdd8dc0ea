"""Cold customers and new shops: explore and surprise where the history is short.

*Cold customers* have at most three baskets at the company by the end of the history. A *new shop* opened four
weeks before the targets begin: that is all its own history, and all that its customers were seen buying; the
federation is the sum of the other companies, which are as old as ever, with or without its four weeks.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.questions.ease import ease
from tests.benchmarks.newcomers_data import Company, Mask, Rows, Split, gains, gram, obvious, total, unit
from tests.benchmarks.newcomers_report import Gains

COLD_BASKETS = 3
NEW_WEEKS = 4
BASELINE = "local popularity"
LOCAL, BINARY, UNIT = (300.0, 1000.0), (1000.0, 3000.0), (15.0, 60.0)
SHORT = (30.0, 300.0)
"""Ridges of a shop that has four weeks."""

Table = dict[str, dict[str, Gains]]
Chosen = Mapping[str, Mapping[str, str]] | None
Scores = Callable[[], NDArray[np.floating]]


def due(chosen: Chosen, arm: str, setting: str) -> bool:
    """Whether any metric wants this setting; all are while nothing is chosen."""
    return chosen is None or any(arms.get(arm) == setting for arms in chosen.values())


def add(table: Table, arm: str, setting: str, scores: NDArray[np.floating], group: "Group") -> None:
    """The gains of ``scores`` for explore and for surprise."""
    for metric, mask in group.allowed.items():
        found, _ = gains(scores, group.future, mask)
        table.setdefault(metric, {}).setdefault(arm, {}).setdefault(setting, []).append(found)


class Group:
    """Some customers of a company: their history, their future, and what may be recommended to them."""

    def __init__(self, history: Rows, future: Rows, known: Mask) -> None:
        self.history, self.future = history, future
        new = history == 0
        self.allowed = {"explore": new, "surprise": new & ~known}

    def popular(self, buyers: NDArray[np.floating]) -> NDArray[np.floating]:
        """The same scores for everybody."""
        return np.broadcast_to(buyers, self.history.shape)


def cold_customers(members: list[Company], split: Split, chosen: Chosen = None) -> Table:
    """Gains by metric, arm and setting of the customers with at most three baskets."""
    table: Table = {}
    rows = [m.rows(0, split.history) for m in members]
    groups = []
    for member, x in zip(members, rows, strict=True):
        cold = member.baskets_until(split.history) <= COLD_BASKETS
        groups.append(Group(x[cold], member.rows(split.history, split.until)[cold], obvious(x)))
    binary = [gram(x) for x in rows]
    for k, group in enumerate(groups):
        add(table, BASELINE, "", group.popular(rows[k].sum(0)), group)
        for lam in LOCAL:
            if due(chosen, "local EASE", f"ridge {lam:g}"):
                add(table, "local EASE", f"ridge {lam:g}", group.history @ ease(binary[k], lam), group)
    everybody = np.sum([x.sum(0) for x in rows], axis=0)
    for group in groups:
        add(table, "federated popularity", "", group.popular(everybody), group)
    made = {"federated EASE": (total(binary), BINARY, False)}
    made["federated EASE, unit rows"] = (total([gram(unit(x)) for x in rows]), UNIT, True)
    for arm, (whole, lambdas, lengths) in made.items():
        for lam in lambdas:
            if due(chosen, arm, f"ridge {lam:g}"):
                weights = ease(whole, lam)
                for group in groups:
                    add(
                        table,
                        arm,
                        f"ridge {lam:g}",
                        (unit(group.history) if lengths else group.history) @ weights,
                        group,
                    )
    return table


def new_shops(members: list[Company], split: Split, chosen: Chosen = None) -> Table:
    """Gains by metric, arm and setting where each company in turn opened four weeks ago."""
    table: Table = {}
    old = [gram(unit(m.rows(0, split.history))) for m in members]
    buyers = [m.rows(0, split.history).sum(0) for m in members]
    whole = total(old)
    for k, member in enumerate(members):
        seen = member.rows(split.history - NEW_WEEKS, split.history)
        here = seen.any(1)
        group = Group(seen[here], member.rows(split.history, split.until)[here], obvious(seen))
        history = unit(group.history)
        add(table, BASELINE, "", group.popular(seen.sum(0)), group)
        add(table, "others' popularity", "", group.popular(np.sum(buyers, axis=0) - buyers[k]), group)
        own = gram(history)
        for arm, matrix, lambdas in (
            ("local EASE", gram(group.history), SHORT),
            ("others' EASE, unit rows", whole - old[k], (60.0,)),
            ("federated EASE, unit rows", whole - old[k] + own, (60.0,)),
        ):
            for lam in lambdas:
                if due(chosen, arm, f"ridge {lam:g}"):
                    scored = group.history if arm == "local EASE" else history
                    add(table, arm, f"ridge {lam:g}", scored @ ease(matrix, lam), group)
    return table
