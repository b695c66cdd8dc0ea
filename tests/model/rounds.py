"""Attempt after attempt about one answer, until nothing new can happen: all that the adversary ever learns.

Attempts share nothing but the answer itself and what each member's first unmasking bound it to: keys and
masks are fresh, messages of one attempt are refused in another. Steps of different attempts therefore change
places freely, and attempts may be played one after the other. What is left between them, the
:class:`Summary`, is small; the exploration ends when no attempt leads to a new one, and so covers any number
of retries and of rounds with other cohorts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.model.attempts import Renaming, attempts, rename, renamed_bound, renamings
from tests.model.knowledge import Basis, least_support, revealed, span
from tests.model.party import Bound, Cohort, Guard, Local, State, World


class Summary(NamedTuple):
    """What is left of attempts that are over: whom each answer is bound to, and which sums are known."""

    bound: Bound
    known: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One attempt of a trace: its configuration and what each machine was shown and did."""

    cohort: Cohort
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """Everything reachable: ``sums`` is the most independent sums, ``least`` the fewest honest answers in one.

    ``attack`` is a shortest sequence of attempts that breaks the promise, empty if none does.
    """

    states: int
    summaries: int
    sums: int
    least: int
    promised: int
    attack: tuple[Step, ...]
    known: Basis


def explore(world: World, cohorts: Sequence[Cohort], *, one_sum: bool = True) -> Exploration:
    """Play every sequence of attempts with configurations out of ``cohorts``.

    Promised are at least max(t, m) - c honest answers in whatever combination comes out, and one sum only
    where ``one_sum`` says so.
    """
    promised = min(cohort.floor for cohort in cohorts) - world.colluders
    start = Summary((0,) * world.honest, ())
    came: dict[Summary, tuple[Summary, Step, Renaming] | None] = {start: None}
    frontier, states, ends = [start], 0, {}
    broken: Summary | None = None
    while frontier:
        following = []
        for summary in frontier:
            for cohort in cohorts:
                if (summary.bound, cohort) not in ends:
                    ends[summary.bound, cohort], visited = attempts(world, cohort, summary.bound)
                    states += visited
                for state in ends[summary.bound, cohort]:
                    after, renaming = _least(world, _after(world, cohort, summary, state))
                    if after not in came:
                        came[after] = (summary, Step(cohort=cohort, state=state), renaming)
                        following.append(after)
                        if broken is None and _breaks(after.known, promised, one_sum):
                            broken = after
        frontier = following
    known = [summary.known for summary in came if summary.known]
    return Exploration(
        states=states,
        summaries=len(came),
        sums=max(map(len, known), default=0),
        least=min(map(least_support, known), default=0),
        promised=promised,
        attack=() if broken is None else _trace(world, came, broken),
        known=() if broken is None else _in_first_names(world, came, broken),
    )


def _breaks(known: Basis, promised: int, one_sum: bool) -> bool:
    return bool(known) and (least_support(known) < promised or (one_sum and len(known) > 1))


def _after(world: World, cohort: Cohort, summary: Summary, state: State) -> Summary:
    bound = list(summary.bound)
    for member, local in zip(world.machines, state, strict=True):
        forgets = Guard.ONCE in world.dropped or (world.restored and member == 0)
        if local.opened and not forgets:
            bound[member] = local.u3
    return Summary(tuple(bound), span((*summary.known, *revealed(world, cohort, state))))


def _least(world: World, summary: Summary) -> tuple[Summary, Renaming]:
    return min((_renamed(renaming, summary), renaming) for renaming in renamings(world))


def _renamed(renaming: Renaming, summary: Summary) -> Summary:
    known = []
    for row in summary.known:
        moved = [0] * len(row)
        for member, value in enumerate(row):
            moved[renaming[member]] = value
        known.append(moved)
    return Summary(renamed_bound(renaming, summary.bound), span(known))


def _path(came: dict[Summary, tuple[Summary, Step, Renaming] | None], end: Summary) -> list[Summary]:
    path = [end]
    while (before := came[path[-1]]) is not None:
        path.append(before[0])
    return path[::-1]


def _names(came: dict[Summary, tuple[Summary, Step, Renaming] | None], path: list[Summary]) -> list[Renaming]:
    """For each summary of ``path``: how its names are called in the first one."""
    names: list[Renaming] = []
    for summary in path[1:]:
        _, _, renaming = came[summary] or ((), (), ())
        before = names[-1] if names else tuple(range(len(renaming)))
        back = [0] * len(renaming)
        for member, to in enumerate(renaming):
            back[to] = before[member]
        names.append(tuple(back))
    return names


def _trace(
    world: World, came: dict[Summary, tuple[Summary, Step, Renaming] | None], end: Summary
) -> tuple[Step, ...]:
    """The attempts that lead to ``end``, all in the names of the first."""
    path = _path(came, end)
    names = [tuple(range(world.n)), *_names(came, path)]
    steps = []
    for called, summary in zip(names, path[1:], strict=False):
        _, step, _ = came[summary] or (None, None, None)
        if step is None:
            continue
        cohort = Cohort(
            members=rename(called, step.cohort.members),
            threshold=step.cohort.threshold,
            minimum=step.cohort.minimum,
        )
        moved = sorted(
            (
                called[member],
                Local(rename(called, s.u1), s.label, rename(called, s.u2), rename(called, s.u3), s.opened),
            )
            for member, s in zip(world.machines, step.state, strict=True)
        )
        steps.append(Step(cohort=cohort, state=tuple(local for _, local in moved)))
    return tuple(steps)


def _in_first_names(
    world: World, came: dict[Summary, tuple[Summary, Step, Renaming] | None], end: Summary
) -> Basis:
    names = _names(came, _path(came, end))
    return _renamed(names[-1], end).known
