"""Every attempt that the adversary can drive, up to symmetry.

Steps are taken phase by phase: first every machine that will ever share does so, then every one that will
mask, and so on. No generality is lost: a step depends on its own machine and on what others said in earlier
phases, so two steps of different machines change places freely unless the earlier phase comes first anyway.
Advertising shows nothing and binds nobody: all do it, and whose advertisement is shown is part of U1.
``interleaved`` takes steps in any order and is compared with it by a test.

States that differ by names of honest members, of colluders or of transcripts are one.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, permutations, product

from tests.model.party import Bound, Cohort, Local, State, World, moves, needed

Renaming = tuple[int, ...]
"""Where each member goes."""

REACHED = {3: 0, 4: 2}
"""A machine masks after it has shared (field u1), and confirms after it has masked (field u2)."""


def attempts(world: World, cohort: Cohort, bound: Bound) -> tuple[set[State], int]:
    """What an attempt can end as, and how many different states were visited on the way."""
    group = stabiliser(world, cohort, bound)
    level = {(Local(),) * len(world.machines)}
    visited = set(level)
    for depth in (2, 3, 4):
        following: set[State] = set()
        for state in level:
            chosen = set(_together(world, cohort, bound, state, depth))
            settled = {settle(world, cohort, each) for each in chosen}
            following.update(least(world, group, each) for each in settled)
        level = following
        visited |= level
    ends = set()
    for state in level:
        choices = [(local, *moves(world, cohort, bound, state, at)) for at, local in enumerate(state)]
        confirmed = [pair if state[at].u3 else pair[:1] for at, pair in enumerate(choices)]
        ends.update(least(world, group, remains(world, cohort, each)) for each in product(*confirmed))
    return ends, len(visited | ends)


def _together(world: World, cohort: Cohort, bound: Bound, state: State, depth: int) -> Iterator[State]:
    """Every way in which machines of ``state`` go on to ``depth`` fields, in groups that say the same.

    A group too small to lead anywhere (see :func:`settle`) is not made in the first place, unless it is the
    restored member alone, whose vector may be unmasked by what its other machine does.
    """
    ready: dict[Local, list[int]] = {}
    for at, local in enumerate(state):
        if depth == 2 or local[REACHED[depth]]:
            for move in moves(world, cohort, bound, state, at):
                ready.setdefault(move, []).append(at)
    groups = []
    for move, machines in ready.items():
        corrupt = (world.corrupt & (move.u1, move.u2, move.u3)[depth - 2]).bit_count()
        least_size = needed(world, cohort, depth) - corrupt
        for size in range(1, len(machines) + 1):
            for group in combinations(machines, size):
                members = {world.machines[at] for at in group}
                if len(members) >= least_size or (world.restored and members == {0}):
                    groups.append((move, sum(1 << at for at in group)))
    yield from _assigned(state, groups, 0, 0)


def _assigned(state: State, groups: list[tuple[Local, int]], first: int, taken: int) -> Iterator[State]:
    yield state
    for index in range(first, len(groups)):
        move, machines = groups[index]
        if not machines & taken:
            after = tuple(move if machines >> at & 1 else local for at, local in enumerate(state))
            yield from _assigned(after, groups, index + 1, taken | machines)


def interleaved(world: World, cohort: Cohort, bound: Bound) -> set[State]:
    """What an attempt can end as when machines step in any order, one at a time."""
    group = stabiliser(world, cohort, bound)
    frontier = {(Local(),) * len(world.machines)}
    seen = set(frontier)
    while frontier:
        following = {
            least(world, group, (*state[:at], move, *state[at + 1 :]))
            for state in frontier
            for at in range(len(state))
            for move in moves(world, cohort, bound, state, at)
        }
        frontier = following - seen
        seen |= frontier
    return {least(world, group, remains(world, cohort, state)) for state in seen}


def settle(world: World, cohort: Cohort, state: State) -> State:
    """``state`` without steps that lead nowhere: they are as good as silence.

    A vector whose (transcript, U2) too few members have stays masked for ever, unless the restored member's
    other vector is unmasked.
    """
    enough = [needed(world, cohort, depth) for depth in (2, 3, 4)]
    state = tuple(local if _backers(world, state, local, 2) >= enough[0] else Local() for local in state)
    machines = list(zip(world.machines, state, strict=True))
    alive = {member for member, local in machines if _backers(world, state, local, 3) >= enough[1]}
    state = tuple(local if member in alive else Local(*local[:2]) for member, local in machines)
    return tuple(
        local if _backers(world, state, local, 4) >= enough[2] else local._replace(u3=0) for local in state
    )


def _backers(world: World, state: State, local: Local, depth: int) -> int:
    """How many members, colluders included, can have said the same as ``local`` in its first ``depth`` fields."""
    members = (local.u1, local.u2, local.u3)[depth - 2]
    said = {m for m, other in zip(world.machines, state, strict=True) if other[:depth] == local[:depth]}
    return (world.corrupt & members).bit_count() + len(said) if members else 0


def stabiliser(world: World, cohort: Cohort, bound: Bound) -> tuple[Renaming, ...]:
    """The renamings of members that leave the cohort and what members are bound to as they are."""
    return tuple(
        renaming
        for renaming in renamings(world)
        if rename(renaming, cohort.members) == cohort.members and renamed_bound(renaming, bound) == bound
    )


@cache
def renamings(world: World) -> tuple[Renaming, ...]:
    """Every renaming that keeps the honest honest and the restored member itself."""
    fixed = (0,) if world.restored else ()
    honest = permutations(range(len(fixed), world.honest))
    corrupt = tuple(permutations(range(world.honest, world.n)))
    return tuple((*fixed, *a, *b) for a in honest for b in corrupt)


@cache
def rename(renaming: Renaming, members: int) -> int:
    """The set ``members`` under other names."""
    return sum(1 << to for member, to in enumerate(renaming) if members >> member & 1)


def renamed_bound(renaming: Renaming, bound: Bound) -> Bound:
    """What members are bound to, under other names."""
    moved = [0] * len(bound)
    for member, survivors in enumerate(bound):
        moved[renaming[member]] = rename(renaming, survivors)
    return tuple(moved)


def least(world: World, group: Iterable[Renaming], state: Iterable[Local]) -> State:
    """The one state that stands for ``state`` and all that differ from it by names."""
    owned = list(zip(world.machines, state, strict=True))
    return min(_renamed(renaming, owned) for renaming in group)


def _renamed(renaming: Renaming, owned: list[tuple[int, Local]]) -> State:
    names: dict[tuple[int, int], int] = {}
    counts: dict[int, int] = {}
    moved = []
    for member, (u1, label, u2, u3, opened) in owned:
        local = (rename(renaming, u1), label, rename(renaming, u2), rename(renaming, u3), opened)
        moved.append((renaming[member], local))
    moved.sort()
    state = []
    for _, (u1, label, u2, u3, opened) in moved:
        if u1 and (u1, label) not in names:
            names[u1, label] = counts.get(u1, 0)
            counts[u1] = names[u1, label] + 1
        state.append(Local(u1, names.get((u1, label), 0), u2, u3, opened))
    return tuple(state)


def remains(world: World, cohort: Cohort, state: State) -> State:
    """What matters of an attempt that is over: masked vectors that were sent, and shares that were opened."""
    settled = settle(world, cohort, state)
    return tuple(local if local.opened else Local(*local[:3]) if local.u2 else Local() for local in settled)
