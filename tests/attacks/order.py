"""Attacks on time: replays, rollbacks, forks, messages out of order, long silences, restarts."""

from collections.abc import Callable
from dataclasses import replace

from protocols import merkle
from protocols.messages import PHASES, Phase
from protocols.roster import roster_hash
from tests.attacks.attack import Attack, Survived, Who
from tests.attacks.scene import Run, Scene

PLAN = "protocols/README.md: what a coordinator may try"
ROSTER = "protocols/README.md: signed by pinned identities"
NUMBERS = "protocols/README.md: given once per attempt, bound for ever"


def old_round(scene: Scene) -> str:
    """A round that was asked before a newer one, and is taken up now."""
    early = scene.run()
    scene.run().advertise([scene.node.id])
    early.advertise([scene.node.id])
    return "the node goes back to an earlier round"


def old_attempt(scene: Scene) -> str:
    """The first attempt again, under another deadline, after the second was accepted."""
    first = scene.run().advertise([scene.node.id])
    scene.again(first).advertise([scene.node.id])
    later = tuple(end + 1 for end in first.config.deadlines)
    scene.coordinator.attempts.pop()
    replayed = scene.coordinator.open(replace(first.config, deadlines=later))
    Run(scene, replayed.config, replayed.signed).advertise([scene.node.id])
    return "the node has two first attempts"


def rollback_of_roster(scene: Scene) -> str:
    """Before the fifth company was admitted: the chain is cut, and the round names its last version."""
    coordinator = scene.coordinator
    first = coordinator.chain[0].claimed
    scene.run().advertise([scene.node.id])
    with coordinator.forked():
        coordinator.shown = coordinator.chain[:1]
        scene.run(roster_hash=roster_hash(first), roster_height=0).advertise([scene.node.id])
    return "the node takes part under a roster that was replaced"


def round_on_an_old_roster(scene: Scene) -> str:
    """The chain is whole; only the round names the version before."""
    first = scene.coordinator.chain[0].claimed
    scene.run(roster_hash=roster_hash(first), roster_height=0).advertise([scene.node.id])
    return "the node takes part under a roster that was replaced"


def round_on_another_roster(scene: Scene) -> str:
    """A roster hash of the right height that nobody signed."""
    scene.run(roster_hash=bytes(32)).advertise([scene.node.id])
    return "the node takes part under a roster that it does not know"


def endless_roster(scene: Scene) -> str:
    """The latest version says that it is the thousand millionth: will the node fetch all before it?"""
    coordinator = scene.coordinator
    with coordinator.forked():
        far = replace(coordinator.roster, height=10**9)
        coordinator.grow(far, coordinator.companies)
        scene.run().advertise([scene.node.id])
    return "the node takes a chain with holes"


def shorter_log(scene: Scene) -> str:
    """The audit log loses its last entry, and a proof is shown for another tree."""
    coordinator = scene.coordinator
    scene.run().advertise([scene.node.id])
    with coordinator.forked():
        other = [merkle.leaf_hash(b"another past"), *coordinator.log[1:-1]]
        run = scene.run(audit_head=merkle.root(other), audit_size=len(other))
        coordinator.proofs = merkle.consistency_proof(coordinator.log[: len(other) + 1], len(other))
        run.advertise([scene.node.id])
    return "the node takes part under a log that forgot something"


def forked_log(scene: Scene) -> str:
    """A longer audit log with another past."""
    coordinator = scene.coordinator
    scene.run().advertise([scene.node.id])
    with coordinator.forked():
        coordinator.log = [merkle.leaf_hash(b"another past"), *coordinator.log[1:]]
        scene.run().advertise([scene.node.id])
    return "the node takes part under a log with another past"


def rewritten_log(scene: Scene) -> str:
    """The same number of entries, another root."""
    coordinator = scene.coordinator
    run = scene.run().advertise([scene.node.id])
    with coordinator.forked():
        scene.run(audit_head=bytes(32), audit_size=run.config.audit_size).advertise([scene.node.id])
    return "the node takes part under a log that was rewritten"


def _out_of_order(phase: Phase) -> Callable[[Scene], str]:
    """After its advertisement the node is handed a later phase, made by the others."""

    def script(scene: Scene) -> str:
        run = scene.run().advertise()
        rest = scene.but(scene.node)
        run.share(rest).mask(rest)
        if phase is Phase.MASK:
            run.mask_one(scene.node.id, run.bundles_for(scene.node.id))
        if phase is Phase.CHECK:
            run.confirm([scene.node.id], rest)
        run.unmask([scene.node.id], run.confirm(rest, rest))
        return f"the node does {phase.value} before its time"

    return script


def long_after(scene: Scene) -> str:
    """A round whose deadlines have passed long ago, when the companies' keys may have leaked."""
    scene.run(deadlines=tuple(range(len(PHASES)))).advertise().share([scene.node.id])
    return "the node answers long after the last deadline"


def stranger_attempt(scene: Scene) -> str:
    """A phase of an attempt that the node never accepted."""
    run = scene.run().advertise(scene.but(scene.node))
    run.share([scene.node.id])
    return "the node answers in an attempt that it never looked at"


def replay_of(scene: Scene) -> str:
    """The same bytes again in every phase: the same bytes must come back, nothing is made twice."""
    run = scene.run().advertise().share().mask()
    said = run.confirm(scene.cohort, scene.cohort)
    run.unmask([scene.node.id], said)
    for _ in range(2):
        again = [
            run.hand(scene.node.id, Phase.ADVERTISE, [run.signed]),
            run.hand(scene.node.id, Phase.SHARE, run.ads.values()),
            run.hand(scene.node.id, Phase.MASK, run.bundles_for(scene.node.id)),
        ]
        if again != [(run.ads[scene.node.id],), run.bundles[scene.node.id], (run.headers[scene.node.id],)]:
            return "the node made something a second time"
    raise Survived("the same question has the same answer, to the byte")


def _restarted_in(phase: Phase) -> Callable[[Scene], str]:
    """The node is killed right after ``phase``, and asked the same phase again with something else."""

    def script(scene: Scene) -> str:
        node = scene.node.id
        run = scene.run().advertise()
        if phase is Phase.ADVERTISE:
            scene.node.restart()
            other = replace(run.config, deadlines=tuple(end + 1 for end in run.config.deadlines))
            run.signed = scene.coordinator.open(other).signed
            run.advertise([node])
            return "the node advertised twice"
        run.share()
        if phase is Phase.SHARE:
            scene.node.restart()
            run.share([node], [run.ads[member] for member in scene.but(scene.third)])
            return "the node shared its secrets twice"
        run.mask()
        if phase is Phase.MASK:
            scene.node.restart()
            kept = [run.bundle(member, node) for member in scene.but(scene.third) if member != node]
            run.mask_one(node, kept)
            return "the node masked the same numbers over two sets"
        said = run.confirm(scene.cohort, scene.cohort)
        if phase is Phase.CHECK:
            scene.node.restart()
            run.confirm([node], scene.but(scene.target))
            return "the node confirmed two sets"
        run.unmask([node], said)
        scene.node.restart()
        run.unmask([node], said[:-1])
        return "the node unmasked twice"

    return script


def _late(name: str, script: Callable[[Scene], str], *codes: str, **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.COORDINATOR,
        "wants": "the node to forget what it has seen or done",
        "refused_by": codes,
        "leaks": "nothing of the answer",
        "source": PLAN,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


SEEN = ("on the roster and log last seen",)
GROWS = ("the roster shown only grows", *SEEN)
ATTACKS = (
    _late("an earlier round taken up again", old_round, "replayed-round", guard=("numbers increase",)),
    _late("an earlier attempt under new deadlines", old_attempt, "equivocation"),
    _late("rollback of the roster", rollback_of_roster, "rolled-back", guard=GROWS, source=ROSTER),
    _late("a round on the roster before", round_on_an_old_roster, "rolled-back", guard=SEEN, source=ROSTER),
    _late("fork of the roster", round_on_another_roster, "rolled-back", guard=SEEN, source=ROSTER),
    _late("a roster chain without an end", endless_roster, "broken-chain", source=ROSTER),
    _late("rollback of the audit log", shorter_log, "bad-proof", guard=SEEN, source="RFC 9162, 2.1.4"),
    _late("fork of the audit log", forked_log, "bad-proof", guard=SEEN, source="RFC 9162, 2.1.4"),
    _late("rewritten audit log", rewritten_log, "rolled-back", guard=SEEN, source=ROSTER),
    *(
        _late(f"{phase.value} before its time", _out_of_order(phase), "illegal-move", "unknown-version")
        for phase in (Phase.MASK, Phase.CHECK, Phase.UNMASK)
    ),
    _late("a round long after its deadlines", long_after, "illegal-move", source="Bonawitz: fixed deadlines"),
    _late("a phase of an attempt never accepted", stranger_attempt, "illegal-move"),
    Attack(
        name="the same messages again",
        who=Who.COORDINATOR,
        wants="something made twice",
        refused_by=(),
        leaks="one unmask answer",
        source=NUMBERS,
        script=replay_of,
    ),
    *(
        _late(
            f"killed after {phase.value}, then asked something else",
            _restarted_in(phase),
            "equivocation",
            wants="two different answers in one phase",
            source=NUMBERS,
            slow=True,
        )
        for phase in PHASES
    ),
)
