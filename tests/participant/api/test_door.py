"""The door's socket gives the bytes of the one expected phase, constant answers, and nothing else."""

import hashlib
import itertools
import shutil

import pytest
from starlette.testclient import TestClient

from participant.app import make_apps
from participant.door.words import MASKED_VECTOR
from participant.serving import Recommender
from participant.settings import CourierSwitch, ExchangeSettings
from participant.store.outbox import Outbox
from protocols.messages import Phase
from protocols.service.jobs import Jobs
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture
def three(tmp_path):
    """Three nodes, the first with a courier, and the door as the courier reaches it."""
    coordinator, members, clock = asked.consortium(3)
    shutil.copytree(nodes.template(tmp_path / "made", 3), tmp_path / "homes")
    waits = {"courier": CourierSwitch(mode="beside"), "exchange": ExchangeSettings(poll_s=1)}
    made = [
        nodes.start(tmp_path / "homes" / member.name, member, coordinator, clock, **part)
        for member, part in zip(members, (waits, {}, {}), strict=True)
    ]
    node = made[0]
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=clock)
    with TestClient(make_apps(node, recommender, Jobs()).door, base_url="http://door") as door:
        yield coordinator, made, door
    for each in made:
        each.db.dispose()


def vector(door, number=1, attempt=1):
    return door.get(f"/door/vectors/{number}/{attempt}")


def test_each_phase_gives_the_masked_bytes_or_nothing(three):
    coordinator, made, door = three
    said = []
    attempt = coordinator.ask(asked.taste(3))
    for _ in range(40):
        for node in made:
            said.append((str(attempt.phase), vector(door).status_code))
            node.exchange.turn()
        if attempt.phase is Phase.CHECK:
            break
        if attempt.phase is Phase.MASK and vector(door).status_code == 200:
            break
    assert {status for phase, status in said if phase in ("advertise-keys", "share-keys")} == {204}
    answer = vector(door)
    with reading(made[0].db) as connection:
        record = Outbox(connection).find(1, 1, MASKED_VECTOR)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).digest() == record.sha256
    assert vector(door).content == answer.content
    assert [vector(door, *other).status_code for other in ((1, 2), (2, 1), (0, 0))] == [204, 204, 204]
    made[0].door.switch.stop()
    stopped = vector(door)
    assert (stopped.status_code, stopped.content) == (410, b"")


def test_an_attempt_that_is_over_gives_nothing_any_more(three):
    coordinator, made, door = three
    made[0].exchange.without_courier()
    attempt = coordinator.ask(asked.taste(3))
    for _ in range(60):
        for node in made:
            node.exchange.turn()
        if attempt.phase is Phase.RELEASED:
            break
    for node in made:
        node.exchange.turn()
    over = vector(door)
    assert (over.status_code, over.content) == (410, b"")


def test_there_is_one_path_and_one_method(three):
    *_, door = three
    paths = (
        "/",
        "/door",
        "/door/vectors",
        "/v1/recommendations",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/metrics",
    )
    for path, method in itertools.product(paths, METHODS):
        assert door.request(method, path).status_code == 404, (method, path)
    for method in METHODS[1:]:
        assert door.request(method, "/door/vectors/1/1").status_code == 405
    for path in (
        "/door/vectors/1/1/../../../x",
        "/door/vectors/x/1",
        "/door/vectors/1/-1/0",
        f"/door/vectors/{2**63}/1",
        "/door/vectors/1/1?offset=-1",
    ):
        assert door.get(path).status_code in (404, 422)
