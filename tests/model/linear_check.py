"""The linear check of a release as symbols: who can be made to believe which sum, and what answers tell.

It follows an attempt whose survivors confirmed one another, so that every honest one holds the same commitments (that
they do is what :mod:`tests.model.party` is about). Release 0 is their sum, release 1 is another. The adversary
signs both, and chooses for each honest member alone which release, openings and answers it is shown, and when.
Every challenge is a symbol of its own, and every mask with a colluder is known: what is left is linear algebra over
inner products and masks, as in :mod:`tests.model.knowledge`. A colluder's answer is any number.

>>> found = explore(World(honest=3, colluders=0))
>>> found.wrong, found.split, found.least
(False, False, 3)
>>> explore(World(honest=3, colluders=1)).wrong
True
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product
from typing import NamedTuple

from tests.model.knowledge import PRIME, span

RELEASES = (0, 1)
LEFT_OUT = -1


class Guard(StrEnum):
    """What an honest member insists on, and what can be left out."""

    ONCE = "opens for one release, answers one set of openings"
    VIEW = "takes openings for its own release alone"
    EVERYBODY = "takes nothing but what all survivors said"
    SAME = "takes answers to the openings that it saw alone"
    BOUND = "masks depend on release and openings"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The survivors, and which guards the honest have lost."""

    honest: int
    colluders: int
    dropped: frozenset[Guard] = frozenset()


class View(NamedTuple):
    """What an answer is bound to: a release, and for each honest member the release that its shown opening is for."""

    release: int
    shown: tuple[int, ...]


class Local(NamedTuple):
    """What one honest member has said: the releases it opened for, the views it answered."""

    opened: frozenset[int] = frozenset()
    answered: frozenset[View] = frozenset()


State = tuple[Local, ...]
Row = dict[tuple[object, ...], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Over all states: whether somebody believes release 1, whether two believe different releases, the fewest
    honest answers in anything that answers tell (0: they tell nothing), and how many states there are.
    """

    wrong: bool
    split: bool
    least: int
    states: int


def explore(world: World) -> Found:
    """Every state that the adversary can bring about; stops at nothing."""
    start: State = (Local(),) * world.honest
    seen, left = {start}, [start]
    wrong = split = False
    least = 0
    while left:
        state = left.pop()
        believed = {believes for at in range(world.honest) for believes in beliefs(world, state, at)}
        members = [frozenset(beliefs(world, state, at)) for at in range(world.honest)]
        wrong |= 1 in believed
        split |= any(a != b for one, other in combinations(members, 2) for a in one for b in other)
        support = told(world, state)
        least = min(least or support, support or least)
        for at in range(world.honest):
            for local in moves(world, state, at):
                after = (*state[:at], local, *state[at + 1 :])
                if after not in seen:
                    seen.add(after)
                    left.append(after)
    return Found(wrong=wrong, split=split, least=least, states=len(seen))


def moves(world: World, state: State, at: int) -> Iterator[Local]:
    """Every next local state of member ``at``: it opens, or answers a view."""
    local, many = state[at], Guard.ONCE in world.dropped
    for release in RELEASES:
        if not local.opened or (many and release not in local.opened):
            yield local._replace(opened=local.opened | {release})
    if local.answered and not many:
        return
    for release in local.opened:
        for shown in product(*(_openings(world, state, at, other, release) for other in range(len(state)))):
            view = View(release, shown)
            if view not in local.answered:
                yield local._replace(answered=local.answered | {view})


def beliefs(world: World, state: State, at: int) -> Iterator[int]:
    """The releases that member ``at`` can be made to believe: it answered, and some board of answers fits."""
    for view in state[at].answered:
        boards = product(*(_answers(world, state, view, at, other) for other in range(len(state))))
        if any(_fits(world, view, board) for board in boards):
            yield view.release


def told(world: World, state: State) -> int:
    """The fewest honest members whose answers are in anything that the linear answers of ``state`` tell."""
    rows = [_z(world, at, view) for at, local in enumerate(state) for view in sorted(local.answered)]
    masks = sorted({key for row in rows for key in row if key[0] == "mask"}, key=repr)
    inner = sorted({key for row in rows for key in row if key[0] == "inner"}, key=repr)
    table = [[row.get(key, 0) for key in (*masks, *inner)] for row in rows]
    known = [row[len(masks) :] for row in span(table) if not any(row[: len(masks)])]
    for count in range(1, len(state) + 1 if known else 0):
        for kept in combinations(range(len(state)), count):
            outside = [
                [value for key, value in zip(inner, row, strict=True) if key[1] not in kept] for row in known
            ]
            if len(span(outside)) < len(known):
                return count
    return 0


def _openings(world: World, state: State, at: int, other: int, release: int) -> tuple[int, ...]:
    """The openings of ``other`` that ``at``, which opened for ``release``, takes."""
    taken = state[other].opened if Guard.VIEW in world.dropped else state[other].opened & {release}
    may_lack = Guard.EVERYBODY in world.dropped and other != at
    return (*sorted(taken), *((LEFT_OUT,) if may_lack else ()))


def _answers(world: World, state: State, view: View, at: int, other: int) -> tuple[View | None, ...]:
    """The answers of ``other`` that ``at``, which answered ``view``, takes; None for one that is left out."""
    if other == at:
        return (view,)
    any_view = Guard.SAME in world.dropped
    taken = [each for each in state[other].answered if any_view or each.shown == view.shown]
    return (*taken, *((None,) if Guard.EVERYBODY in world.dropped else ()))


def _fits(world: World, view: View, board: tuple[View | None, ...]) -> bool:
    """Whether the answers add up to the function of the release, whatever masks and challenges are."""
    if world.colluders:
        return True  # its answer is what is missing: all other numbers are on the board
    missing: Row = {("inner", at, view): 1 for at in range(world.honest)}
    if view.release:
        missing["off", view] = 1
    for at, answered in enumerate(board):
        for key, value in _z(world, at, answered).items() if answered is not None else ():
            missing[key] = missing.get(key, 0) - value
    return not any(value % PRIME for value in missing.values())


def _z(world: World, at: int, view: View) -> Row:
    """The linear answer of member ``at``: an inner product under masks with every other honest member."""
    bound = () if Guard.BOUND in world.dropped else (view,)
    row: Row = {("inner", at, view): 1}
    for other in range(world.honest):
        if other != at:
            row["mask", min(at, other), max(at, other), *bound] = 1 if at < other else PRIME - 1
    return row
