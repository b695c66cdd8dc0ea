"""The admin API: nothing without a token, everything that the command line needs."""

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from coordinator import typed
from coordinator.app import build_apps
from protocols.enrolment import Invitation
from protocols.errors import BadInput
from protocols.service.jobs import Jobs
from tests.simulation.rig import founded

PUBLIC = {"/healthz", "/readyz"}


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    made.token = {"Authorization": f"Bearer {made.services.home.admin_token.read_text()}"}
    yield made
    made.close()


def code(response):
    return response.json()["type"].removeprefix("urn:altrove:problem:")


def test_every_route_but_health_asks_for_a_token(rig):
    paths = rig.admin.app.openapi()["paths"]
    for path, methods in paths.items():
        for method in methods:
            status = rig.admin.request(method, path).status_code
            assert (status == 401) == (path not in PUBLIC), (method, path, status)


def test_a_token_that_was_never_issued_opens_nothing(rig):
    response = rig.admin.get("/admin/v1/members", headers={"Authorization": "Bearer alt_admin_" + "a" * 52})
    assert code(response) == "unknown-token"


def test_an_invitation_holds_what_a_company_needs(rig):
    line = rig.admin.post("/admin/v1/invites", json={"name": "Halley"}, headers=rig.token).json()[
        "invitation"
    ]
    invitation = Invitation.parse(line)
    assert invitation.name == "Halley"
    assert invitation.partner_url == "https://127.0.0.1:7402"
    assert invitation.authority.startswith("-----BEGIN CERTIFICATE-----")


def test_a_round_is_asked_followed_and_its_release_read(rig):
    asked = {
        "question": "taste",
        "parameters": {"until": "2017-08-14T04:00:00Z", "customers_cap": "100"},
        "phase_seconds": [10, 10, 30, 10, 10],
    }
    number = rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token).json()["round"]
    second = rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token)
    assert (second.status_code, code(second)) == (409, "round-in-progress")
    rig.play(number)
    shown = rig.admin.get(f"/admin/v1/rounds/{number}", headers=rig.token).json()
    assert shown["state"] == "released"
    assert [phase["phase"] for phase in shown["attempts"][0]["phases"]] == [
        "advertise-keys",
        "share-keys",
        "masked-input",
        "consistency-check",
        "unmasking",
    ]
    release = rig.admin.get(f"/admin/v1/releases/{shown['release']}", headers=rig.token).json()
    assert release["differentially_private"] is False
    assert "No differential privacy" in release["description"][0]
    assert len(release["readings"][0]["gram"]) == 3
    assert rig.admin.post("/admin/v1/audit/verify", headers=rig.token).json()["well"]


@pytest.mark.parametrize(("setting", "asked", "suite"), [(1, None, 1), (2, None, 2), (1, 2, 2), (2, 1, 1)])
def test_a_round_is_asked_in_the_suite_named_or_else_in_that_of_the_settings(rig, setting, asked, suite):
    rig.services = replace(rig.services, settings=rig.settings.model_copy(update={"suite": setting}))
    with TestClient(
        build_apps(rig.services, Jobs(rig.clock)).admin, base_url="http://127.0.0.1:7400"
    ) as admin:
        parameters = {"until": "2017-08-14T04:00:00Z", "customers_cap": "100"}
        body = {"question": "taste", "parameters": parameters} | ({"suite": asked} if asked else {})
        number = admin.post("/admin/v1/rounds", json=body, headers=rig.token).json()["round"]
        shown = admin.get(f"/admin/v1/rounds/{number}", headers=rig.token).json()
        assert shown["suite"] == suite
        wrong = admin.post("/admin/v1/rounds", json=body | {"suite": 3}, headers=rig.token)
        assert wrong.status_code == 422


def test_the_lambda_is_chosen_by_the_reading_of_an_evaluation_release(rig):
    first = rig.ask()
    rig.play(first)
    release = rig.view(first).release.hex()
    asked = {
        "question": "evaluation",
        "parameters": {
            "release": release,
            "lambdas": "300,1000",
            "history_until": 100,
            "target_until": 200,
            "customers_until": 100,
            "customers_cap": 100,
        },
    }
    response = rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token)
    assert response.status_code == 201, response.text
    for (
        member
    ) in rig.members:  # counts, then the sum of nDCG for each lambda, 1000 being better, and of own models
        member.answer = np.array([10, 2, 4, 1, 10, 1, 3, 2], dtype=np.int64) << 24
    view = rig.play(response.json()["round"])
    reading = rig.admin.get(f"/admin/v1/releases/{view.release.hex()}", headers=rig.token).json()["readings"][
        0
    ]
    assert "1000" in str(reading)
    assert "best_lambda" in str(reading)
    gains = [reading[name]["best"] - reading[name]["own"] for name in ("explore", "surprise")]
    assert [round(each, 5) for each in gains] == [0.3, 0.1]
    nothing = rig.admin.get(
        f"/admin/v1/releases/{view.release.hex()}/landmarks", params={"count": 1}, headers=rig.token
    )
    assert code(nothing) == "bad-input"
    assert "evaluation" in nothing.json()["came"]


def test_landmarks_are_the_most_bought_of_a_release_and_go_straight_into_the_question(rig):
    for member in rig.members:  # pairs of three concepts: 0-0, 0-1, 0-2, 1-1, 1-2, 2-2
        member.answer = np.array([2, 0, 0, 1, 0, 5], dtype=np.int64) << 24
    release = rig.play(rig.ask()).release.hex()

    def chosen(count, of=release):
        return rig.admin.get(f"/admin/v1/releases/{of}/landmarks", params={"count": count}, headers=rig.token)

    assert chosen(2).json() == {"landmarks": [0, 2]}
    assert code(chosen(4)) == "bad-input"
    assert code(chosen(1, of="00" * 32)) == "unknown-release"
    asked = {
        "question": "landmarks",
        "parameters": typed.parameters(["until=5", "customers_cap=100", "landmarks=0,2"]),
    }
    for member in rig.members:  # squares, then rows of two landmarks
        member.answer = np.array([1, 3, 2, 1, 0, 0, 0, 0, 2], dtype=np.int64) << 24
    wide = rig.play(rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token).json()["round"])
    assert chosen(2, of=wide.release.hex()).json() == {"landmarks": [1, 2]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"question": "horoscope"}, "question-not-allowed"),
        ({"parameters": {"until": "yesterday"}}, "bad-input"),
        ({"parameters": {"until": 5, "untill": 6}}, "bad-input"),
        ({"cohort": ["Nobody"]}, "unknown-member"),
        ({"phase_seconds": [1, 2]}, "bad-input"),
        ({"vocabulary": "00" * 32}, "unknown-vocabulary"),
        ({"parameters": {"until": 5, "customers_cap": 10**9}}, "ring-overflow"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_and_no_round_is_opened(rig, change, expected):
    asked = {"question": "taste", "parameters": {"until": 5, "customers_cap": 100}} | change
    assert code(rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token)) == expected
    assert rig.admin.get("/admin/v1/rounds", headers=rig.token).json() == []


def test_a_round_ended_by_hand_is_over_and_says_why(rig):
    number = rig.ask(retries=2)
    reply = rig.admin.post(
        f"/admin/v1/rounds/{number}/abort", json={"reason": "wrong date"}, headers=rig.token
    ).json()
    assert reply["state"] == "failed"
    assert "wrong date" in reply["attempts"][0]["reason"]
    assert len(reply["attempts"]) == 1


def test_the_same_vocabulary_is_published_once_and_another_gets_the_next_version(rig):
    def publish(concepts):
        content = {"name": "test", "concepts": concepts}
        return rig.admin.post("/admin/v1/vocabularies", json=content, headers=rig.token).json()["version"]

    assert [publish(["WINE", "MILK", "BREAD"]), publish(["MILK"]), publish(["MILK"])] == [1, 2, 2]


def test_the_console_shows_members_round_and_release(rig):
    rig.by_name("Elara").mute = set(rig.members[0].mute)
    rig.play(rig.ask())
    page = rig.admin.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert all(member.name in page.text for member in rig.members)
    assert rig.admin.get("/rounds/1").status_code == 200
    assert rig.admin.get("/docs").status_code == 200
    assert "altrove_http_request_seconds" in rig.admin.get("/metrics").text


def test_parameters_are_written_as_name_equals_value():
    assert typed.parameters(["until=2017-08-14", "a=b=c"]) == {"until": "2017-08-14", "a": "b=c"}
    with pytest.raises(BadInput):
        typed.parameters(["until"])
