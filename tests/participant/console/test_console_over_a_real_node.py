"""The console over a node's real stores, around a real round with four others."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from participant.app import make_apps
from participant.node import Node
from participant.serving import Recommender
from protocols.messages import Phase
from protocols.service.clock import iso
from protocols.service.jobs import Jobs
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import FakeCoordinator

Five = tuple[FakeCoordinator, list[Node]]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nodes.template(tmp_path_factory.mktemp("homes"), 5)


@pytest.fixture
def five(homes: Path, tmp_path: Path) -> Iterator[Five]:
    coordinator, members, clock = nodes.consortium(5)
    shutil.copytree(homes, tmp_path / "homes")
    made = [nodes.start(tmp_path / "homes" / m.name, m, coordinator, clock) for m in members]
    yield coordinator, made
    for node in made:
        node.db.dispose()


def console(node: Node) -> TestClient:
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    app = make_apps(node, recommender, Jobs()).public
    return TestClient(app, base_url="http://127.0.0.1:8470", headers={"Accept": "text/html"})


def sentence(http: TestClient, path: str = "/") -> str:
    page = http.get(path)
    found = re.search(r"<h1>(.*)</h1>", page.text)
    assert found is not None, page.text
    return found.group(1)


def play(coordinator: FakeCoordinator, made: list[Node]) -> None:
    attempt = coordinator.ask(asked.taste(5))
    for _ in range(8):
        for node in made:
            node.exchange.turn()
    assert attempt.phase is Phase.RELEASED


def test_the_page_says_what_left_after_a_real_round_and_nothing_before(five):
    coordinator, made = five
    http, name = console(made[0]), made[0].member.name
    assert sentence(http) == f"Nothing has left {name} today; the door is open."
    play(coordinator, made)
    assert re.fullmatch(
        rf"One masked answer, .*, left {name} today, readable only as part of a sum of 5 companies\.",
        sentence(http),
    )
    page = http.get("/outbox").text
    assert "10 masked numbers of 32 bits" in page
    assert "No differential privacy" in page
    assert all(node.member.name in page for node in made)


def test_stop_on_the_page_closes_the_real_door_and_survives_a_look_at_the_file(five):
    _, made = five
    http = console(made[0])
    http.post("/stop", data={"word": "STOP"})
    assert not made[0].door.switch.is_open()
    assert made[0].home.switch.read_bytes() != b"open"
    assert sentence(http).startswith("The door is closed")


def test_a_customer_of_the_imported_data_is_found_and_a_stranger_is_not(five):
    _, made = five
    http = console(made[0])
    assert sentence(http, "/recommendations?customer=c0").startswith("Customer c0 would be shown")
    stranger = http.get("/recommendations?customer=stranger")
    assert stranger.status_code == 404
    assert "No suggestions" in stranger.text


def test_why_a_round_went_on_without_the_node_is_on_its_page(five):
    coordinator, made = five
    coordinator.ask(asked.taste(5), cohort=coordinator.roster.partners[:3], threshold=2)
    made[0].exchange.turn()
    (refusal,) = made[0].exchange.refusals()
    page = console(made[0]).get("/").text
    assert f"Round 1.1, advertise-keys, {iso(refusal.at)}: this node did not go on ({refusal.code})." in page
