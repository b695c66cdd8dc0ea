"""Attacks on the floors: a threshold, a cohort or a set of survivors that hides nobody."""

from collections.abc import Callable

from protocols.messages import Phase
from tests.attacks.attack import Attack, Who
from tests.attacks.scene import Scene, same
from tests.attacks.spoils import opened, unmasked

DICTATED = "Flower's SecAgg+, below: server dictates threshold"
FLOORS = "protocols/README.md: who may lie"


def low_threshold(scene: Scene) -> str:
    """With a threshold of two, one honest company and the liar open either secret of the node."""
    run = scene.run(threshold=2).advertise().share().mask()
    liar, node = scene.liar.id, scene.node.id
    alive = run.unmask([liar, scene.third.id], run.confirm([liar, scene.third.id], scene.cohort))
    without = scene.but(scene.node)
    gone = run.unmask([liar, scene.target.id], run.confirm([liar, scene.target.id], without))
    (own, _), (_, pair) = opened(alive, node), opened(gone, node)
    loot = unmasked(run.config, run.ads, node, run.vectors[node], own=own, pair=pair, u2=scene.cohort)
    return same(loot, run.truth(node), "the node's own numbers, alone and in the clear")


def low_minimum(scene: Scene) -> str:
    """A round that is content with three companies, asked of a node whose policy says four."""
    run = scene.run().advertise().share().mask()
    run.sum_over(scene.but(scene.target))
    return "a sum over three companies with an answer of the node in it"


def chosen_cohort(scene: Scene) -> str:
    """Three of five: the attacker's member, its victim and one other, with a threshold that two open."""
    cohort = tuple(sorted((scene.node.id, scene.liar.id, scene.target.id)))
    scene.run(scene.spec(members=3), cohort=cohort, threshold=2).advertise([scene.node.id])
    return "the node takes part in a cohort of the attacker's choice"


def _too_small(phase: Phase) -> Callable[[Scene], str]:
    """The node is told that only it and the liar are left in ``phase``."""

    def script(scene: Scene) -> str:
        pair = (scene.node.id, scene.liar.id)
        run = scene.run().advertise()
        if phase is Phase.SHARE:
            run.share([scene.node.id], [run.ads[member] for member in pair])
        elif phase is Phase.MASK:
            run.share().mask_one(scene.node.id, [run.bundle(scene.liar.id, scene.node.id)])
        else:
            run.share().mask().confirm([scene.node.id], pair)
        return "the node goes on with a set of two"

    return script


def _small(name: str, script: Callable[[Scene], str], codes: tuple[str, ...], **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.BOTH,
        "wants": "a sum that hides the node among too few",
        "refused_by": codes,
        "leaks": "nothing",
        "source": DICTATED,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


ATTACKS = (
    _small(
        "a threshold that one honest company reaches",
        low_threshold,
        ("threshold-too-low",),
        guard=("policy floors",),
        wants="the node's own numbers",
    ),
    _small(
        "a minimum cohort below the policy's",
        low_minimum,
        ("below-minimum-cohort",),
        guard=("policy floors", "enough survivors"),
        policy="four",
        slow=True,
    ),
    _small(
        "a small cohort chosen from the roster",
        chosen_cohort,
        ("threshold-too-low",),
        guard=("policy floors",),
        source=FLOORS,
    ),
    *(
        _small(
            f"all but two silent in {phase.value}, says the coordinator",
            _too_small(phase),
            ("too-few-survivors",),
            guard=() if phase is Phase.SHARE else ("enough survivors",),
            leaks="a masked vector at most",
            source=FLOORS,
        )
        for phase in (Phase.SHARE, Phase.MASK, Phase.CHECK)
    ),
)
