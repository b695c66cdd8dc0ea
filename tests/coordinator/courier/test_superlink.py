"""The public listener lets through what a registered SuperNode needs, and nothing else."""

import asyncio
import warnings
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from coordinator.courier.superlink import (
    BODY_BYTES,
    FLEET_PATHS,
    FleetOnly,
    let_back_in,
    registered,
    unanswered,
)


def call(path, *, method="POST", length="0", known=True):
    """The status of one request through the filter; 200 is the app behind it."""
    statuses = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(event):
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    headers = [] if length is None else [(b"content-length", length.encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(FleetOnly(app, lambda _scope: known)(scope, None, send))
    return statuses[0]


@pytest.mark.parametrize("path", sorted(FLEET_PATHS))
def test_a_fleet_path_passes(path):
    assert call(path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/fleet/register-node",
        "/v1/fleet/unregister-node",
        "/v1/control/start-run",
        "/v1/control/register-node",
        "/v1/control/list-nodes",
        "/v1/runtime/acquire-task",
        "/v1/fleet/pull-messages/",
        "/v1/fleet//pull-messages",
        "/v1/fleet/../control/start-run",
        "/docs",
        "/openapi.json",
        "/",
    ],
)
def test_every_other_path_is_not_there(path):
    assert call(path) == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_only_post_passes(method):
    assert call("/v1/fleet/get-run", method=method) == 404


@pytest.mark.parametrize("length", [None, str(BODY_BYTES + 1), "-1", "1e3", ""])
def test_a_body_without_a_sane_length_is_refused(length):
    assert call("/v1/fleet/push-object", length=length) == 404


def test_a_body_at_the_limit_passes():
    assert call("/v1/fleet/push-object", length=str(BODY_BYTES)) == 200


@pytest.mark.parametrize("path", sorted(FLEET_PATHS))
def test_a_strangers_body_is_not_read(path):
    assert call(path, length=str(BODY_BYTES), known=False) == 401


def test_a_stranger_may_ask_to_be_activated_so_that_flower_can_say_no():
    assert call("/v1/fleet/activate-node", length="600", known=False) == 200
    assert call("/v1/fleet/pull-messages", length="600", known=False) == 401


def test_two_lengths_are_refused():
    statuses = []

    async def send(event):
        statuses.append(event.get("status"))

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/fleet/push-object",
        "headers": [(b"content-length", b"1"), (b"content-length", b"2")],
    }
    asyncio.run(FleetOnly(None, lambda _scope: True)(scope, None, send))
    assert statuses[0] == 404


def test_a_length_beside_chunks_is_refused():
    statuses = []

    async def send(event):
        statuses.append(event.get("status"))

    headers = [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/v1/fleet/push-object", "headers": headers}
    asyncio.run(FleetOnly(None, lambda _scope: True)(scope, None, send))
    assert statuses[0] == 404


def test_the_allow_list_names_paths_that_this_flower_serves():
    from flwr.superlink.routers.fleet.router import router

    served = {route.path for route in router.routes}
    assert served >= FLEET_PATHS


@pytest.fixture
def state(tmp_path):
    """SuperLink's own store, patched as a class of its own: the patch stays."""
    from flwr.server.superlink.linkstate.sql_linkstate import SqlLinkState
    from flwr.superlink.federation import NoOpFederationManager

    class Patched(SqlLinkState):
        pass

    let_back_in(Patched)
    store = Patched(str(tmp_path / "flower.db"), NoOpFederationManager(), None)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # Flower's use of Alembic
        store.initialize()
    return store


def test_a_killed_courier_comes_back_at_once_and_a_removed_one_does_not(state):
    node = state.create_node("owner", "owner", b"its key", 30.0)
    assert state.activate_node(node, 30.0)
    assert state.activate_node(node, 30.0), "while the SuperLink takes the killed one to be online"
    state.deactivate_node(node)
    assert state.activate_node(node, 30.0)
    state.delete_node("owner", node)
    assert not state.activate_node(node, 30.0)


def test_what_a_killed_courier_took_along_is_unavailable_and_the_rest_still_awaits_it(state):
    from flwr.supercore.state.schema.linkstate_models import MessageIns, MessageRes, Run

    node, other = (state.create_node("owner", "owner", key, 30.0) for key in (b"its key", b"another's"))
    assert state.activate_node(node, 30.0)
    assert state.activate_node(other, 30.0)

    def message(name, to, delivered):
        signed = to - 2**64 if to >= 2**63 else to
        return MessageIns(
            message_id=name, run_id=1, dst_node_id=signed, delivered_at=delivered, created_at=0.0, ttl=1e12
        )

    with state.session() as session:
        session.add(Run(run_id=1, primary_task_id=1))
        session.flush()
        session.add_all([message("taken", node, "noon"), message("answered", node, "noon")])
        session.add_all([message("waiting", node, ""), message("another's", other, "noon")])
        session.add(MessageRes(message_id="answer", reply_to_message_id="answered", run_id=1))
    assert unanswered(state, node) == {"taken"}
    assert state.activate_node(node, 30.0)
    assert state.get_message_ids_from_run_id(1) == {"answered", "waiting", "another's"}


KEY, OTHER = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def request(key=KEY, *, claims=KEY, at=None, **changed):
    said = (at or datetime.now(UTC)).isoformat()
    signature = key.sign(said.encode(), ec.ECDSA(hashes.SHA256()))
    headers = {
        "flwr-public-key": b64encode(pem(claims)),
        "flwr-signature": b64encode(signature),
        "flwr-timestamp": said.encode(),
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return {
        "type": "http",
        "headers": [(name.encode(), value) for name, value in headers.items() if value is not None],
    }


@pytest.mark.parametrize(
    ("scope", "known"),
    [
        (request(), True),
        (request(OTHER), False),
        (request(OTHER, claims=OTHER), False),
        (request(at=datetime.now(UTC) - timedelta(hours=1)), False),
        (request(at=datetime.now(UTC) + timedelta(hours=1)), False),
        (request(flwr_signature=None), False),
        (request(flwr_public_key=b"not base64"), False),
        (request(flwr_timestamp=b"yesterday"), False),
        (request(flwr_timestamp=b"2026-11-26T10:00:00"), False),
        ({"type": "http", "headers": []}, False),
    ],
    ids=["its own", "signed by another", "a stranger's", "old", "of the future", "unsigned", "no key", "no time", "no zone", "nothing"],
)  # fmt: skip
def test_only_a_registered_key_that_signed_the_time_is_let_in(state, scope, known):
    node = state.create_node("owner", "owner", pem(KEY), 30.0)
    app = FastAPI()
    app.state.linkstate_factory = SimpleNamespace(state=lambda: state)
    assert registered(app)(scope) is known
    state.delete_node("owner", node)
    assert registered(app)(scope) is False
