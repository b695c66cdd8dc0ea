"""Real nodes check a sum that nobody recomputes, with a coordinator or a member that lies or keeps silent."""

from dataclasses import replace

import numpy as np
import pytest

from coordinator.audit.verification import verify
from participant import preparation
from participant.verdicts import Outcome
from protocols.codec import decode, encode
from protocols.errors import Equivocation
from protocols.identity import COORDINATOR, Signed
from protocols.release import number_bytes, pack, release_id, sum_sha256, unpack
from protocols.secure_sum.linear_check import Board, Dispute, Opening
from protocols.secure_sum.recomputation import Proof
from protocols.vote_reasons import BELOW_ZERO, CHECKED, NOT_THE_SUM, RECOMPUTED
from tests.simulation.checking import (
    add_to_the_sum,
    kept,
    no_secret_is_left,
    others_check,
    outcomes,
    overview,
    told,
    verdicts,
    votes,
)
from tests.simulation.real_nodes import REAL

pytestmark = pytest.mark.timeout(600)


def test_an_honest_sum_passes_at_every_node_and_is_used_only_then(released):
    world, release = released
    world.nodes_turn(3)
    for node in world.nodes.values():
        assert kept(node) == []  # it waits for the others
        assert node.verification.verdicts.all() == ()
    others_check(world, release)
    assert outcomes(world) == [Outcome.CHECKED] * 2
    assert votes(world, release) == [(True, CHECKED)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[release]] * 2
    world.nodes["Ceres"].releases.readings(release)
    no_secret_is_left(world)


def test_a_wrong_sum_fails_the_check_and_is_proved_wrong_where_it_can_be_recomputed(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    release = world.release()
    others_check(world, release)
    assert outcomes(world) == [Outcome.WRONG] * 2
    assert votes(world, release) == [(False, NOT_THE_SUM)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    node = world.nodes["Ceres"]
    (found,) = node.verification.verdicts.all()
    assert decode(Proof, node.verification.verdicts.evidence(found).read_bytes())
    no_secret_is_left(world)


def test_a_wrong_sum_whose_evidence_is_kept_back_is_disputed_and_never_used(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    release = world.release()
    spool = world.rig.services.home.spool
    spool.rename(spool.with_name("elsewhere"))
    others_check(world, release)
    assert outcomes(world) == [Outcome.DISPUTED] * 2
    assert votes(world, release) == []
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    node = world.nodes["Ceres"]
    (found,) = node.verification.verdicts.all()
    dispute = decode(Dispute, node.verification.verdicts.evidence(found).read_bytes())
    assert len(dispute.answers) == 5
    world.nodes_turn(2)
    assert kept(node) == []
    spool.with_name("elsewhere").rename(spool)
    assert node.releases.verify(found.round).outcome is Outcome.WRONG
    assert votes(world, release) == [(False, NOT_THE_SUM)]


def test_a_wrong_answer_of_a_member_disputes_a_true_sum_and_recomputing_clears_it(released):
    world, release = released
    others_check(world, release, add=1)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    for verdict in verdicts(world):
        assert "a member's linear answer was wrong, and nothing tells whose" in verdict.reason
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[release]] * 2


def test_a_true_sum_that_a_member_disputed_is_used_once_the_officer_had_it_recomputed(released):
    world, release = released
    spool = world.rig.services.home.spool
    spool.rename(spool.with_name("elsewhere"))
    others_check(world, release, add=1)
    assert outcomes(world) == [Outcome.DISPUTED] * 2
    node = world.nodes["Ceres"]
    (alarm,) = overview(node).status().alarms
    assert "did not pass the linear check and is not used" in alarm
    assert "altrove-node verify 1" in alarm
    spool.with_name("elsewhere").rename(spool)
    assert node.releases.verify(1).outcome is Outcome.VERIFIED
    node.exchange.turn()
    assert kept(node) == [release]
    assert overview(node).status().alarms == ()
    assert votes(world, release) == [(True, RECOMPUTED)]


def test_a_release_whose_numbers_are_not_those_that_were_signed_is_refused_unseen(released):
    world, release = released
    file = world.rig.services.library.payload_file(release)
    numbers = bytearray(file.read_bytes())
    numbers[-8:] = number_bytes(np.array([77]))
    file.write_bytes(numbers)
    world.nodes_turn(2)
    for node in world.nodes.values():
        assert kept(node) == []
        assert node.verification.verdicts.all() == ()
    assert votes(world, release) == []
    assert world.others[0].openings(release) == ()  # nobody opens its part for numbers that it never saw


def test_a_node_that_is_not_in_the_sum_checks_it_without_a_vote(world, monkeypatch):
    away = world.nodes.pop("Dione")
    release = world.release(deadlines=True)
    world.nodes["Dione"] = away
    world.nodes_turn(2)
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    others_check(world, release)
    assert outcomes(world) == [Outcome.CHECKED] * 2
    assert [kept(node) for node in world.nodes.values()] == [[release]] * 2
    assert votes(world, release) == [(True, CHECKED)]
    assert not any("/check/" in path for path, _ in world.callers["Dione"].sent)


def another_release(world, release):
    """A second release of the same attempt, signed by the coordinator: its id, manifest and payload."""
    services = world.rig.services
    stored = services.library.release(release)
    total = unpack(services.payloads.read(stored.manifest), stored.manifest).copy()
    total[0] += 1
    manifest = replace(stored.manifest, sum_sha256=sum_sha256([total]))
    signed = services.home.identity_key().sign(COORDINATOR, manifest)
    return release_id(manifest), encode(signed), pack(total)


def test_a_coordinator_that_shows_two_releases_is_found_out_when_the_openings_meet(released):
    """Ceres is shown the true sum, Dione another; whoever opened for one does not open for the other."""
    world, release = released
    other, manifest, payload = another_release(world, release)
    openings = {}

    def to_dione(method, path, body):
        if path == "/v1/releases":
            lines = world.callers["Dione"].member.get(path).content
            return lines.replace(release.hex().encode(), other.hex().encode())
        told = {f"/v1/releases/{other.hex()}": manifest, f"/v1/releases/{other.hex()}/payload": payload}
        return told.get(path) or to_both(method, path, body, "Dione")

    def to_both(method, path, body, name):
        if not path.endswith("/check/openings"):
            return None
        if method == "POST":
            openings[name] = decode(Signed, body)
        everybody = [*openings.values(), *(member.opening(release) for member in world.others)]
        return encode(Board(items=tuple(everybody) if len(openings) == 2 else ()))

    world.callers["Dione"].lies.append(to_dione)
    world.callers["Ceres"].lies.append(lambda *asked: to_both(*asked, "Ceres"))
    world.nodes_turn(3)
    shown = {decode(Opening, signed.body).release for signed in openings.values()}
    assert shown == {release, other}
    ceres, dione = verdicts(world)
    assert (ceres.release, ceres.outcome) == (release.hex(), Outcome.VERIFIED)  # recomputed after the dispute
    assert (dione.release, dione.outcome) == (other.hex(), Outcome.WRONG)
    assert [kept(node) for node in world.nodes.values()] == [[release], []]
    with pytest.raises(Equivocation):
        world.nodes["Ceres"].door.linear.open((1, 1), other)


def test_what_was_looked_at_is_said_in_the_api_and_on_the_pages(released):
    world, release = released
    world.nodes_turn(2)
    node = world.nodes["Ceres"]
    (line,) = overview(node).status().waiting
    assert "not used before all its companies have checked it together" in line
    others_check(world, release, silent=("Galene",))
    check = told(world)["linear_check"]
    assert (len(check["opened"]), check["answered"], check["silent"]) == (4, [], ["Galene"])
    assert world.rig.by_name("Galene").open_check(release).status_code == 200
    world.nodes_turn(2)
    for member in world.others:
        assert member.answer_check(release).status_code == 200
    world.nodes_turn(2)
    assert told(world)["linear_check"]["silent"] == []
    assert {vote["looked_at"] for vote in told(world)["votes"]} == {"linear check passed"}
    assert "2: linear check passed" in world.rig.admin.get("/").text
    assert overview(node).status().waiting == ()
    assert overview(node)._looked_at(release) == "the linear check passed; not recomputed"
    services = world.rig.services
    audited = verify(services.db, services.consortium, services.spool, services.payloads)
    assert {each.what: (each.checked, each.problem) for each in audited}["linear checks"] == (10, "")


def test_a_node_killed_between_any_two_steps_of_the_check_says_the_same_and_completes(released):
    (world, release), name = released, REAL[0]
    world.nodes_turn()
    world.restart(name).exchange.turn()
    for member in world.others:
        member.open_check(release)
    world.restart(name).exchange.turn()
    world.nodes_turn()
    for member in world.others:
        member.answer_check(release)
    world.restart(name).exchange.turn()
    world.nodes_turn(2)
    assert outcomes(world) == [Outcome.CHECKED] * 2
    for what in ("openings", "answers"):
        bodies = {body for path, body in world.callers[name].sent if path.endswith(what)}
        assert len(bodies) == 1
    world.restart(name).exchange.turn()
    assert votes(world, release) == [(True, CHECKED)] * 2
    no_secret_is_left(world)


def test_a_sum_that_passes_and_counts_below_zero_is_voted_against_and_not_used(world, monkeypatch):
    truth = preparation.fill_all

    def below_zero(spec, context):
        said = truth(spec, context)
        said[0] = -(spec.blocks[0].bound << 23)
        return said

    monkeypatch.setattr(preparation, "fill_all", below_zero)
    release = world.release()
    others_check(world, release)
    assert outcomes(world) == [Outcome.CHECKED] * 2
    assert votes(world, release) == [(False, BELOW_ZERO)] * 2
    world.nodes_turn(2)
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    assert "nothing is below zero; came -" in world.rig.services.library.readings(release)[0]
    assert ["below zero" in vote["reason"] for vote in told(world)["votes"]] == [True, True]
    no_secret_is_left(world)
