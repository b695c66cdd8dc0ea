"""The consortium of the compose file: a released round, who reaches whom, health, and nothing left dead."""

import json
import time

import pytest

from tests.images.conftest import COMPANIES, PORTS, PROJECT, Consortium

pytestmark = pytest.mark.timeout(1800)
SERVICES = ("coordinator", *(f"{kind}-{letter}" for letter in COMPANIES for kind in ("node", "courier")))
NAMES = {f"Company {letter}" for letter in COMPANIES}
PROBE = """
import json, socket, sys
def reach(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError as error:
        return type(error).__name__
    return "connected"
print(json.dumps({target: reach(*target.rsplit(":", 1)) for target in sys.argv[1:]}))
"""
PROCESSES = """
import json
from pathlib import Path
found = {}
for path in Path("/proc").glob("[0-9]*"):
    try:
        lines = dict(l.split(":", 1) for l in (path / "status").read_text().splitlines() if ":" in l)
        words = (path / "cmdline").read_text().split(chr(0))
    except OSError:
        continue
    found[path.name] = [lines["State"].split()[0], lines["PPid"].strip(), *words]
print(json.dumps(found))
"""


def reached(consortium: Consortium, service: str, *targets: str) -> set[str]:
    """Those of ``targets`` that the service's container can connect to."""
    said = consortium.engine.python(consortium.container(service), PROBE, *targets)
    return {target for target, result in json.loads(said).items() if result == "connected"}


def processes(consortium: Consortium, service: str) -> dict[int, list[str]]:
    """Pid -> state, parent's pid and words of every process in a container."""
    said = consortium.engine.python(consortium.container(service), PROCESSES)
    return {int(pid): words for pid, words in json.loads(said).items()}


def program(consortium: Consortium, service: str, name: str) -> int:
    """Pid of the process that runs the program ``name``; 0 when there is none."""
    found = processes(consortium, service)
    return next((pid for pid, words in found.items() if len(words) > 3 and words[3].endswith(name)), 0)


def test_the_first_round_is_released_and_flower_carried_every_vector(consortium):
    seen = consortium.round(1)
    assert seen["state"] == "released"
    assert set(seen["attempts"][-1]["survivors"]) == NAMES
    assert seen["attempts"][-1]["routes"] == dict.fromkeys(NAMES, "dock")
    assert "Everything recomputes." in consortium.coordinator("audit", "verify")


@pytest.mark.parametrize("service", SERVICES)
def test_every_health_check_finds_its_container_well(service, consortium):
    consortium.engine.until(("podman", "healthcheck", "run", consortium.container(service)), within_s=60)


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_runs_shut_in(service, consortium):
    script = "print(open('/proc/1/status').read()); open('/opt/written', 'w')"
    container = consortium.container(service)
    said = consortium.engine.podman(
        "exec", container, "python", "-c", f"try:\n {script}\nexcept OSError as e: print(e)"
    )
    lines = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert int(lines["CapBnd"], 16) == int(lines["CapEff"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    assert not lines["Uid"].startswith("0")
    assert "Read-only file system" in said


def test_a_company_reaches_the_coordinators_three_listeners_and_no_other_company(consortium):
    theirs = [consortium.address("node-b", f"{PROJECT}_{network}") for network in ("b", "desk-b")]
    own = [f"coordinator:{port}" for port in (7401, 7402, 7403)]
    barred = [
        *("coordinator:7400", "10.177.0.2:7400", "node-b:8470", *(f"{host}:8470" for host in theirs)),
        *(f"10.177.{number}.1:{port}" for number in range(4) for port in PORTS.values()),
    ]
    assert reached(consortium, "node-a", *own, *barred) == set(own)


def test_the_coordinator_reaches_no_company(consortium):
    hosts = [consortium.address("node-a", f"{PROJECT}_{network}") for network in ("a", "desk-a")]
    assert reached(consortium, "coordinator", *(f"{host}:8470" for host in hosts), "node-a:8470") == set()


def test_the_consoles_are_published_on_the_loopback_and_answer_there(consortium):
    for service, port in (("coordinator", "COORDINATOR_PORT"), ("node-a", "NODE_A_PORT")):
        container = consortium.container(service)
        (bound,) = json.loads(
            consortium.engine.podman("inspect", "--format", "{{json .HostConfig.PortBindings}}", container)
        ).values()
        assert bound == [{"HostIp": "127.0.0.1", "HostPort": PORTS[port]}]
        words = ("curl", "--silent", "--fail", f"http://127.0.0.1:{PORTS[port]}/")
        assert "<html" in consortium.engine.run(words, within_s=30)


def test_a_killed_program_of_the_courier_comes_back_and_leaves_no_corpse(consortium):
    company = "courier-b"
    consortium.engine.podman("pause", consortium.container("node-c"))
    try:
        asked = consortium.coordinator("ask", "taste", "until=2017-08-14", "--epoch=2", "--json")
        end = time.monotonic() + 90
        while not (app := program(consortium, company, "flwr-clientapp")):
            assert time.monotonic() < end, "the round did not reach the courier"
            time.sleep(0.5)
        superexec = program(consortium, company, "flower-superexec")
        kill = "import os, sys; os.kill(int(sys.argv[1]), 9)"
        consortium.engine.python(consortium.container(company), kill, str(superexec))
        end = time.monotonic() + 60
        while program(consortium, company, "flower-superexec") in {0, superexec} or app in (
            left := processes(consortium, company)
        ):
            assert time.monotonic() < end, f"{app} is still there: {left}"
            time.sleep(0.5)
        assert not [pid for pid, words in left.items() if words[0] == "Z"]
    finally:
        consortium.engine.podman("unpause", consortium.container("node-c"))
    consortium.coordinator("rounds", str(json.loads(asked)["round"]), "--wait")
    assert consortium.round(2)["state"] == "released"
