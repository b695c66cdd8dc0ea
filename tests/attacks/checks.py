"""Attacks on the linear check of a release: wrong sums, two releases, chosen or missing openings, wrong answers.

They have no live form here: a daemon takes part in a check only of a release that it fetched itself. Real nodes
beside the real coordinator are led through the same lies in ``tests/simulation/test_linear_check.py``.
"""

from collections.abc import Callable, Sequence

import numpy as np

from protocols.codec import decode, tagged_hash
from protocols.identity import PartnerId, Signed
from protocols.secure_sum import linear_check, linear_contributor
from protocols.secure_sum.linear_check import LinearAnswer, Opening
from protocols.secure_sum.linear_function import Q, inner
from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.scene import Run, Scene

PLAN = "protocols/README.md: was it the right sum"
FIRST, SECOND = tagged_hash("attacked release", b"1"), tagged_hash("attacked release", b"2")


class Checked:
    """A round of which the sum is out, and its check."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.run: Run = scene.run().advertise().share().mask()
        self.total = self.run.sum_over(scene.cohort)
        self.key = (self.run.config.round, self.run.config.attempt)

    def open(self, release: bytes, members: Sequence[PartnerId] = ()) -> list[Signed]:
        """What members open for a release."""
        chosen = members or self.scene.cohort
        return [self.scene.members[member].open_check(self.key, release) for member in chosen]

    def answer(self, openings: Sequence[Signed]) -> dict[PartnerId, Signed]:
        """What everybody answers to openings."""
        everybody = self.scene.cohort
        return {each: self.scene.members[each].answer_check(self.key, openings) for each in everybody}

    def judge(self, openings: Sequence[Signed], answers: Sequence[Signed], total: np.ndarray) -> None:
        """What the node under attack makes of them."""
        self.scene.node.judge(self.key, openings, answers, total)


def wrong_sum(scene: Scene) -> str:
    """The coordinator publishes one too many in one cell."""
    checked = Checked(scene)
    openings = checked.open(FIRST)
    wrong = checked.total.copy()
    wrong[0] += 1
    checked.judge(openings, list(checked.answer(openings).values()), wrong)
    return "the node believes a sum that is not the sum"


def wrong_answer(scene: Scene) -> str:
    """The liar shifts its z: a true sum does not pass, and nothing in the messages names the liar."""
    checked = Checked(scene)
    openings = checked.open(FIRST)
    answers = checked.answer(openings)
    z = decode(LinearAnswer, answers[scene.liar.id].body).z
    answers[scene.liar.id] = scene.sign(answers[scene.liar.id], LinearAnswer, z=(z + 1) % Q)
    checked.judge(openings, list(answers.values()), checked.total)
    return "the node believes a sum of which a part was not answered truly"


def two_releases(scene: Scene) -> str:
    """The coordinator signed two releases of one attempt, and asks the node to open for the second as well."""
    checked = Checked(scene)
    checked.open(FIRST)
    checked.open(SECOND, [scene.node.id])
    return "the node opened its part for two sums of one attempt"


def two_releases_after_a_kill(scene: Scene) -> str:
    """The same, with a kill in between."""
    checked = Checked(scene)
    checked.open(FIRST)
    scene.node.restart()
    checked.open(SECOND, [scene.node.id])
    return "the node opened its part for two sums of one attempt"


def mixed_releases(scene: Scene) -> str:
    """The target was shown another release; the node is asked to answer both openings together."""
    checked = Checked(scene)
    openings = checked.open(FIRST, scene.but(scene.target)) + checked.open(SECOND, [scene.target.id])
    scene.node.answer_check(checked.key, openings)
    return "the node answered openings of different releases"


def chosen_rho(scene: Scene) -> str:
    """The liar waits for the others' rho and opens one that suits it."""
    checked = Checked(scene)
    openings = checked.open(FIRST, scene.but(scene.liar))
    own = scene.sign(scene.liar.open_check(checked.key, FIRST), Opening, rho=bytes(32))
    scene.node.answer_check(checked.key, [*openings, own])
    return "the node answered a function that the liar chose last"


def missing_opening(scene: Scene) -> str:
    """The node is asked to answer before the target has opened."""
    checked = Checked(scene)
    scene.node.answer_check(checked.key, checked.open(FIRST, scene.but(scene.target)))
    return "the node answered a function to which not everybody contributed"


def missing_answer(scene: Scene) -> str:
    """One member keeps silent at the end, or the coordinator says so."""
    checked = Checked(scene)
    openings = checked.open(FIRST)
    answers = checked.answer(openings)
    del answers[scene.target.id]
    checked.judge(openings, list(answers.values()), checked.total)
    return "the node believes a sum that not everybody answered for"


def moved_answer(scene: Scene) -> str:
    """An answer to other openings is passed off as one to these."""
    checked = Checked(scene)
    openings = checked.open(FIRST)
    answers = checked.answer(openings)
    answers[scene.liar.id] = scene.sign(answers[scene.liar.id], LinearAnswer, openings=bytes(32))
    checked.judge(openings, list(answers.values()), checked.total)
    return "the node added answers to different functions"


def read_from_answers(scene: Scene) -> str:
    """The coordinator and the liar take away the masks they know from the node's answer, and look what is left."""
    checked = Checked(scene)
    openings = checked.open(FIRST)
    z = decode(LinearAnswer, checked.answer(openings)[scene.node.id].body).z
    known = _mask_with_liar(checked, openings)
    if any((z + sign * known) % Q == _bare(checked, openings) for sign in (-1, 0, 1)):
        return "a linear function of the node's numbers, in the clear"
    raise Survived("the masks with two honest members remain on it")


def _mask_with_liar(checked: Checked, openings: Sequence[Signed]) -> int:
    scene = checked.scene
    (shared,) = [pair.key for pair in scene.liar.armed[checked.key].keys if pair.member == scene.node.id]
    return linear_contributor._mask(shared, FIRST, linear_contributor.openings_hash(openings))


def _bare(checked: Checked, openings: Sequence[Signed]) -> int:
    liar, config = checked.scene.liar, checked.run.config
    stream = linear_check.challenge(liar.opened[checked.key].claim, config, openings, liar.roll)
    return inner(stream, [checked.run.truth(checked.scene.node.id)]) % Q


def _one(name: str, script: Callable[[Scene], str], *codes: str, **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.COORDINATOR,
        "wants": "a wrong sum that the node believes, or more than one of its answers",
        "refused_by": codes,
        "leaks": "nothing: two rho and a masked number of 61 bits at most",
        "source": PLAN,
        "script": script,
        "stands": ("pure",),
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


AT_ONCE = {"guard": ("one release an attempt",)}
VIEW = {"guard": ("one view of a check",)}
ATTACKS = (
    _one("a released sum that is not the sum", wrong_sum, "not-the-sum"),
    _one("a wrong linear answer", wrong_answer, "not-the-sum", who=Who.PARTNER),
    _one("a second release of an attempt", two_releases, "equivocation", **AT_ONCE),
    _one("killed, then shown a second release", two_releases_after_a_kill, "equivocation", **AT_ONCE),
    _one("members shown different releases", mixed_releases, "wrong-transcript", **VIEW),
    _one("a rho chosen last", chosen_rho, "wrong-transcript", who=Who.BOTH, **VIEW),
    _one("answers before everybody has opened", missing_opening, "wrong-members"),
    _one("silence in the linear check", missing_answer, "wrong-members"),
    _one("an answer to other openings", moved_answer, "wrong-transcript", who=Who.PARTNER, **VIEW),
    _one("the masks that a colluder knows, taken off an answer", read_from_answers, who=Who.BOTH),
)
