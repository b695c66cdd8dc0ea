"""Attacks for a second sum: one answer unmasked for two sets, whatever the attempts and rounds are called.

Each is after the target's numbers: a sum with it and a sum without it, subtracted.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.scene import Run, Scene, same
from tests.attacks.spoils import opened, unmasked

ONE_QUESTION, ENDED = "one question a phase", "what has ended stays ended"
GONE, ONE_RECORD = "a state that was left is gone", "one record a phase"
Script = Callable[[Scene], str]
ONCE = "protocols/README.md: given once per attempt, bound for ever"
BOTH_SECRETS = "Flower's SecAgg+, below: alive and dead"
ALONE = "the target's own numbers, alone and in the clear"


def _minus(run: Run, whole: np.ndarray, rest: np.ndarray) -> str:
    return same(whole - rest, run.truth(run.scene.target.id), ALONE)


def _masked(scene: Scene, run: Run) -> Run:
    return run.advertise().share().mask()


def alive_and_dead(scene: Scene) -> str:
    """In one attempt the node confirms a set with the target and one without, and opens shares for both."""
    run = _masked(scene, scene.run())
    dead = scene.but(scene.target)
    liar, node, third = scene.liar.id, scene.node.id, scene.third.id
    alive_said = run.confirm([scene.target.id, liar, node], scene.cohort)
    alive = run.unmask([scene.target.id, liar, node], alive_said)
    dead_said = run.confirm([liar, node, third], dead)
    gone = run.unmask([liar, node, third], dead_said)
    (own, _), (_, pair) = opened(alive, scene.target.id), opened(gone, scene.target.id)
    loot = unmasked(
        run.config,
        run.ads,
        scene.target.id,
        run.vectors[scene.target.id],
        own=own,
        pair=pair,
        u2=scene.cohort,
    )
    return same(loot, run.truth(scene.target.id), ALONE)


def second_confirmation(scene: Scene) -> str:
    """The node confirms a second set before anything was unmasked."""
    run = _masked(scene, scene.run())
    run.confirm([scene.node.id], scene.cohort)
    run.confirm([scene.node.id], scene.but(scene.target))
    return "two sets are confirmed by the node"


def other_confirmations(scene: Scene) -> str:
    """The unmasking is asked a second time with other confirmations."""
    run = _masked(scene, scene.run())
    said = run.confirm(scene.cohort, scene.cohort)
    run.unmask([scene.node.id], said)
    run.unmask([scene.node.id], said[:-1])
    return "the node answers an unmasking as often as it is asked"


def retry_without(scene: Scene) -> str:
    """After the sum is out the coordinator claims that the attempt failed, and retries without the target."""
    first = _masked(scene, scene.run())
    whole = first.sum_over(scene.cohort)
    second = _masked(scene, scene.again(first))
    return _minus(first, whole, second.sum_over(scene.but(scene.target)))


def renamed_round(scene: Scene) -> str:
    """The same question under a new round number, without the target."""
    first = _masked(scene, scene.run())
    whole = first.sum_over(scene.cohort)
    second = _masked(scene, scene.run(first.config.answer))
    return _minus(first, whole, second.sum_over(scene.but(scene.target)))


def renamed_for_another_cohort(scene: Scene) -> str:
    """The same answer for a cohort in which the target is replaced by a fifth company."""
    first = _masked(scene, scene.run())
    first.sum_over(scene.cohort)
    cohort = tuple(sorted((*scene.but(scene.target), scene.fifth.id)))
    scene.run(first.config.answer, cohort=cohort).advertise([scene.node.id])
    return "the node masks an answer that was unmasked for others"


def side_by_side(scene: Scene) -> str:
    """Two rounds on the same data, both confirmed before either is unmasked: neither is the earlier one."""
    first = _masked(scene, scene.run())
    said = first.confirm(scene.cohort, scene.cohort)
    second = _masked(scene, scene.run())
    rest = scene.but(scene.target)
    left_said = second.confirm(rest, rest)
    whole = first.total(scene.cohort, first.unmask(scene.cohort, said))
    return _minus(first, whole, second.total(rest, second.unmask(rest, left_said)))


def differencing(scene: Scene) -> str:
    """The next epoch asks the same of the same customers, without the target."""
    first = _masked(scene, scene.run())
    whole = first.sum_over(scene.cohort)
    second = _masked(scene, scene.run())
    return _minus(first, whole, second.sum_over(scene.but(scene.target)))


def retry_changed(**changes: object) -> Script:
    """A retry that asks something else than the attempt before."""

    def script(scene: Scene) -> str:
        first = _masked(scene, scene.run())
        given = dict(changes)
        if "cohort" in changes:
            given["cohort"] = tuple(sorted((*scene.but(scene.target), scene.fifth.id)))
        if "answer" in changes:
            given["answer"] = replace(first.config.answer, epoch="another")
        scene.again(first, **given).advertise([scene.node.id])
        return "the node answers a retry of something that it was not asked"

    return script


def retry_same(scene: Scene) -> str:
    """An honest-looking retry of an attempt whose masked vectors the attacker has: a two-time pad?

    The same sealed numbers must be masked under fresh keys: the difference of the two masked vectors is
    uniform, and the sum of the retry is exact.
    """
    first = _masked(scene, scene.run())
    second = _masked(scene, scene.again(first))
    node = scene.node.id
    pads = np.frombuffer(first.vectors[node], "<u4") - np.frombuffer(second.vectors[node], "<u4")
    if (np.abs(pads.astype("<i4").astype(np.int64)) < 2**16).sum() > 1:  # 3e-5 each by chance
        return "two masked vectors under the same pad"
    total = second.sum_over(scene.cohort)
    truth = sum(second.truth(member) for member in scene.cohort)
    same(total, truth, "the sum")
    raise Survived("fresh masks over the same sealed numbers; the sum is exact")


def _second_sum(name: str, script: Script, codes: tuple[str, ...], **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.BOTH,
        "wants": "the target's own numbers",
        "refused_by": codes,
        "leaks": "one sum over at least three companies, which is the purpose",
        "source": ONCE,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


ATTACKS = (
    _second_sum(
        "a member alive and dead in one attempt",
        alive_and_dead,
        ("equivocation",),
        guard=(ONE_QUESTION, ENDED, GONE, "one answer, one unmasking", ONE_RECORD),
        source=BOTH_SECRETS,
    ),
    _second_sum(
        "a second set confirmed in one attempt",
        second_confirmation,
        ("equivocation",),
        guard=(ONE_QUESTION, GONE, ONE_RECORD),
        leaks="masked numbers",
        source=BOTH_SECRETS,
    ),
    _second_sum(
        "an unmasking asked twice",
        other_confirmations,
        ("equivocation",),
        guard=(ONE_QUESTION, ENDED, GONE, ONE_RECORD),
    ),
    _second_sum(
        "fake abort, then a retry with other survivors",
        retry_without,
        ("already-unmasked",),
        guard=("one answer, one unmasking",),
    ),
    _second_sum(
        "a renamed round with other survivors",
        renamed_round,
        ("already-unmasked",),
        guard=("one answer, one unmasking",),
    ),
    _second_sum(
        "a renamed round for another cohort",
        renamed_for_another_cohort,
        ("already-unmasked",),
        guard=("one answer, one unmasking",),
    ),
    _second_sum(
        "two rounds side by side",
        side_by_side,
        ("secrets-erased", "illegal-move"),
        guard=("a newer round closes older ones",),
        leaks="masked numbers",
    ),
    _second_sum(
        "two epochs over the same customers, one company apart",
        differencing,
        ("differencing-refused",),
        guard=("no differencing",),
        policy="strict",
        slow=True,
        source="protocols/README.md: two sums of nearly the same companies",
    ),
    _second_sum(
        "fake abort, then a retry with another cohort",
        retry_changed(cohort=()),
        ("replayed-round",),
        guard=("numbers increase",),
        leaks="masked numbers",
    ),
    _second_sum(
        "fake abort, then a retry of another question",
        retry_changed(answer=()),
        ("replayed-round",),
        guard=("numbers increase",),
        leaks="masked numbers",
    ),
    _second_sum(
        "fake abort, then a retry with another minimum cohort",
        retry_changed(minimum_cohort=4),
        ("replayed-round",),
        guard=("numbers increase",),
        leaks="masked numbers",
    ),
    Attack(
        name="fake abort, then an honest-looking retry",
        who=Who.COORDINATOR,
        wants="two masked vectors under one pad",
        refused_by=(),
        leaks="one sum, which is the purpose",
        source=ONCE,
        script=retry_same,
    ),
)
