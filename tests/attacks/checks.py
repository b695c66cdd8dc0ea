"""Attacks on the linear check of a release: wrong sums, other releases, chosen or missing openings, wrong answers.

A daemon takes part in the check of a release that it fetched itself, so the coordinator publishes one: whatever the
attack says, under its own signature. Real nodes beside the real coordinator are led through the same lies in
``tests/simulation/test_linear_check.py``.
"""

from collections.abc import Callable, Sequence

import numpy as np

from protocols.codec import decode
from protocols.identity import PartnerId, Signed
from protocols.secure_sum import linear_check, linear_contributor
from protocols.secure_sum.linear_check import LinearAnswer, Opening
from protocols.secure_sum.linear_function import Q, inner
from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.published import Published, publish
from tests.attacks.scene import Run, Scene

PLAN = "protocols/README.md: was it the right sum"


class Checked:
    """A round that was unmasked, and the check of whatever is released of it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.run: Run = scene.run().advertise().share().mask()
        self.key = (self.run.config.round, self.run.config.attempt)
        self.said = self.run.confirm(scene.cohort, scene.cohort)
        self.total = self.run.total(scene.cohort, self.run.unmask(scene.cohort, self.said))
        self.first = self.publish()

    def publish(self, *, add: int = 0, survivors: Sequence[PartnerId] = ()) -> Published:
        """A release of the sum, or of more than it in the first cell."""
        total = self.total.copy()
        total[0] += add
        return publish(self.run, total, survivors or self.scene.cohort, self.said)

    def open(self, release: Published, members: Sequence[PartnerId] = ()) -> list[Signed]:
        """What members open for a release."""
        chosen = members or self.scene.cohort
        return [self.scene.members[member].open_check(self.key, release) for member in chosen]

    def answer(self, release: Published, openings: Sequence[Signed]) -> dict[PartnerId, Signed]:
        """What everybody answers to openings."""
        everybody = self.scene.cohort
        return {
            each: self.scene.members[each].answer_check(self.key, release, openings) for each in everybody
        }

    def node_answers(self, openings: Sequence[Signed], release: Published | None = None) -> None:
        """Have the node under attack answer."""
        self.scene.node.answer_check(self.key, release or self.first, openings)

    def judge(
        self, openings: Sequence[Signed], answers: Sequence[Signed], release: Published | None = None
    ) -> None:
        """What the node under attack makes of them."""
        self.scene.node.judge(self.key, release or self.first, openings, answers)


def wrong_sum(scene: Scene) -> str:
    """The coordinator publishes one too many in one cell."""
    checked = Checked(scene)
    wrong = checked.publish(add=1)
    openings = checked.open(wrong)
    checked.judge(openings, list(checked.answer(wrong, openings).values()), wrong)
    return "the node believes a sum that is not the sum"


def wrong_answer(scene: Scene) -> str:
    """The liar shifts its z: a true sum does not pass, and nothing in the messages names the liar."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    answers = checked.answer(checked.first, openings)
    answers[scene.liar.id] = _shifted(scene, answers[scene.liar.id], 1)
    checked.judge(openings, list(answers.values()))
    return "the node believes a sum of which a part was not answered truly"


def other_companies(scene: Scene) -> str:
    """A release of the true numbers that says another set of companies than the node confirmed."""
    checked = Checked(scene)
    checked.open(checked.publish(survivors=scene.but(scene.target)), [scene.node.id])
    return "the node opened its part for a sum of other companies than it confirmed"


def other_numbers(scene: Scene) -> str:
    """The numbers that are handed out are not those that the release was signed over."""
    checked = Checked(scene)
    other = checked.publish(add=1)
    swapped = Published(
        manifest=checked.first.manifest,
        signed=checked.first.signed,
        total=other.total,
        grounds=checked.first.grounds,
    )
    checked.open(swapped, [scene.node.id])
    return "the node opened its part for numbers that nobody signed"


def two_releases(scene: Scene) -> str:
    """The coordinator signed two releases of one attempt, and asks the node to open for the second as well."""
    checked = Checked(scene)
    checked.open(checked.first)
    checked.open(checked.publish(add=1), [scene.node.id])
    return "the node opened its part for two sums of one attempt"


def two_releases_after_a_kill(scene: Scene) -> str:
    """The same, with a kill in between."""
    checked = Checked(scene)
    checked.open(checked.first)
    scene.node.restart()
    checked.open(checked.publish(add=1), [scene.node.id])
    return "the node opened its part for two sums of one attempt"


def before_unmasking(scene: Scene) -> str:
    """A release is published before the node unmasked anything, so that its rho is out while sets can change."""
    run = scene.run().advertise().share().mask()
    said = run.confirm(scene.cohort, scene.cohort)
    invented = publish(run, np.zeros(run.config.answer.elements, np.int64), scene.cohort, said)
    try:
        scene.node.open_check((run.config.round, run.config.attempt), invented)
    finally:  # and the round must go on as if nothing had been published
        total = run.total(scene.cohort, run.unmask(scene.cohort, said))
        if not np.array_equal(total, sum(run.truth(member) for member in scene.cohort)):
            raise AssertionError("the round did not survive an early release")
    return "the node opened its part for a release of what it had not unmasked"


def mixed_releases(scene: Scene) -> str:
    """The target was shown another release; the node is asked to answer both openings together."""
    checked = Checked(scene)
    openings = checked.open(checked.first, scene.but(scene.target))
    checked.node_answers(openings + checked.open(checked.publish(add=1), [scene.target.id]))
    return "the node answered openings of different releases"


def chosen_rho(scene: Scene) -> str:
    """The liar waits for the others' rho and opens one that suits it."""
    checked = Checked(scene)
    openings = checked.open(checked.first, scene.but(scene.liar))
    own = scene.sign(scene.liar.open_check(checked.key, checked.first), Opening, rho=bytes(32))
    checked.node_answers([*openings, own])
    return "the node answered a function that the liar chose last"


def replayed_openings(scene: Scene) -> str:
    """The openings of an earlier round are shown as those of this one."""
    before = Checked(scene)
    old = before.open(before.first)
    checked = Checked(scene)
    checked.open(checked.first)
    checked.node_answers(old)
    return "the node answered a function that was known before its sum"


def replayed_answers(scene: Scene) -> str:
    """The target's answer in an earlier round is passed off as one in this; the liar makes up the difference."""
    before = Checked(scene)
    old = before.answer(before.first, before.open(before.first))
    checked = Checked(scene)
    openings = checked.open(checked.first)
    answers = checked.answer(checked.first, openings)
    missing = _z(answers[scene.target.id]) - _z(old[scene.target.id])
    answers[scene.target.id] = old[scene.target.id]
    answers[scene.liar.id] = _shifted(scene, answers[scene.liar.id], missing)
    checked.judge(openings, list(answers.values()))
    return "the node took an answer about another sum"


def missing_opening(scene: Scene) -> str:
    """The node is asked to answer before the target has opened."""
    checked = Checked(scene)
    checked.node_answers(checked.open(checked.first, scene.but(scene.target)))
    return "the node answered a function to which not everybody contributed"


def missing_answer(scene: Scene) -> str:
    """The target's answer is not on the board; the liar, who saw it, makes up for it."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    answers = checked.answer(checked.first, openings)
    gone = _z(answers.pop(scene.target.id))
    answers[scene.liar.id] = _shifted(scene, answers[scene.liar.id], gone)
    checked.judge(openings, list(answers.values()))
    return "the node believes a sum that not everybody answered for"


def silence(scene: Scene) -> str:
    """No answer is ever shown."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    checked.answer(checked.first, openings)
    checked.judge(openings, [])
    return "the node uses a sum while it waits for the check"


def moved_answer(scene: Scene) -> str:
    """An answer to other openings is passed off as one to these."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    answers = checked.answer(checked.first, openings)
    answers[scene.liar.id] = scene.sign(answers[scene.liar.id], LinearAnswer, openings=bytes(32))
    checked.judge(openings, list(answers.values()))
    return "the node added answers to different functions"


def changed_board(scene: Scene) -> str:
    """The node answered, was killed, and is shown a board with another opening of the liar."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    answers = checked.answer(checked.first, openings)
    scene.node.restart()
    (own,) = (each for each in openings if each.signer == scene.liar.id)
    other = scene.sign(own, Opening, rho=bytes(32))
    checked.judge([other if each is own else each for each in openings], list(answers.values()))
    return "the node went on with another board than it answered"


def read_from_answers(scene: Scene) -> str:
    """The coordinator and the liar take away the masks they know from the node's answer, and look what is left."""
    checked = Checked(scene)
    openings = checked.open(checked.first)
    z = _z(checked.answer(checked.first, openings)[scene.node.id])
    known = _mask_with_liar(checked, openings)
    if any((z + sign * known) % Q == _bare(checked, openings) for sign in (-1, 0, 1)):
        return "a linear function of the node's numbers, in the clear"
    raise Survived("the masks with two honest members remain on it")


def _z(signed: Signed) -> int:
    return decode(LinearAnswer, signed.body).z


def _shifted(scene: Scene, signed: Signed, by: int) -> Signed:
    return scene.sign(signed, LinearAnswer, z=(_z(signed) + by) % Q)


def _mask_with_liar(checked: Checked, openings: Sequence[Signed]) -> int:
    scene = checked.scene
    (shared,) = [pair.key for pair in scene.liar.armed[checked.key].keys if pair.member == scene.node.id]
    return linear_contributor._mask(shared, checked.first.id, linear_check.openings_hash(openings))


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
        "slow": True,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


ONCE = {"guard": ("one release an attempt",)}
VIEW = {"guard": ("one view of a check",)}
ATTEMPT = {"guard": ("one attempt a check",)}
EVERYBODY = {"guard": ("everybody's word in a check",)}
COMPARED = {"guard": ("the comparison of a check",)}
SIGNED = {"guard": ("the release that was signed",)}
QUICK = {"slow": False}
TWO = ("equivocation", "stale-release")
ATTACKS = (
    _one("a released sum that is not the sum", wrong_sum, "not-the-sum", **COMPARED, **QUICK),
    _one("a wrong linear answer", wrong_answer, "not-the-sum", who=Who.PARTNER, **COMPARED),
    _one("a release of other companies", other_companies, "bad-release", **SIGNED),
    _one("other numbers than the release was signed over", other_numbers, "bad-release"),
    _one("a second release of an attempt", two_releases, *TWO, **ONCE, **QUICK),
    _one("killed, then shown a second release", two_releases_after_a_kill, *TWO, **ONCE),
    _one("a release before the answer was unmasked", before_unmasking, "illegal-move", "looks on"),
    _one("members shown different releases", mixed_releases, "wrong-transcript", **VIEW, **QUICK),
    _one("a rho chosen last", chosen_rho, "wrong-transcript", who=Who.BOTH, **VIEW),
    _one("openings of another round", replayed_openings, "wrong-transcript", **ATTEMPT),
    _one("an answer of another round", replayed_answers, "wrong-transcript", who=Who.BOTH, **ATTEMPT),
    _one("answers before everybody has opened", missing_opening, "wrong-members", **EVERYBODY),
    _one("an answer left out", missing_answer, "wrong-members", who=Who.BOTH, **EVERYBODY),
    _one("silence in the linear check", silence, "wrong-members", "waits"),
    _one("an answer to other openings", moved_answer, "wrong-transcript", who=Who.PARTNER, **VIEW),
    _one("killed, then shown another board", changed_board, "wrong-transcript", "equivocation"),
    _one("the masks that a colluder knows, taken off an answer", read_from_answers, who=Who.BOTH),
)
