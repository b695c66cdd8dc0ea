"""What can go wrong around a node: each case is one clear message, and nothing half-written remains."""

import socket
from dataclasses import replace

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from participant import entropy
from participant.app import Daemon, make_apps
from participant.cli import app as cli
from participant.serving import Recommender
from participant.settings import ListenSettings
from participant.store.releases import Releases
from participant.store.tokens import Tokens
from protocols.codec import decode
from protocols.errors import BadRelease, BadSignature, StaleRelease
from protocols.identity import COORDINATOR, IdentityKey
from protocols.messages import Phase
from protocols.release import ReleaseManifest, open_vote, release_id
from protocols.service.errors import PortTaken
from protocols.service.jobs import Jobs
from protocols.service.tokens import mint
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    coordinator, members, clock = asked.consortium(3)
    made = [nodes.start(tmp_path_factory.mktemp("node") / "home", m, coordinator, clock) for m in members]
    for number, node in enumerate(made):
        nodes.sell(node, tmp_path_factory.mktemp("sales"), nodes.shop(number))
    attempt = coordinator.ask(asked.taste(3))
    for _ in range(7):
        for node in made:
            node.exchange.turn()
    return coordinator, made, attempt


@pytest.fixture(scope="module")
def client(parts):
    _, made, _ = parts
    node = made[0]
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return TestClient(make_apps(node, recommender, Jobs()).public, base_url="http://127.0.0.1")


def bearer(node):
    made = mint("recommend", entropy.random_bytes(32))
    Tokens(node.db).add(made, label="shop", at=0, expires_at=0)
    return {"Authorization": f"Bearer {made.text}"}


def test_a_release_that_somebody_else_signed_is_refused_and_not_kept(parts):
    coordinator, made, _ = parts
    signed, payload = next(iter(coordinator.releases.values()))
    manifest = replace(decode(ReleaseManifest, signed.body), round=9)
    forged = IdentityKey(bytes(32)).sign(COORDINATOR, manifest)
    coordinator.releases[release_id(manifest)] = (forged, payload)
    with pytest.raises(BadSignature):
        made[0].releases.receive(release_id(manifest))
    del coordinator.releases[release_id(manifest)]
    with reading(made[0].db) as connection:
        assert Releases(connection).find(release_id(manifest)) is None


def test_a_release_with_other_numbers_is_refused(parts):
    coordinator, made, _ = parts
    signed, payload = next(iter(coordinator.releases.values()))
    manifest = replace(decode(ReleaseManifest, signed.body), round=8, sum_sha256=bytes(32))
    resigned = coordinator.key.sign(COORDINATOR, manifest)
    coordinator.releases[release_id(manifest)] = (resigned, payload)
    with pytest.raises(BadRelease):
        made[0].releases.receive(release_id(manifest))
    del coordinator.releases[release_id(manifest)]


def test_a_release_that_is_not_what_this_company_signed_is_voted_against(tmp_path):
    coordinator, members, clock = asked.consortium(3)
    made = [nodes.start(tmp_path / m.name, m, coordinator, clock) for m in members]
    for number, node in enumerate(made):
        nodes.sell(node, tmp_path / f"sales-{number}", nodes.shop(number))
    attempt = coordinator.ask(asked.taste(3))
    while attempt.phase is not Phase.RELEASED:
        for node in made:
            if attempt.phase is not Phase.RELEASED:
                node.exchange.turn()
    ((_, (signed, payload)),) = coordinator.releases.items()
    forged = replace(decode(ReleaseManifest, signed.body), transcript=bytes(32))
    coordinator.releases = {release_id(forged): (coordinator.key.sign(COORDINATOR, forged), payload)}
    coordinator.votes.clear()
    with pytest.raises(BadRelease):
        made[0].releases.receive(release_id(forged))
    (signed_vote,) = coordinator.votes
    vote = open_vote(signed_vote, coordinator.roll)
    assert (vote.release, vote.voter, vote.accept) == (release_id(forged), made[0].member.partner, False)
    assert "not the sum" in vote.reason
    assert made[0].releases.catch_up() == 0
    with reading(made[0].db) as connection:
        assert Releases(connection).all() == ()
    for node in made:
        node.db.dispose()


def test_a_stale_release_is_refused(parts):
    coordinator, made, _ = parts
    signed, payload = next(iter(coordinator.releases.values()))
    manifest = replace(decode(ReleaseManifest, signed.body), previous=b"\x01" * 32)
    resigned = coordinator.key.sign(COORDINATOR, manifest)
    coordinator.releases[release_id(manifest)] = (resigned, payload)
    with pytest.raises(StaleRelease):
        made[0].releases.receive(release_id(manifest))
    del coordinator.releases[release_id(manifest)]


def test_a_taken_port_is_named_with_what_to_do_and_nothing_is_started(parts):
    _, made, _ = parts
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listening = made[0].settings.model_copy(update={"listen": ListenSettings(port=port)})
        with pytest.raises(PortTaken, match=str(port)):
            Daemon(replace(made[0], settings=listening))


def test_a_stranger_gets_bestsellers_and_never_an_empty_list(parts, client):
    _, made, _ = parts
    reply = client.post("/v1/recommendations", json={"user_id": "nobody"}, headers=bearer(made[0]))
    assert reply.status_code == 200
    assert reply.json()["degraded"] is True
    assert reply.json()["items"]


def test_recommendations_need_a_token_of_the_right_scope(client):
    assert client.post("/v1/recommendations", json={"user_id": "c1"}).status_code == 401


def test_a_node_is_well_and_says_so(client):
    assert client.get("/healthz").status_code == 200
    assert {part["name"] for part in client.get("/readyz").json()["parts"]} >= {"database", "door"}
    assert "altrove_door_open 1.0" in client.get("/metrics").text


def test_every_page_of_the_console_opens(client):
    for path in ("/", "/outbox", "/recommendations", "/stop", "/docs"):
        assert client.get(path, headers={"accept": "text/html"}).status_code == 200, path


def test_stop_refuses_a_home_that_never_joined_even_after_status_made_its_folders(tmp_path):
    def said(*words):
        return CliRunner().invoke(cli, [*words, "--home", str(tmp_path / "none")])

    assert said("status").exit_code == 1
    assert (tmp_path / "none" / "keys").is_dir()
    stopped = said("stop")
    assert stopped.exit_code == 1
    assert "STOPPED" not in stopped.output
    assert not (tmp_path / "none" / "door.state").exists()


@pytest.mark.parametrize(
    "words", [["status"], ["stop"], ["serve"], ["join", "--invite", "altrove1.nothing"], ["recommend", "x"]]
)
def test_an_error_of_the_command_line_is_one_message_without_a_traceback(tmp_path, words):
    result = CliRunner().invoke(cli, [*words, "--home", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
