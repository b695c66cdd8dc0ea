"""A hostile process inside the courier's container gets nothing but the door and the fleet's paths."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.images.conftest import PORTS, PROJECT, Consortium

pytestmark = pytest.mark.timeout(1800)
SECRETS = (
    "/data/sales.parquet",
    "/public/concepts.txt",
    "/var/lib/altrove/node.db",
    "/var/lib/altrove/node.toml",
    "/var/lib/altrove/keys/identity.seed",
    "/var/lib/altrove/keys/tls.key",
    "/var/lib/altrove/secrets",
    "/var/lib/altrove/vectors",
    "/var/lib/altrove/door.state",
    "/etc/shadow",
    "/root",
)
FOLDERS = (
    "/",
    "/etc",
    "/opt",
    "/opt/altrove/bin",
    "/home",
    "/var/lib/altrove",
    "/var/lib/altrove/courier",
    "/var/lib/altrove/run",
)
DOOR = {
    "GET /door/vectors/999/1 HTTP/1.1": 204,
    "GET /door/vectors/1/1 HTTP/1.1": 410,
    "GET /door/vectors/1/1/x HTTP/1.1": 404,
    "GET /door/vectors/x/1 HTTP/1.1": 422,
    "GET / HTTP/1.1": 404,
    "GET /docs HTTP/1.1": 404,
    "GET /openapi.json HTTP/1.1": 404,
    "GET /healthz HTTP/1.1": 404,
    "GET /metrics HTTP/1.1": 404,
    "POST /v1/recommendations HTTP/1.1": 404,
    "POST /door/vectors/1/1 HTTP/1.1": 405,
    "DELETE /door/vectors/1/1 HTTP/1.1": 405,
}
FLEET_404 = (
    "POST /v1/control/list-nodes HTTP/1.1",
    "POST /v1/control/list-runs HTTP/1.1",
    "POST /v1/control/start-run HTTP/1.1",
    "POST /v1/runtime/pull-app-inputs HTTP/1.1",
    "POST /v1/fleet/register-node HTTP/1.1",
    "GET /v1/fleet/pull-messages HTTP/1.1",
    "GET / HTTP/1.1",
    "GET /docs HTTP/1.1",
)
FLEET_PATH = "POST /v1/fleet/pull-messages HTTP/1.1"
ENVIRONMENT = {
    *("ALTROVE_NODE_HOME", "FLWR_DISABLE_UPDATE_CHECK", "FLWR_TELEMETRY_ENABLED", "HOME", "HOSTNAME", "LANG"),
    *("PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "TERM", "container"),
}


@pytest.fixture(scope="module")
def tried(consortium: Consortium) -> dict[str, Any]:
    """What came of everything that the hostile process tried in company a's courier."""
    coordinator = [consortium.address("coordinator", f"{PROJECT}_{network}") for network in "abc"]
    targets = [
        *((host, port) for host in coordinator for port in (7400, 7401, 7402, 7403)),
        *(("10.177.0.2", 7400), ("10.177.1.2", 8470), ("10.177.2.2", 8470)),
        *((f"10.177.{number}.1", 22) for number in range(4)),
        (consortium.address("node-a", f"{PROJECT}_a"), 8470),
        *(("127.0.0.1", int(port)) for port in PORTS.values()),
        *(("127.0.0.1", port) for port in (22, 7400, 7401, 7402, 7403, 8470)),
        *(("1.1.1.1", 443), ("169.254.169.254", 80)),
    ]
    asked = {
        "tcp": targets,
        "names": ["coordinator", "node-a", "node-b", "example.com"],
        "files": SECRETS,
        "folders": FOLDERS,
        "door": list(DOOR),
        "fleet": [*FLEET_404, FLEET_PATH],
        "programs": ["pip", "pip3", "gcc", "curl", "wget", "nc", "ssh", "bwrap"],
    }
    script = Path(__file__).with_name("hostile.py").read_text()
    said = consortium.engine.python(consortium.container("courier-a"), script, json.dumps(asked))
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def test_it_has_no_capability_and_can_gain_none(tried):
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(tried["status"][name], 16) == 0, name
    assert tried["bounding"] == []
    assert tried["no_new_privs"] == 1
    assert tried["status"]["Seccomp"] == "2"
    assert tried["root"] == "PermissionError"
    assert tried["status"]["Uid"].split() == ["10002"] * 4


def test_it_has_no_network_but_its_own_loopback_and_no_names(tried):
    assert tried["interfaces"] == ["lo"]
    assert len(tried["tcp"]) > 25
    assert not [target for target, result in tried["tcp"].items() if result == "connected"]
    assert set(tried["names"].values()) == {"gaierror"}


def test_it_sees_its_own_two_files_and_two_sockets_of_the_home_and_no_data(tried):
    assert tried["seen"] == {
        "courier": ["courier.key", "trusted.json"],
        "run": ["door.sock", "fleet.sock"],
    }
    assert "read" not in tried["files"].values()
    given = {point for point in tried["mounts"] if point.startswith(("/var/lib", "/data", "/public"))}
    assert given == {"/var/lib/altrove/courier", "/var/lib/altrove/run"}


def test_it_can_write_nowhere_but_in_memory(tried):
    assert "written" not in tried["writes"].values()
    for point in ("/", "/var/lib/altrove/courier", "/var/lib/altrove/run"):
        assert tried["mounts"][point] == "ro", point


def test_a_user_namespace_of_its_own_gains_it_nothing(tried):
    assert len(tried["namespaced"]) == len(FOLDERS) + len(SECRETS) + 2
    assert not {"written", "read", "connected"} & set(tried["namespaced"])


def test_its_environment_is_the_images_and_nothing_more(tried):
    assert set(tried["environment"]) <= ENVIRONMENT


def test_it_finds_no_tool_to_fetch_or_build_another_with(tried):
    assert tried["programs"] == []


def test_the_door_gives_a_vector_or_a_constant_code(tried):
    assert {line: status for line, (status, _) in tried["door"].items()} == DOOR
    assert {size for line, (_, size) in tried["door"].items() if DOOR[line] in {204, 410}} == {0}


def test_through_the_pipe_only_fleet_paths_answer(tried):
    assert {tried["fleet"][line][0] for line in FLEET_404} == {404}
    assert tried["fleet"][FLEET_PATH][0] not in {0, 404}
