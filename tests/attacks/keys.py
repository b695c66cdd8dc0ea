"""Attacks on who says what: substituted keys, forged and borrowed messages, Sybils."""

from dataclasses import replace

from protocols.codec import decode, tagged_hash
from protocols.identity import COORDINATOR, IdentityKey, PartnerId
from protocols.messages import Advertisement, InputHeader, Phase, SealedShare
from protocols.roster import approve
from protocols.secure_sum.dealing import unseal_from
from tests.attacks.attack import Attack, Who
from tests.attacks.hostile import admitting, rekeying
from tests.attacks.member import Member
from tests.attacks.scene import Run, Scene, same
from tests.attacks.spoils import unmasked
from tests.participant.fake_coordinator import Company

BONAWITZ = "Bonawitz et al. 2017, section 4.2 (PKI against an active server)"
LISTED = "Flower's SecAgg+, below: public keys unsigned"
PLAN = "protocols/README.md: what a coordinator may try"


def puppets(scene: Scene, seeds: dict[PartnerId, IdentityKey]) -> dict[PartnerId, Member]:
    """Members in others' names whose keys the attacker made."""
    roll = {**scene.coordinator.roll, **{member: key.public for member, key in seeds.items()}}
    return {
        member: Member(member, key, roll, 90 + number, forgetful=True)
        for number, (member, key) in enumerate(seeds.items())
    }


def node_among_puppets(scene: Scene, run: Run, played: dict[PartnerId, Member]) -> str:
    """Play everybody but the node; its shares are sealed for the attacker, so its numbers are too."""
    for name, member in played.items():
        (run.ads[name],) = member.hand(run.given_config()).items
    run.advertise([scene.node.id])
    run.share([scene.node.id])
    held = {}
    for name, member in played.items():
        run.bundles[name] = member.hand(run.given(Phase.SHARE, run.ads.values())).items
        shared = member.newest[run.config.round, run.config.attempt]
        (bundle,) = (
            found
            for item in run.bundles[scene.node.id]
            if (found := decode(SealedShare, item.body)).recipient == name
        )
        peer = next(each for each in shared.peers if each.member == scene.node.id)
        held[name] = unseal_from(shared, peer, bundle)
    run.mask([scene.node.id])
    loot = unmasked(
        run.config,
        run.ads,
        scene.node.id,
        run.vectors[scene.node.id],
        own={name: each.self_share for name, each in held.items()},
        pair={name: each.key_share for name, each in held.items()},
        u2=tuple(run.bundles),
    )
    return same(loot, run.truth(scene.node.id), "the node's own numbers, alone and in the clear")


def substituted_keys(scene: Scene) -> str:
    """A man in the middle: everybody's keys are the attacker's."""
    others = [member for member in scene.cohort if member != scene.node.id]
    made = {member: IdentityKey(tagged_hash("puppet", member)) for member in others}
    return node_among_puppets(scene, scene.run(), puppets(scene, made))


def rekeyed_members(scene: Scene) -> str:
    """The same with a roster: each member gets a new key that the coordinator and one member approve."""
    coordinator, made = scene.coordinator, {scene.liar.id: scene.liar.key}
    with coordinator.forked():
        for member in (scene.target.id, scene.third.id):
            made[member] = IdentityKey(tagged_hash("puppet", member))
            version = rekeying(coordinator.roster, member, made[member])
            coordinator.grow(version, (scene.accomplice,), approve(version, member, made[member]))
        return node_among_puppets(scene, scene.run(), puppets(scene, made))


def sybils(scene: Scene) -> str:
    """An invented company is admitted, approved by the coordinator, one member and itself."""
    coordinator, sybil = scene.coordinator, Company(name="Sybil", seed=tagged_hash("sybil"))
    made = {scene.liar.id: scene.liar.key, sybil.id: sybil.key}
    cohort = tuple(sorted((scene.node.id, *made)))
    with coordinator.forked():
        coordinator.grow(admitting(coordinator.roster, sybil), (scene.accomplice, sybil))
        with scene.cast(puppets(scene, made)):
            run = scene.run(scene.spec(members=3), cohort=cohort).advertise().share().mask()
            loot = run.sum_over(cohort) - sum(run.truth(member) for member in made)
            return same(
                loot, run.truth(scene.node.id), "the node's own numbers: the sum minus the attacker's"
            )


def copied_keys(scene: Scene) -> str:
    """A member advertises another's public keys as its own, to be taken for it."""
    run = scene.run().advertise()
    theirs = decode(Advertisement, run.ads[scene.target.id].body)
    own = decode(Advertisement, run.ads[scene.liar.id].body)
    copy = replace(own, mask_key=theirs.mask_key)
    run.ads[scene.liar.id] = scene.liar.key.sign(scene.liar.id, copy)
    run.share([scene.node.id])
    return "the node shared its secrets with two members of one key"


def weak_keys(scene: Scene) -> str:
    """A member advertises a point of low order: every secret agreed with it is known beforehand."""
    run = scene.run().advertise()
    own = decode(Advertisement, run.ads[scene.liar.id].body)
    run.ads[scene.liar.id] = scene.liar.key.sign(scene.liar.id, replace(own, seal_key=bytes(32)))
    run.share([scene.node.id])
    return "the node sealed a share under a key that everybody knows"


def borrowed_name(scene: Scene) -> str:
    """A header that the liar signed in the target's name."""
    run = scene.run().advertise().share().mask()
    forged = decode(InputHeader, run.headers[scene.target.id].body)
    run.headers[scene.target.id] = scene.liar.key.sign(scene.target.id, forged)
    run.confirm([scene.node.id], scene.cohort)
    return "the node confirmed a vector that its owner never signed"


def foreign_coordinator(scene: Scene) -> str:
    """A configuration signed by somebody who is not the coordinator."""
    run = scene.run()
    run.signed = scene.liar.key.sign(COORDINATOR, run.config)
    run.advertise([scene.node.id])
    return "the node takes part in anybody's round"


ATTACKS = (
    Attack(
        name="substituted keys (man in the middle)",
        who=Who.COORDINATOR,
        wants="the node's own numbers",
        refused_by=("bad-signature",),
        leaks="an advertisement: two public keys, nothing of the answer",
        guard=("pinned keys",),
        source=f"{LISTED}; {BONAWITZ}",
        script=substituted_keys,
    ),
    Attack(
        name="roster with re-keyed members",
        who=Who.BOTH,
        wants="the node's own numbers",
        refused_by=("broken-chain",),
        leaks="nothing",
        guard=("roster quorum",),
        spoils=True,
        source=PLAN,
        script=rekeyed_members,
    ),
    Attack(
        name="Sybil companies admitted by the coordinator and one member",
        who=Who.BOTH,
        wants="the node's own numbers",
        refused_by=("broken-chain",),
        leaks="nothing",
        guard=("roster quorum",),
        spoils=True,
        source=PLAN,
        script=sybils,
    ),
    Attack(
        name="another member's public keys as one's own",
        who=Who.PARTNER,
        wants="to be taken for another member",
        refused_by=("weak-key",),
        leaks="an advertisement",
        guard=("sound keys",),
        source="Bonawitz et al. 2017, figure 4",
        script=copied_keys,
    ),
    Attack(
        name="a key of low order",
        who=Who.PARTNER,
        wants="shared secrets that are known beforehand",
        refused_by=("weak-key",),
        leaks="an advertisement",
        source="RFC 7748, section 6.1",
        script=weak_keys,
    ),
    Attack(
        name="a message in another member's name",
        who=Who.BOTH,
        wants="a vector in the sum that its owner did not send",
        refused_by=("bad-signature",),
        leaks="a masked vector, uniform without the other secrets",
        guard=("pinned keys",),
        source=PLAN,
        script=borrowed_name,
    ),
    Attack(
        name="a configuration that the coordinator did not sign",
        who=Who.PARTNER,
        wants="a round of its own",
        refused_by=("bad-signature",),
        leaks="nothing",
        source=PLAN,
        script=foreign_coordinator,
    ),
)
