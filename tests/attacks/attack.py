"""What an attack is, what can come of it, and which rule of the victim stands in its way.

An attack is one value in a catalogue: a script over a :class:`tests.attacks.scene.Scene`, which either is
refused by the node under attack or returns its loot in words, after checking that it really has it. The
same script runs on the pure machines and against a node's daemon.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attacks.scene import Scene


class Who(StrEnum):
    """Who lies."""

    COORDINATOR = "coordinator"
    BOTH = "coordinator and one member"
    PARTNER = "member"


class Refused(Exception):
    """The node under attack refused; ``code`` is the error's stable name."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(f"{code}: {words}")
        self.code = code


class Survived(Exception):
    """The node neither refused nor lost anything: it did the one thing that is right (said in the words)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        name: what is done, in few words; unique.
        who: who lies; at most one member beside the coordinator, which four companies tolerate.
        wants: what the attacker is after.
        refused_by: codes of the errors that may refuse it; empty where the node survives without a refusal.
        leaks: what the attacker learns although it failed.
        guard: the rules without which it succeeds (names in ``guards.py``), each of which refuses it alone; in the
            order in which they are reached. Empty: not tried.
        source: paper, issue or document where the attack comes from.
        script: tries it on a scene.
        policy: of the node, by name in ``scene.py``.
        spoils: whoever it won against has another roster from then on.
        stands: where it is tried; what is about HTTP has no pure form.
        slow: only in ``make attack`` on the live stand: it starts a daemon anew, or one of another policy.
    """

    name: str
    who: Who
    wants: str
    refused_by: tuple[str, ...]
    leaks: str
    source: str
    script: Callable[["Scene"], str]
    guard: tuple[str, ...] = ()
    policy: str = "permissive"
    slow: bool = False
    spoils: bool = False
    stands: tuple[str, ...] = ("pure", "live")

    @property
    def all_but_one(self) -> tuple[tuple[str, ...], ...]:
        """Its guards but for one, for each of them; nothing where there is one only, which is then known to refuse."""
        if len(self.guard) < 2:
            return ()
        return tuple(tuple(other for other in self.guard if other != left) for left in self.guard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attack on one stand. ``code`` names the refusal, "" when there was none.

    ``without``: the guards that were taken out, all of the attack's on a broken stand, all but one on a weak one.
    """

    attack: str
    stand: str
    result: str
    code: str
    words: str
    seconds: float
    without: tuple[str, ...] = ()

    @property
    def won(self) -> bool:
        """Whether the attacker got what it wanted."""
        return self.result == "won"


def attempt(
    attack: Attack, scene: "Scene", stand: str, clock: Callable[[], float], *, without: tuple[str, ...] = ()
) -> Outcome:
    """Try ``attack`` on ``scene``; an error of ours other than a refusal is a defect and raised."""
    began = clock()
    try:
        loot, result, code = attack.script(scene), "won", ""
    except Refused as refused:
        loot, result, code = str(refused), "refused", refused.code
    except Survived as survived:
        loot, result, code = str(survived), "survived", ""
    return Outcome(
        attack=attack.name,
        stand=stand,
        result=result,
        code=code,
        words=loot,
        seconds=round(clock() - began, 3),
        without=without,
    )


def as_expected(attack: Attack, outcome: Outcome) -> bool:
    """Whether the node held, and by the rule that the catalogue names; without the guards, whether it did not.

    With one of them left it has to be refused: or that one would be named for nothing.
    """
    if outcome.without:
        return outcome.won if outcome.without == attack.guard else outcome.result == "refused"
    if not attack.refused_by:
        return outcome.result == "survived"
    return outcome.result == "refused" and outcome.code in attack.refused_by
