"""The public listener lets through what a registered SuperNode needs, and nothing else."""

import asyncio

import pytest

from coordinator.courier.superlink import BODY_BYTES, FLEET_PATHS, FleetOnly, let_back_in


def call(path, *, method="POST", length="0"):
    """The status of one request through the filter; 200 is the app behind it."""
    statuses = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(event):
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    headers = [] if length is None else [(b"content-length", length.encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(FleetOnly(app)(scope, None, send))
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
    asyncio.run(FleetOnly(None)(scope, None, send))
    assert statuses[0] == 404


def test_a_length_beside_chunks_is_refused():
    statuses = []

    async def send(event):
        statuses.append(event.get("status"))

    headers = [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/v1/fleet/push-object", "headers": headers}
    asyncio.run(FleetOnly(None)(scope, None, send))
    assert statuses[0] == 404


def test_the_allow_list_names_paths_that_this_flower_serves():
    from flwr.superlink.routers.fleet.router import router

    served = {route.path for route in router.routes}
    assert served >= FLEET_PATHS


class State:
    """A node as SuperLink's store keeps it: only an offline one may be activated."""

    def __init__(self, status):
        self.status = status

    def activate_node(self, node_id, heartbeat_interval):
        if self.status != "offline":
            return False
        self.status = "online"
        return True

    def deactivate_node(self, node_id):
        was, self.status = self.status, "offline" if self.status == "online" else self.status
        return was == "online"


@pytest.mark.parametrize(("status", "let_in"), [("online", True), ("offline", True), ("unregistered", False)])
def test_a_killed_courier_comes_back_at_once_and_a_removed_one_does_not(status, let_in):
    class Patched(State):
        """Another class each time: the patch stays."""

    let_back_in(Patched)
    assert Patched(status).activate_node(1, 30.0) is let_in
