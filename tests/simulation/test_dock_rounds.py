"""Rounds carried by a fleet: leases, stale runs, both routes, errors that decide nothing."""

import numpy as np
import pytest

from coordinator.store.members import Members
from protocols.messages import Phase
from protocols.service.unit_of_work import transaction
from tests.simulation.rig import expected_gram, founded

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    with transaction(made.services.db) as connection:
        for index, member in enumerate(made.members):
            Members(connection).set_flower_node(member.id, str(1000 + index))
    made.services.dock.serve_run("run-1")
    yield made
    made.close()


def node_of(rig, member):
    return str(1000 + rig.members.index(member))


def lease(rig, run="run-1"):
    return rig.dock.post(f"/dock/lease?run_id={run}&wait_s=0")


def hand_in(rig, member, number, body=None, run="run-1"):
    sealed = b"".join(member.vectors[number, 1]) if body is None else body
    return rig.dock.put(f"/dock/vectors/{number}/1/{node_of(rig, member)}?run_id={run}", content=sealed)


def test_an_attempt_is_leased_once_to_a_run_as_soon_as_it_is_configured(rig):
    assert lease(rig).status_code == 204
    number = rig.ask()
    work = lease(rig).json()
    assert (work["round"], work["attempt"]) == (number, 1)
    assert sorted(work["nodes"]) == sorted(node_of(rig, member) for member in rig.members)
    assert lease(rig).status_code == 204


def test_a_lease_that_was_not_acknowledged_goes_to_the_next_run_and_the_old_run_ends(rig):
    rig.ask()
    lease(rig)
    rig.services.dock.serve_run("run-2")
    assert lease(rig, "run-1").status_code == 410
    assert lease(rig, "run-2").status_code == 200


def test_an_acknowledged_lease_is_never_given_again(rig):
    rig.ask()
    name = lease(rig).json()["lease"]
    assert rig.dock.post(f"/dock/leases/{name}/done?run_id=run-1").status_code == 200
    rig.services.dock.serve_run("run-2")
    assert lease(rig, "run-2").status_code == 204


def test_vectors_by_courier_and_by_upload_give_one_exact_sum(rig):
    number = rig.ask()
    rig.turn()
    rig.turn()
    for member in rig.members:
        member.withholds_bytes = True
        member.poll()
    for member in rig.members[:3]:
        assert hand_in(rig, member, number).status_code == 200
        assert member.upload(number, 1).status_code == 200
    for member in rig.members[3:]:
        assert member.upload(number, 1).status_code == 200
        assert hand_in(rig, member, number).status_code == 200
    view = rig.play(number)
    assert sorted(vector.route for vector in view.newest.vectors.values()) == ["dock"] * 3 + ["upload"] * 2
    assert np.array_equal(rig.total(number), expected_gram(rig.members))


def test_bytes_before_the_header_are_a_409_and_a_stale_run_a_410(rig):
    number, member = rig.ask(), rig.members[0]
    assert hand_in(rig, member, number, b"early").status_code == 409
    assert hand_in(rig, member, number, b"early", run="run-0").status_code == 410


def test_bytes_of_an_unknown_node_or_a_closed_attempt_are_neither_retried_nor_end_the_run(rig):
    number = rig.ask()
    assert rig.dock.put(f"/dock/vectors/{number}/1/77?run_id=run-1", content=b"x").status_code == 404
    rig.turn()
    rig.turn()
    member = rig.members[0]
    member.withholds_bytes = True
    rig.turn()
    rig.pass_deadline()
    assert rig.view(number).newest.attempt.phase is Phase.CHECK
    assert hand_in(rig, member, number).status_code == 404


def test_wrong_bytes_from_the_courier_cost_nothing_because_the_member_uploads(rig):
    number = rig.ask()
    rig.turn()
    rig.turn()
    member = rig.members[0]
    member.withholds_bytes = True
    member.poll()
    assert hand_in(rig, member, number, bytes(24)).status_code == 400
    assert member.upload(number, 1).status_code == 200
    assert rig.play(number).round.state == "released"


def test_a_courier_error_is_noted_and_decides_nothing(rig):
    number = rig.ask()
    path = f"/dock/vectors/{number}/1/{node_of(rig, rig.members[0])}/error?run_id=run-1"
    assert rig.dock.post(path, json={"code": 8, "reason": "gone"}).status_code == 200
    view = rig.play(number)
    assert view.newest.courier_errors == {rig.members[0].id: "8: gone"}
    assert len(view.newest.attempt.u3) == 5


@pytest.mark.parametrize("said", ['"\\ud800"', '"a\\u0000b"', '"' + "x" * 900 + '"'])
def test_an_error_in_words_that_no_database_holds_is_kept_as_far_as_it_can_be(rig, said):
    number, node = rig.ask(), node_of(rig, rig.members[0])
    body = f'{{"code":{said},"reason":{said}}}'.encode()
    target = f"/dock/vectors/{number}/1/{node}/error?run_id=run-1"
    assert rig.dock.post(target, content=body, headers=JSON).status_code == 200
    (kept,) = rig.view(number).newest.courier_errors.values()
    assert kept.isprintable()


@pytest.mark.parametrize("number", [2**63, 10**30, -1])
def test_a_round_with_a_number_that_no_database_holds_is_refused(rig, number):
    rig.ask()
    node = node_of(rig, rig.members[0])
    for target in (f"{number}/1/{node}", f"1/{number}/{node}"):
        assert rig.dock.put(f"/dock/vectors/{target}?run_id=run-1", content=b"x").status_code == 422
        said = rig.dock.post(f"/dock/vectors/{target}/error?run_id=run-1", json={"code": 1})
        assert said.status_code == 422
