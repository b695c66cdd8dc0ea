"""The console over the coordinator's real store, while a real round goes on."""

import re

import pytest

from tests.simulation.rig import Rig, founded


@pytest.fixture
def rig(tmp_path):
    running = founded(tmp_path / "home")
    yield running
    running.close()


def sentence(rig: Rig, path: str = "/") -> str:
    page = rig.admin.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200, page.text
    found = re.search(r"<h1>(.*)</h1>", page.text)
    assert found is not None
    return found.group(1)


def test_the_page_tells_each_phase_of_a_round_and_its_end(rig):
    assert sentence(rig) == "The consortium has 5 companies; nothing has been asked yet."
    number = rig.ask()
    rig.drive()
    told = [sentence(rig)]
    for _ in range(12):
        rig.turn()
        told.append(sentence(rig))
    assert told[0] == f"Round {number} waits for advertising keys: 0 of 5 companies are done."
    assert any("waits for masked answers" in line for line in told)
    assert told[-1] == f"Round {number} closed with 5 of 5 companies, and the sum is released."
    page = rig.admin.get("/").text
    assert "no differential privacy in this release" in page
    assert "all 5 companies" in page
    assert sentence(rig, f"/rounds/{number}") == told[-1]


def test_every_member_of_the_roster_is_on_the_page_with_its_hash(rig):
    page = rig.admin.get("/").text
    for member in rig.members:
        assert member.name in page
        assert member.id.hex() in page


def test_an_unknown_round_is_a_page_that_says_what_to_do(rig):
    page = rig.admin.get("/rounds/77", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "choose one of those that" in page.text


def test_a_round_that_fails_names_cause_and_next_step_on_the_page(rig):
    number = rig.ask(retries=0)
    rig.drive()
    for member in rig.members[:3]:
        member.poll()
    rig.pass_deadline()
    assert sentence(rig).startswith(f"Round {number} ended without a sum: ")
    page = rig.admin.get(f"/rounds/{number}").text
    assert re.search(r"<dt>Next step</dt><dd>.{10,}</dd>", page)
