"""Attacks that show members different things: split views, and what may not differ between members."""

from collections.abc import Callable
from dataclasses import replace

from protocols.codec import tagged_hash
from protocols.messages import InputHeader, RoundConfig
from protocols.policy import threshold
from tests.attacks.attack import Attack, Who
from tests.attacks.hostile import OTHER_WORDS
from tests.attacks.scene import Scene
from tests.participant import asked

SPLIT = "Flower's SecAgg+, below: split views; Bonawitz et al. 2017, section 6"
POISON = "Pasquini et al., CCS 2022: Eluding secure aggregation by model inconsistency"
Changed = Callable[[Scene, RoundConfig], RoundConfig]


def shown_another(change: Changed) -> Callable[[Scene], str]:
    """The node is asked something else than the others, under the same round and attempt."""

    def script(scene: Scene) -> str:
        run = scene.run()
        for member in (scene.target.id, scene.third.id, scene.liar.id):
            (run.ads[member],) = scene.members[member].hand(run.given_config()).items
        scene.coordinator.attempts.pop()
        other = scene.coordinator.open(change(scene, run.config))
        theirs, run.config, run.signed = run.ads, other.config, other.signed
        run.ads = {}
        run.advertise([scene.node.id])
        run.share([scene.node.id], [*theirs.values(), *run.ads.values()])
        return "the node answers another question than the companies it is summed with"

    return script


def another_model(_scene: Scene, config: RoundConfig) -> RoundConfig:
    return replace(config, answer=replace(config.answer, model=tagged_hash("poison")))


def another_cohort(scene: Scene, config: RoundConfig) -> RoundConfig:
    cohort = tuple(member for member in config.cohort if member != scene.third.id)
    answer = asked.taste(len(cohort), epoch=config.answer.epoch)
    return replace(config, cohort=cohort, threshold=threshold(len(cohort)), answer=answer)


def other_parameters(scene: Scene, config: RoundConfig) -> RoundConfig:
    answer = asked.taste(len(config.cohort), epoch=config.answer.epoch, until=asked.AUTUMN - 1)
    return replace(config, answer=answer)


def another_vocabulary(_scene: Scene, config: RoundConfig) -> RoundConfig:
    return replace(config, answer=replace(config.answer, vocabulary=OTHER_WORDS.digest))


def another_scale(_scene: Scene, config: RoundConfig) -> RoundConfig:
    (block,) = config.answer.blocks
    return replace(config, answer=replace(config.answer, blocks=(replace(block, scale_bits=3),)))


def split_advertisements(scene: Scene) -> str:
    """The liar advertises twice; the node is shown one, the others the other."""
    run = scene.run().advertise()
    ads = dict(run.ads)
    (second,) = scene.liar.hand(run.given_config()).items
    run.share([scene.node.id], [*(ads[m] for m in scene.but(scene.liar)), second])
    run.share([scene.target.id, scene.third.id], ads.values())
    run.mask([scene.node.id])
    return "the node masks with members that hold other keys than it saw"


def split_members(scene: Scene) -> str:
    """The node is told that the third dropped out after sharing; the others are not."""
    run = scene.run().advertise().share()
    run.mask(scene.but(scene.node))
    kept = [run.bundle(member, scene.node.id) for member in (scene.target.id, scene.liar.id)]
    run.mask_one(scene.node.id, kept)
    run.confirm([scene.node.id], scene.cohort)
    return "the node confirmed vectors that were masked over another set"


def split_survivors(scene: Scene) -> str:
    """Two sets are confirmed by different members; the node is shown the confirmations of both."""
    run = scene.run().advertise().share().mask()
    alive, dead = scene.cohort, scene.but(scene.target)
    with_target = run.confirm([scene.target.id, scene.liar.id, scene.third.id], alive)
    without = run.confirm([scene.node.id], dead)
    run.unmask([scene.node.id], [*without, *with_target[1:]])
    return "the node opened the key share of a member that the others count as alive"


def two_vectors(scene: Scene) -> str:
    """The liar signs two vectors; the node confirms one, the others the other."""
    run = scene.run().advertise().share().mask()
    honest = run.headers[scene.liar.id]
    others = run.confirm([scene.target.id, scene.third.id], scene.cohort)
    run.headers[scene.liar.id] = scene.sign(honest, InputHeader, chunk_hashes=(bytes(32),))
    mine = run.confirm([scene.node.id], scene.cohort)
    run.unmask([scene.node.id], [*mine, *others])
    return "the node opened its shares for a sum of another vector"


def too_few_confirm(scene: Scene) -> str:
    """The node is shown its own confirmation and the liar's, as if they were enough."""
    run = scene.run().advertise().share().mask()
    run.unmask([scene.node.id], run.confirm([scene.node.id, scene.liar.id], scene.but(scene.target)))
    return "the node opened its shares though two of four members confirmed"


def missing_own(scene: Scene) -> str:
    """The node's own advertisement is left out: the others' view without it."""
    run = scene.run().advertise()
    run.share([scene.node.id], [run.ads[member] for member in scene.but(scene.node)])
    return "the node shares with members that do not know it"


def without_own_vector(scene: Scene) -> str:
    """The node is asked to confirm a set without itself."""
    run = scene.run().advertise().share().mask()
    run.confirm([scene.node.id], scene.but(scene.node))
    return "the node confirmed that it dropped out"


def bundle_for_another(scene: Scene) -> str:
    """Shares sealed for the third are handed to the node."""
    run = scene.run().advertise().share()
    wrong = [run.bundle(member, scene.third.id) for member in (scene.target.id, scene.liar.id)]
    run.mask_one(scene.node.id, wrong)
    return "the node took shares that were sealed for another"


def replayed_advertisement(scene: Scene) -> str:
    """An advertisement of an earlier round, whose secrets the attacker may know by now."""
    old = scene.run().advertise()
    run = scene.run().advertise()
    run.ads[scene.liar.id] = old.ads[scene.liar.id]
    run.share([scene.node.id])
    return "the node shared with keys of an earlier round"


def _different(what: str, change: Changed, refused_by: tuple[str, ...]) -> Attack:
    return Attack(
        name=f"another {what} for one node",
        who=Who.COORDINATOR,
        wants="the node's numbers under a question that nobody else answers",
        refused_by=refused_by,
        leaks="at most an advertisement",
        source=f"{SPLIT}; {POISON}",
        script=shown_another(change),
    )


def _split(name: str, script: Callable[[Scene], str], code: str, **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.BOTH,
        "wants": "shares that no single view of the attempt asks for",
        "refused_by": (code,),
        "leaks": "masked numbers at most, uniform without the secrets",
        "source": SPLIT,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


ATTACKS = (
    _different("model", another_model, ("wrong-transcript",)),
    _different("cohort", another_cohort, ("wrong-transcript", "unknown-signer")),
    _different("set of parameters", other_parameters, ("wrong-transcript",)),
    _different("vocabulary", another_vocabulary, ("wrong-vocabulary",)),
    _different("scale", another_scale, ("question-not-allowed",)),
    _split("two advertisements of one member, split", split_advertisements, "wrong-transcript"),
    _split("a member dropped for one node only (U2 split)", split_members, "wrong-transcript"),
    _split(
        "two sets of survivors, split (U3 split)",
        split_survivors,
        "wrong-transcript",
        guard=("the same view",),
    ),
    _split("two vectors of one member, split", two_vectors, "wrong-transcript", guard=("the same view",)),
    _split(
        "fewer confirmations than the threshold",
        too_few_confirm,
        "too-few-survivors",
        guard=("quorum of confirmations",),
    ),
    _split("the node's own advertisement left out", missing_own, "wrong-transcript"),
    _split("the node's own vector left out of the set", without_own_vector, "wrong-transcript"),
    _split("shares sealed for another member", bundle_for_another, "wrong-members"),
    _split("an advertisement of an earlier round", replayed_advertisement, "wrong-transcript"),
)
