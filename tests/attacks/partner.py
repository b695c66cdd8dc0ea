"""Attacks by one member through an honest coordinator: wrong shares, wrong lengths, echoes, silence."""

from collections.abc import Callable

from protocols.codec import decode
from protocols.messages import PHASES, Advertisement, InputHeader, Phase, SealedShare
from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.scene import Run, Scene, same

PLAN = "protocols/README.md: what a member may try"


def sealed_wrongly(scene: Scene) -> str:
    """A bundle whose seal does not open."""
    return _with_bundle(scene, lambda own, _: own[:-1] + bytes([own[-1] ^ 1]))


def shortened(scene: Scene) -> str:
    """A bundle of another length."""
    return _with_bundle(scene, lambda own, _: own[:-16])


def echoed_bundle(scene: Scene) -> str:
    """The target's sealed shares, signed once more as the liar's own."""
    return _with_bundle(scene, lambda _, theirs: theirs)


def swapped_commitment(scene: Scene) -> str:
    """A bundle that opens, with a commitment to other shares beside it."""
    return _with_bundle(scene, lambda own, theirs: theirs[:64] + own[64:])


def _with_bundle(scene: Scene, change: Callable[[bytes, bytes], bytes]) -> str:
    run = scene.run().advertise().share()
    node = scene.node.id
    own, theirs = (
        decode(SealedShare, run.bundle(member, node).body).sealed
        for member in (scene.liar.id, scene.target.id)
    )
    bad = scene.sign(run.bundle(scene.liar.id, node), SealedShare, sealed=change(own, theirs))
    kept = [item for item in run.bundles_for(node) if item.signer != scene.liar.id]
    run.mask_one(node, [*kept, bad])
    return "the node holds shares that open nothing"


def echoed_advertisement(scene: Scene) -> str:
    """The target's whole advertisement under the liar's name."""
    run = scene.run().advertise()
    theirs = decode(Advertisement, run.ads[scene.target.id].body)
    own = {"seal_key": theirs.seal_key, "mask_key": theirs.mask_key}
    run.ads[scene.liar.id] = scene.sign(run.ads[scene.liar.id], Advertisement, **own)
    run.share([scene.node.id])
    return "the node shares with an echo"


def two_advertisements(scene: Scene) -> str:
    """Two advertisements of one member in one set."""
    run = scene.run().advertise()
    (second,) = scene.liar.hand(run.given_config()).items
    run.share([scene.node.id], [*run.ads.values(), second])
    return "the node shares with two of one"


def wrong_length(scene: Scene) -> str:
    """A vector of one number less."""
    run = scene.run().advertise().share().mask()
    short = run.config.answer.elements - 1
    run.headers[scene.liar.id] = scene.sign(run.headers[scene.liar.id], InputHeader, elements=short)
    run.confirm([scene.node.id], scene.cohort)
    return "the node confirmed a sum of vectors of different lengths"


def another_ring(scene: Scene) -> str:
    """A vector in a ring of 64 bits."""
    run = scene.run().advertise().share().mask()
    run.headers[scene.liar.id] = scene.sign(run.headers[scene.liar.id], InputHeader, ring_bits=64)
    run.confirm([scene.node.id], scene.cohort)
    return "the node confirmed a sum over two rings"


def _silent_in(phase: Phase) -> Callable[[Scene], str]:
    """The liar stops answering in ``phase``; the others go on with whoever is left."""

    def script(scene: Scene) -> str:
        run, rest = scene.run(), scene.but(scene.liar)
        here = {each: scene.cohort if PHASES.index(each) < PHASES.index(phase) else rest for each in PHASES}
        run.advertise(here[Phase.ADVERTISE]).share(here[Phase.SHARE]).mask(here[Phase.MASK])
        u3 = here[Phase.MASK]
        said = run.confirm(here[Phase.CHECK], u3)
        return _exact(run, u3, run.total(u3, run.unmask(here[Phase.UNMASK], said)))

    return script


def _exact(run: Run, u3: tuple[bytes, ...], total: object) -> str:
    same(total, sum(run.truth(member) for member in u3), "the exact sum")
    raise Survived(f"the exact sum of the {len(u3)} that masked")


def wrong_share(scene: Scene) -> str:
    """The liar opens a share that is not the one it was dealt; its own answer is left out, the sum exact."""
    run = scene.run().advertise().share().mask()
    answers = run.unmask(scene.cohort, run.confirm(scene.cohort, scene.cohort))
    place = scene.cohort.index(scene.liar.id)
    answers[place] = scene.with_wrong_shares(answers[place])
    return _exact(run, scene.cohort, run.total(scene.cohort, answers))


def _one(
    name: str, script: Callable[[Scene], str], *codes: str, leaks: str = "an advertisement", **more: object
) -> Attack:
    given = {
        "name": name,
        "who": Who.PARTNER,
        "wants": "to spoil the sum unnoticed, or to be counted twice",
        "refused_by": codes,
        "leaks": "an advertisement",
        "source": PLAN,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


SHAPE = {"leaks": "masked vectors, uniform without the secrets", "guard": ("vectors of one shape",)}
ATTACKS = (
    _one("a bundle that does not open", sealed_wrongly, "bad-share"),
    _one("a bundle of another length", shortened, "bad-share"),
    _one("another member's bundle, echoed", echoed_bundle, "bad-share"),
    _one("a bundle that contradicts its commitments", swapped_commitment, "bad-share"),
    _one("another member's advertisement, echoed", echoed_advertisement, "weak-key"),
    _one("two advertisements in one set", two_advertisements, "equivocation"),
    _one("a vector of another length", wrong_length, "wrong-transcript", **SHAPE),
    _one("a vector in another ring", another_ring, "wrong-transcript", **SHAPE),
    *(
        _one(f"silence from {phase.value} on", _silent_in(phase), leaks="the sum, which is the purpose")
        for phase in PHASES
    ),
    _one("a wrong share at the unmasking", wrong_share, leaks="the sum, which is the purpose"),
)
