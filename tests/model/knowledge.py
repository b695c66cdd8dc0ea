"""What the adversary can compute after an attempt: which sums of honest answers, and no more.

It holds every masked vector that was sent, y_i = x_i + self_i + sum over j in U2 of (+-) k_ij, and the
shares that colluders were dealt or members opened. A secret with ``threshold`` shares is known; a mask is
known if its seed is. What remains unknown are independent uniform vectors, so that exactly those linear
combinations of masked vectors tell something in which all of them cancel: linear algebra, done here over a
prime field instead of Z mod 2^32 (the coefficients are 0, 1 and -1).

The result is a basis of the combinations of x_0 ... x_(h-1) that are known, in reduced echelon form.

>>> span([(1, 1, 0), (0, 1, 1), (1, 2, 1)])
((1, 0, 2147483646), (0, 1, 1))
>>> least_support(((1, 0, PRIME - 1), (0, 1, 1)))
2
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from tests.model.party import Cohort, Guard, State, World

PRIME = 2**31 - 1
Basis = tuple[tuple[int, ...], ...]


def revealed(world: World, cohort: Cohort, state: State) -> Basis:
    """A basis of the sums of honest answers that ``state`` reveals."""
    opened_self, opened_key = _secrets(world, cohort, state)
    unknown: dict[tuple[object, ...], int] = {}
    vectors = []
    machines = zip(world.machines, state, strict=True)
    for member, transcript, u2 in sorted({(m, s.transcript, s.u2) for m, s in machines if s.u2}):
        masks: dict[int, int] = {}
        if not opened_self >> member & 1:
            masks[unknown.setdefault(("self", member, transcript), len(unknown))] = 1
        for other in range(world.honest):
            if other != member and u2 >> other & 1 and not opened_key & (1 << member | 1 << other):
                pair = ("pair", min(member, other), max(member, other), transcript)
                masks[unknown.setdefault(pair, len(unknown))] = 1 if member < other else PRIME - 1
        vectors.append((masks, tuple(int(i == member) for i in range(world.honest))))
    rows = [(*(masks.get(i, 0) for i in range(len(unknown))), *answer) for masks, answer in vectors]
    return tuple(row[len(unknown) :] for row in span(rows) if not any(row[: len(unknown)]))


def span(rows: Iterable[Sequence[int]]) -> Basis:
    """The reduced echelon form of ``rows`` modulo :data:`PRIME`, without rows of zeros."""
    left = [[value % PRIME for value in row] for row in rows]
    done: list[list[int]] = []
    for column in range(len(left[0]) if left else 0):
        pivot = next((row for row in left if row[column]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        inverse = pow(pivot[column], -1, PRIME)
        pivot = [value * inverse % PRIME for value in pivot]
        left = [_without(row, pivot, column) for row in left]
        done = [*(_without(row, pivot, column) for row in done), pivot]
    return tuple(map(tuple, done))


def least_support(basis: Basis) -> int:
    """The fewest honest answers in any combination that is known; 0 if nothing is."""
    for count in range(1, len(basis[0]) + 1 if basis else 0):
        for kept in combinations(range(len(basis[0])), count):
            outside = [[value for i, value in enumerate(row) if i not in kept] for row in basis]
            if len(span(outside)) < len(basis):
                return count
    return 0


def _without(row: list[int], pivot: list[int], column: int) -> list[int]:
    return [(value - row[column] * take) % PRIME for value, take in zip(row, pivot, strict=True)]


def _secrets(world: World, cohort: Cohort, state: State) -> tuple[int, int]:
    """The honest members whose b_i, and those whose mask secret, has ``threshold`` known shares."""
    opened_self = opened_key = 0
    for member, local in zip(world.machines, state, strict=True):
        if not local.u1:
            continue
        dealt = world.corrupt & local.u1
        alive, dead = dealt, dealt
        for holder, other in zip(world.machines, state, strict=True):
            if other.opened and other.transcript == local.transcript and other.u2 >> member & 1:
                is_alive = other.u3 >> member & 1
                both = Guard.DISJOINT in world.dropped
                alive |= (1 << holder) * (is_alive or both)
                dead |= (1 << holder) * (not is_alive or both)
        opened_self |= (alive.bit_count() >= cohort.threshold) << member
        opened_key |= (dead.bit_count() >= cohort.threshold) << member
    return opened_self, opened_key
