"""What tests of the linear check do to a world, and what they look at afterwards."""

import numpy as np

from participant.overview import Overview
from participant.serving import Recommender
from participant.store.checks import Checks
from participant.store.releases import Releases
from participant.verdicts import Outcome
from protocols.limits import LINEAR_CHECK_S
from protocols.service.unit_of_work import reading


def verdicts(world):
    """The one verdict of each real node."""
    found = []
    for node in world.nodes.values():
        (verdict,) = node.verification.verdicts.all()
        found.append(verdict)
    return found


def outcomes(world):
    return [verdict.outcome for verdict in verdicts(world)]


def votes(world, release):
    return [(each.vote.accept, each.vote.reason) for each in world.rig.services.library.votes(release)]


def kept(node):
    with reading(node.db) as connection:
        return [each.release for each in Releases(connection).all()]


def others_check(world, release, *, add=0, silent=()):
    """The simulated members open and answer; the nodes in between."""
    for member in world.others:
        if member.name not in silent:
            assert member.open_check(release).status_code == 200
    world.nodes_turn(2)
    for number, member in enumerate(world.others):
        if member.name not in silent and member.openings(release):
            assert member.answer_check(release, add=0 if number else add).status_code == 200
    world.nodes_turn(2)


def pass_the_deadline(world):
    world.rig.clock.advance(LINEAR_CHECK_S + 120)
    world.nodes_turn(2)


def no_secret_is_left(world):
    for node in world.nodes.values():
        with reading(node.db) as connection:
            assert Checks(connection).all() == ()
        assert list((node.home.root / "secrets").iterdir()) == []


def add_to_the_sum(world, monkeypatch):
    """From now on the coordinator publishes one too many in the last cell."""
    payloads = type(world.rig.services.payloads)
    keep = payloads.keep

    def lying(self, elements, parts):
        total = np.concatenate(list(parts))
        total[-1] += 1
        return keep(self, elements, [total])

    monkeypatch.setattr(payloads, "keep", lying)


def keep_the_vectors_back(world):
    """From now on the coordinator hands over no vectors."""
    spool = world.rig.services.home.spool
    spool.rename(spool.with_name("elsewhere"))


def hand_them_over(world):
    spool = world.rig.services.home.spool
    spool.with_name("elsewhere").rename(spool)


def neither_used_nor_voted_on(world, release):
    assert outcomes(world) == [Outcome.UNVERIFIED] * 2
    assert votes(world, release) == []
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    for node in world.nodes.values():
        (line,) = overview(node).status().waiting
        assert "neither used nor voted on" in line


def told(world):
    token = {"Authorization": f"Bearer {world.rig.services.home.admin_token.read_text()}"}
    (release,) = world.rig.admin.get("/admin/v1/releases", headers=token).json()
    return release


def overview(node):
    return Overview(
        node, Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    )
