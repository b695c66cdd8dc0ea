"""What is claimed of the secure sum, each as a model to be explored and whether an attack must come out."""

from dataclasses import dataclass
from itertools import combinations

from protocols.policy import threshold
from tests.model.party import Cohort, Guard, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One line of the table. ``quick``: explored by ``make test`` as well."""

    name: str
    world: World
    cohorts: tuple[Cohort, ...]
    attack: bool
    one_sum: bool = True
    quick: bool = False
    replayable: bool = True
    """The machines take no wish for both shares of one member: that attack exists in the model alone."""


def _claim(
    name: str,
    n: int,
    colluders: int,
    *,
    attack: bool,
    restored: bool = False,
    t: int = 0,
    m: int = 3,
    without: Guard | None = None,
    quick: bool = False,
) -> Claim:
    world = World(
        honest=n - colluders,
        colluders=colluders,
        restored=restored,
        dropped=frozenset({without} if without else ()),
    )
    cohort = Cohort(members=(1 << n) - 1, threshold=t or threshold(n), minimum=m)
    return Claim(
        name=f"n = {n}: {name}",
        world=world,
        cohorts=(cohort,),
        attack=attack,
        quick=quick,
        replayable=without is not Guard.DISJOINT,
    )


def _any_cohort(n: int, colluders: int, *, quick: bool = False) -> Claim:
    """Rounds over every cohort that a policy of ``colluders`` and a minimum of three accepts."""
    chosen = []
    for size in range(3, n + 1):
        t = max(threshold(size), (size + colluders) // 2 + 1)
        if t <= size and max(t, 3) - colluders >= 2:
            chosen += [
                Cohort(members=sum(1 << i for i in members), threshold=t, minimum=3)
                for members in combinations(range(n), size)
            ]
    return Claim(
        name=f"n = {n}: {colluders} colluder(s), rounds with any cohort that the policy accepts",
        world=World(honest=n - colluders, colluders=colluders),
        cohorts=tuple(chosen),
        attack=False,
        one_sum=False,
        quick=quick,
    )


CLAIMS = (
    _claim("coordinator alone", 3, 0, attack=False, quick=True),
    _claim("1 colluder", 3, 1, attack=False, quick=True),
    _claim("2 colluders (one honest answer is left)", 3, 2, attack=False, quick=True),
    _claim("a restored member", 3, 0, restored=True, attack=False, quick=True),
    _claim("coordinator alone", 4, 0, attack=False, quick=True),
    _claim("1 colluder", 4, 1, attack=False, quick=True),
    _claim("1 colluder, m = 4", 4, 1, m=4, attack=False, quick=True),
    _claim("2 colluders: one beyond the boundary", 4, 2, attack=True, quick=True),
    _claim("a restored member", 4, 0, restored=True, attack=False),
    _claim("1 colluder and a restored member: one beyond", 4, 1, restored=True, attack=True),
    _any_cohort(4, 1, quick=True),
    _claim("1 colluder, t = 2", 4, 1, t=2, attack=True, quick=True),
    _claim("1 colluder, both shares opened", 4, 1, without=Guard.DISJOINT, attack=True, quick=True),
    _claim("1 colluder, no binding", 4, 1, without=Guard.ONCE, attack=True, quick=True),
    _claim("1 colluder, no floor, m = 4", 4, 1, m=4, without=Guard.FLOOR, attack=True),
    _claim("1 colluder, no confirmations", 4, 1, without=Guard.CONSISTENCY, attack=False),
    _claim("2 colluders", 5, 2, attack=False),
    _claim("3 colluders: one beyond the boundary", 5, 3, attack=True),
    _claim("2 colluders, no binding", 5, 2, without=Guard.ONCE, attack=True),
    _claim("1 colluder", 5, 1, attack=False),
    _any_cohort(5, 2),
    _claim("2 colluders and a restored member: one beyond", 5, 2, restored=True, attack=True),
    _claim("2 colluders, no confirmations", 5, 2, without=Guard.CONSISTENCY, attack=False),
    _claim("2 colluders, both shares opened", 5, 2, without=Guard.DISJOINT, attack=True),
    _claim("1 colluder and a restored member", 5, 1, restored=True, attack=False),
    _any_cohort(5, 1),
    _claim("coordinator alone", 5, 0, attack=False),
    _claim("2 colluders, t = 3", 5, 2, t=3, attack=True),
)
