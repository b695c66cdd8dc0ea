"""Real nodes check a sum that nobody recomputes, with a coordinator or a member that lies or keeps silent."""

from dataclasses import replace

import numpy as np
import pytest

from coordinator.audit.verification import verify
from participant import linear_desk, verification
from participant.overview import Overview
from participant.serving import Recommender
from participant.store.checks import Checks
from participant.store.releases import Releases
from participant.verdicts import Outcome
from protocols.codec import decode, encode
from protocols.errors import Equivocation
from protocols.identity import COORDINATOR, Signed
from protocols.limits import LINEAR_CHECK_S
from protocols.messages import Phase
from protocols.release import number_bytes, pack, release_id, sum_sha256, unpack
from protocols.secure_sum.linear_check import Board, Dispute, Opening
from protocols.secure_sum.recomputation import Proof
from protocols.service.unit_of_work import reading
from protocols.vote_reasons import CHECKED, NOT_THE_SUM, RECOMPUTED, SIGNED_ONLY
from tests.simulation import real_nodes
from tests.simulation.real_nodes import REAL, World

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return real_nodes.template(tmp_path_factory.mktemp("checking"))


@pytest.fixture
def world(homes, tmp_path):
    made = World(tmp_path, homes)
    yield made
    made.close()


@pytest.fixture(scope="module")
def saved(homes, tmp_path_factory):
    return real_nodes.after_a_round(tmp_path_factory.mktemp("released"), homes)


@pytest.fixture
def released(saved, tmp_path):
    """A world whose newest release no node has seen yet, and that release."""
    made = saved.again(tmp_path)
    yield made, saved.release
    made.close()


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


def test_a_sum_of_which_a_survivor_never_confirmed_has_no_check_and_is_recomputed(world):
    world.rig.by_name("Galene").mute = {Phase.CHECK, Phase.UNMASK}
    release = world.release(deadlines=True)
    world.nodes_turn(2)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2


def test_a_sum_without_a_check_whose_vectors_are_kept_back_is_not_used_however_long_that_lasts(world):
    world.rig.by_name("Galene").mute = {Phase.CHECK, Phase.UNMASK}
    release = world.release(deadlines=True)
    keep_the_vectors_back(world)
    world.nodes_turn(2)
    for _ in range(3):
        neither_used_nor_voted_on(world, release)
        pass_the_deadline(world)
    hand_them_over(world)
    pass_the_deadline(world)
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[release]] * 2


def test_numbers_too_large_for_a_linear_function_are_recomputed(released, monkeypatch):
    world, release = released
    monkeypatch.setattr(linear_desk, "binds", lambda _answer, _survivors: False)
    world.nodes_turn(2)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2


def test_after_the_silence_of_one_member_the_sum_is_recomputed(released):
    world, release = released
    others_check(world, release, silent=("Galene",))
    assert [kept(node) for node in world.nodes.values()] == [[], []]
    pass_the_deadline(world)
    assert outcomes(world) == [Outcome.VERIFIED] * 2
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    no_secret_is_left(world)


def test_after_silence_a_sum_too_large_to_be_recomputed_unasked_waits_for_the_officer(released, monkeypatch):
    world, release = released
    monkeypatch.setattr(verification, "RECOMPUTED_AFTER_BYTES", 0)
    others_check(world, release, silent=("Galene",))
    pass_the_deadline(world)
    assert all("no complete set of openings" in verdict.reason for verdict in verdicts(world))
    neither_used_nor_voted_on(world, release)
    no_secret_is_left(world)
    node = world.nodes["Ceres"]
    fetched = len([path for path, _ in world.callers["Ceres"].sent])
    pass_the_deadline(world)
    assert len([path for path, _ in world.callers["Ceres"].sent]) == fetched
    assert node.releases.verify(1).outcome is Outcome.VERIFIED
    world.nodes_turn(2)
    assert votes(world, release) == [(True, RECOMPUTED)]
    assert kept(node) == [release]
    again = world.restart("Dione")
    object.__setattr__(again.verification._policy, "accept_unrecomputed", True)
    again.exchange.turn()
    assert kept(again) == [release]
    assert votes(world, release) == [(True, RECOMPUTED), (True, SIGNED_ONLY)]


def test_a_node_that_was_stopped_until_the_deadline_says_nothing_and_keeps_no_secret(released):
    world, release = released
    node = world.nodes["Ceres"]
    node.door.switch.stop()
    others_check(world, release)
    assert len(list((node.home.root / "secrets").iterdir())) == 1
    world.rig.clock.advance(LINEAR_CHECK_S + 120)
    world.nodes_turn()
    assert not any("/check/" in path for path, _ in world.callers["Ceres"].sent)
    (verdict,) = node.verification.verdicts.all()
    assert verdict.outcome is Outcome.VERIFIED  # recomputed, in which it says nothing
    assert list((node.home.root / "secrets").iterdir()) == []
    node.door.switch.release()
    world.nodes_turn(2)
    assert not any("/check/" in path for path, _ in world.callers["Ceres"].sent)
    assert votes(world, release) == [(True, RECOMPUTED)] * 2
    no_secret_is_left(world)


def test_a_coordinator_that_keeps_back_the_answers_and_the_vectors_gets_no_sum_used(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    boards = type(world.rig.services.checks)
    monkeypatch.setattr(boards, "answers", lambda _self, _release: ())
    release = world.release()
    keep_the_vectors_back(world)
    others_check(world, release)
    assert [node.verification.verdicts.all() for node in world.nodes.values()] == [(), ()]
    pass_the_deadline(world)
    neither_used_nor_voted_on(world, release)


def test_a_coordinator_that_keeps_back_only_the_answers_is_proved_wrong_by_the_vectors(world, monkeypatch):
    add_to_the_sum(world, monkeypatch)
    boards = type(world.rig.services.checks)
    monkeypatch.setattr(boards, "answers", lambda _self, _release: ())
    release = world.release()
    others_check(world, release)
    pass_the_deadline(world)
    assert outcomes(world) == [Outcome.WRONG] * 2
    assert votes(world, release) == [(False, NOT_THE_SUM)] * 2
    assert [kept(node) for node in world.nodes.values()] == [[], []]


def test_a_coordinator_that_publishes_nothing_is_named_and_the_secrets_go_after_the_deadline(world):
    world.release(publish=False)
    world.nodes_turn()
    node = world.nodes["Ceres"]
    with reading(node.db) as connection:
        assert len(Checks(connection).all()) == 1
    assert len(list((node.home.root / "secrets").iterdir())) == 1
    pass_the_deadline(world)
    assert node.verification.unreleased() == ((1, 1),)
    no_secret_is_left(world)


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


def told(world):
    token = {"Authorization": f"Bearer {world.rig.services.home.admin_token.read_text()}"}
    (release,) = world.rig.admin.get("/admin/v1/releases", headers=token).json()
    return release


def overview(node):
    return Overview(
        node, Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    )


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
