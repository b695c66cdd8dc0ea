"""One honest member of the symbolic secure sum: what it has done, and what it can be made to do next.

Members are numbers, sets of members are bit masks; the honest come first, the colluders after them. The
adversary chooses for each honest member alone which advertisements, bundles, headers and confirmations it is
shown: a :class:`Local` is the record of these choices. The guards of :func:`moves` are those of
``protocols.secure_sum.contributor``, and a test holds the two against each other.

A guard can be dropped, to see what it is for.

>>> world = World(honest=3, colluders=1)
>>> cohort = Cohort(members=0b1111, threshold=3, minimum=3)
>>> [bin(move.u1) for move in moves(world, cohort, (0, 0, 0), (Local(),) * 3, 0)]
['0b111', '0b1011', '0b1101', '0b1111']
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Guard(StrEnum):
    """What an honest member insists on, and what the model can leave out."""

    CONSISTENCY = "threshold confirmations of the same sets before unmasking"
    DISJOINT = "no share of both secrets of one member"
    ONCE = "an answer unmasked for one set of survivors, once"
    FLOOR = "at least max(t, m) members in every set"
    SETS = "headers bound to the same U2"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Who is honest, and which guards the honest have lost.

    ``restored``: member 0 is honest, but its machine runs twice, from one backup with the same secrets.
    """

    honest: int
    colluders: int
    restored: bool = False
    dropped: frozenset[Guard] = frozenset()

    @property
    def n(self) -> int:
        """Members."""
        return self.honest + self.colluders

    @property
    def corrupt(self) -> int:
        """The colluders, as a set."""
        return (1 << self.n) - (1 << self.honest)

    @property
    def machines(self) -> tuple[int, ...]:
        """Whose machine each local state belongs to."""
        return (0, *range(self.honest)) if self.restored else tuple(range(self.honest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """What a configuration says of its cohort: members, threshold t and minimum cohort m."""

    members: int
    threshold: int
    minimum: int

    @property
    def floor(self) -> int:
        """The fewest members of every set."""
        return max(self.threshold, self.minimum)


class Local(NamedTuple):
    """One machine's attempt so far; an empty set stands for a step not taken yet.

    ``label`` tells apart the advertisements that a colluder made for different members: (u1, label) stands
    for the transcript hash.
    """

    u1: int = 0
    label: int = 0
    u2: int = 0
    u3: int = 0
    opened: bool = False

    @property
    def transcript(self) -> tuple[int, int]:
        """What ``th`` is the hash of."""
        return self.u1, self.label


State = tuple[Local, ...]
"""One local state a machine, in the order of ``World.machines``."""

Bound = tuple[int, ...]
"""For each honest member the survivors of its first unmasking; empty if there was none."""


def moves(world: World, cohort: Cohort, bound: Bound, state: State, at: int) -> Iterator[Local]:
    """Every next local state of machine ``at``: one for each thing that it can be shown and accepts."""
    local, me = state[at], 1 << world.machines[at]
    floor = 1 if Guard.FLOOR in world.dropped else cohort.floor
    if not me & cohort.members:
        return
    if not local.u1:
        for u1 in sets(cohort.members, me, floor):
            for label in range(labels(world, cohort) if world.corrupt & u1 or world.restored else 1):
                yield Local(u1, label)
    elif not local.u2:
        senders = world.corrupt | _said(world, state, local, "transcript")
        yield from (local._replace(u2=u2) for u2 in sets(local.u1 & senders, me, floor))
    elif not local.u3:
        fields = ("transcript",) if Guard.SETS in world.dropped else ("transcript", "u2")
        senders = world.corrupt | (_said(world, state, local, *fields) & _masked(world, state))
        yield from (local._replace(u3=u3) for u3 in sets(local.u2 & senders, me, floor))
    elif not local.opened and _unmasks(world, cohort, bound, state, at):
        yield local._replace(opened=True)


def sets(members: int, me: int, floor: int) -> Iterator[int]:
    """The subsets of ``members`` with ``me`` and at least ``floor`` members."""
    others, chosen = members & ~me, 0
    while True:
        if chosen.bit_count() + 1 >= floor:
            yield chosen | me
        chosen = (chosen - others) & others
        if not chosen:
            return


def needed(world: World, cohort: Cohort, depth: int) -> int:
    """How many members must say the same in their first ``depth`` fields, or it leads nowhere.

    No secret shared under a transcript comes out with fewer than t members, floor or no floor. A vector comes
    out only with a U3 of members with the same U2. Nothing is opened with fewer than t confirmations.
    """
    dropped = world.dropped
    floor = cohort.threshold if Guard.FLOOR in dropped else cohort.floor
    if depth == 2:
        return floor
    if depth == 3:
        return 1 if dropped & {Guard.SETS, Guard.DISJOINT} else floor
    return 1 if Guard.CONSISTENCY in dropped else cohort.threshold


def labels(world: World, cohort: Cohort) -> int:
    """How many transcripts over the same members can lead somewhere, when each needs so many honest machines."""
    return max(1, len(world.machines) // max(1, needed(world, cohort, 2) - world.colluders))


def _unmasks(world: World, cohort: Cohort, bound: Bound, state: State, at: int) -> bool:
    local, member = state[at], world.machines[at]
    confirmed = world.corrupt | _said(world, state, local, "transcript", "u2", "u3")
    quorum = (local.u3 & confirmed).bit_count() >= cohort.threshold
    free = bound[member] in (0, local.u3)
    return (quorum or Guard.CONSISTENCY in world.dropped) and (free or Guard.ONCE in world.dropped)


def _said(world: World, state: State, local: Local, *fields: str) -> int:
    """The honest members of whom some machine sent a message that agrees with ``local`` in ``fields``."""
    agreeing = 0
    for member, other in zip(world.machines, state, strict=True):
        if other.u1 and all(getattr(other, field) == getattr(local, field) for field in fields):
            agreeing |= 1 << member
    return agreeing


def _masked(world: World, state: State) -> int:
    return sum({1 << member for member, local in zip(world.machines, state, strict=True) if local.u2})
