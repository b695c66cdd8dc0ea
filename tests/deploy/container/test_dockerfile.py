"""What the Dockerfile promises before anything is built, and what its two small programs say."""

import re
import runpy
import socket
import subprocess
import sys
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
TARGETS = ("node", "courier", "coordinator")
requirements = runpy.run_path(str(FOLDER / "requirements.py"))
healthy = runpy.run_path(str(FOLDER / "healthy.py"))


def stage(name: str) -> str:
    """The lines of the stage ``name``."""
    found = re.search(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


def names(target: str) -> set[str]:
    return {
        requirements["name_of"](line)
        for line in requirements["requirements"](ROOT / "pyproject.toml", target)
    }


def test_hadolint_has_nothing_to_say():
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed in the virtual environment")
    done = subprocess.run([program, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("target", "user"), [("node", "10001:10001"), ("courier", "10002:10001"), ("coordinator", "10003:10003")]
)
def test_every_target_ends_as_its_own_user_with_a_health_check(target, user):
    lines = stage(target).splitlines()
    assert [line for line in lines if line.startswith("USER")] == [f"USER {user}"]
    assert any(
        line.startswith("HEALTHCHECK") and line.endswith(f'"/opt/healthy.py", "{target}"]') for line in lines
    )
    assert not [line for line in lines if line.startswith("VOLUME")]  # a forgotten mount must not hide keys


def test_dependencies_come_before_sources_in_every_target():
    for target in TARGETS:
        copied = [line for line in stage(target).splitlines() if line.startswith("COPY")]
        assert copied == [
            f"COPY --from={target}-packages /opt/altrove /opt/altrove",
            "COPY --from=sources /opt/app /opt/altrove",
        ]


def test_the_base_is_an_argument_with_a_pinned_public_default():
    assert re.search(r"^ARG BASE=docker\.io/library/python:3\.11-\S+$", DOCKERFILE, re.MULTILINE)
    outside = [line for line in DOCKERFILE.splitlines() if line.startswith("FROM") and "${BASE}" not in line]
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.MULTILINE))
    assert {line.split()[1] for line in outside} <= stages


def test_only_what_the_images_are_made_of_can_get_into_a_build():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word for line in DOCKERFILE.splitlines() if line.startswith("COPY ") for word in line.split()[1:-1]
    }
    sources = {word for word in copied if not word.startswith(("--", "/"))}
    assert {word if (ROOT / word).exists() else "?" for word in sources} == sources
    assert {
        "deploy/container" if word.startswith("deploy/container") else word for word in sources
    } == allowed


def test_each_image_installs_what_it_runs_and_no_more():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    everything = {requirements["name_of"](line) for line in declared}
    assert names("node") == everything | {"psycopg"}
    assert names("coordinator") == everything - {"torch", "duckdb", "pyarrow", "threadpoolctl", "tomli-w"} | {
        "psycopg"
    }
    assert names("courier") == {"cryptography", "flwr", "structlog", "typer"}


@pytest.mark.parametrize(
    ("target", "module"),
    [
        ("courier", "participant.commands.courier"),
        ("coordinator", "coordinator.launch"),
        ("coordinator", "coordinator.courier"),
    ],
)
def test_what_an_image_runs_imports_nothing_that_it_leaves_out(target, module):
    # What Flower itself brings may be imported by the courier; what nobody brings may not.
    brought = {
        "click",
        "sqlalchemy",
        "alembic",
        "fastapi",
        "starlette",
        "httpx",
        "numpy",
        "rich",
        "uvicorn",
        "pydantic",
    }
    left_out = sorted(name.replace("-", "_") for name in names("node") - names(target) if name not in brought)
    assert len(left_out) >= 3
    code = f"import sys\nfor name in {left_out!r}: sys.modules[name] = None\nimport {module}\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def listening():
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_node_and_a_coordinator_are_well_where_their_settings_say(listening, tmp_path, monkeypatch):
    monkeypatch.setenv("ALTROVE_NODE_HOME", str(tmp_path))
    monkeypatch.setenv("ALTROVE_COORDINATOR_HOME", str(tmp_path))
    (tmp_path / "node.toml").write_text(f"[listen]\nport = {listening}\n")
    (tmp_path / "coordinator.toml").write_text(f"admin_port = {listening}\n")
    assert healthy["main"]("node") == healthy["main"]("coordinator") == ""
    monkeypatch.setenv("ALTROVE_NODE_LISTEN__PORT", "1")
    assert "127.0.0.1:1/healthz" in healthy["main"]("node")


def test_a_courier_is_well_when_both_programs_run_and_both_sockets_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("ALTROVE_NODE_HOME", str(tmp_path))
    (tmp_path / "run").mkdir()
    sleeping = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", name])
        for name in healthy["PROGRAMS"]
    ]
    opened = []
    try:
        until = time.monotonic() + 30
        # For a moment after its start a process has no command line yet.
        while healthy["missing"]() and time.monotonic() < until:
            time.sleep(0.05)
        assert "door.sock" in healthy["main"]("courier")
        for name in healthy["DOORS"]:
            opened.append(socket.socket(socket.AF_UNIX))
            opened[-1].bind(str(tmp_path / "run" / name))
            opened[-1].listen()
        assert healthy["main"]("courier") == ""
    finally:
        for process in sleeping:
            process.kill()
            process.wait()
        for each in opened:
            each.close()


def test_a_courier_without_one_of_its_programs_is_not_well(tmp_path, monkeypatch):
    monkeypatch.setenv("ALTROVE_NODE_HOME", str(tmp_path))
    # Another test may run Flower's programs on this machine; nobody runs this one.
    monkeypatch.setitem(healthy["missing"].__globals__, "PROGRAMS", ("flower-nobody",))
    assert healthy["main"]("courier") == "not running: flower-nobody"
