"""Attacks on the choice of suite, and on what suite 2 sends beside the sealed shares."""

from dataclasses import replace

from protocols.codec import decode
from protocols.messages import CLASSICAL, HYBRID, RoundConfig, SealedShare
from protocols.secure_sum.sealing import SEALED_BYTES
from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.scene import Scene, same
from tests.attacks.views import SPLIT, shown_another

PLAN = "protocols/README.md: suite 2"


def downgraded(scene: Scene) -> str:
    """A node that asks for suite 2 is asked in suite 1; everybody else would go along."""
    run = scene.run(suite=CLASSICAL).advertise().share().mask()
    run.sum_over(scene.cohort)
    return "a whole recorded attempt whose masks hang on X25519 alone"


def another_suite(_scene: Scene, config: RoundConfig) -> RoundConfig:
    return replace(config, suite=HYBRID)


def spoilt_ciphertext(scene: Scene) -> str:
    """A bundle whose ciphertext of ML-KEM carries another secret than it was sealed with."""
    run = scene.run(suite=HYBRID).advertise().share()
    given = run.bundle(scene.liar.id, scene.node.id)
    data = bytearray(decode(SealedShare, given.body).sealed)
    data[SEALED_BYTES] ^= 1
    bad = scene.sign(given, SealedShare, sealed=bytes(data))
    kept = [item for item in run.bundles_for(scene.node.id) if item.signer != scene.liar.id]
    run.mask_one(scene.node.id, [*kept, bad])
    return "the node holds shares that open nothing"


def lost_in_suite_2(scene: Scene) -> str:
    """The liar falls silent before its vector: its masks must come off by what the others open."""
    run, rest = scene.run(suite=HYBRID).advertise().share(), scene.but(scene.liar)
    run.mask(rest)
    same(run.sum_over(rest), sum(run.truth(member) for member in rest), "the exact sum")
    raise Survived(f"the exact sum of the {len(rest)} that masked")


ATTACKS = (
    Attack(
        name="suite 1 for a node that asks for suite 2",
        who=Who.COORDINATOR,
        wants="an attempt that a quantum computer opens later",
        refused_by=("suite-not-allowed",),
        leaks="nothing",
        guard=("policy floors",),
        source=PLAN,
        script=downgraded,
        policy="post-quantum",
        slow=True,
    ),
    Attack(
        name="another suite for one node",
        who=Who.COORDINATOR,
        wants="an attempt of which one pair hangs on X25519 alone",
        refused_by=("wrong-transcript",),
        leaks="an advertisement",
        source=SPLIT,
        script=shown_another(another_suite),
    ),
    Attack(
        name="a ciphertext of suite 2 that carries another secret",
        who=Who.PARTNER,
        wants="to spoil the sum unnoticed",
        refused_by=("bad-share",),
        leaks="an advertisement",
        source=PLAN,
        script=spoilt_ciphertext,
    ),
    Attack(
        name="silence after sharing in suite 2",
        who=Who.PARTNER,
        wants="to leave masks in the sum that nobody can take off",
        refused_by=(),
        leaks="the sum, which is the purpose",
        source=PLAN,
        script=lost_in_suite_2,
    ),
)
