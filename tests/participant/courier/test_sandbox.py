"""A cell really keeps its program from the network, the files and the rights of the node."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from participant.courier.sandbox import (
    MEMORY_DISK_BYTES,
    TASKS,
    Cell,
    Isolation,
    User,
    courier_user,
    find_isolation,
    why_no_sandbox,
)
from participant.errors import BadSettings
from protocols.service.processes import Program, Supervision

pytestmark = pytest.mark.enable_socket
USER = courier_user("")
WRITABLE = """
import os
points = [line.split()[4] for line in open("/proc/self/mountinfo")]
tried = {path for path in points if os.path.isdir(path)} | {"/etc", "/dev/shm", "/var", "/home", HIDDEN}
def writable(path):
    try:
        with open(path + "/x", "w") as file:
            file.write("x")
        os.unlink(path + "/x")
        return True
    except OSError:
        return False
print(sorted(filter(writable, tried)))
"""
FILL = """
filled = 0
try:
    for number in range(100):
        with open(f"/tmp/{number}", "wb", 0) as file:
            for _ in range(8):
                filled += file.write(bytes(2**22))
except OSError as full:
    print(type(full).__name__, filled)
"""
FORK = """
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            time.sleep(300)
        made += 1
except BlockingIOError:
    print(made)
"""
UNSHARE = """
import ctypes
if ctypes.CDLL(None).unshare(0x10000000) != 0:
    raise OSError("no namespace")
"""
needs_sandbox = pytest.mark.skipif(
    find_isolation(USER) is not Isolation.SANDBOX,
    reason="no sandbox works on this machine (bubblewrap missing, or user namespaces forbidden)",
)


def run(cell, program, isolation=Isolation.SANDBOX, user=USER, **environment):
    argv = cell.argv((sys.executable, "-I", "-S", "-c", program), isolation, user)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip() or done.stderr.strip().splitlines()[-1:]


@pytest.fixture
def cell(tmp_path):
    return Cell(folder=USER.folder(tmp_path / "cell"), hides=tmp_path)


@needs_sandbox
def test_a_listener_of_this_machine_is_not_there(cell):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        assert run(cell, program) == (1, ["ConnectionRefusedError: [Errno 111] Connection refused"])
        assert run(cell, program, Isolation.NONE)[0] == 0


@needs_sandbox
def test_there_is_no_way_out_of_this_machine(cell):
    program = "import socket; socket.create_connection(('192.0.2.1', 443), 5)"
    assert run(cell, program) == (1, ["OSError: [Errno 101] Network is unreachable"])


@needs_sandbox
def test_a_file_that_was_not_given_does_not_exist(cell, tmp_path):
    secret, given = tmp_path / "identity.seed", tmp_path / "given"
    for path in (secret, given):
        path.write_text("bytes")
        path.chmod(0o644)
    cell = replace(cell, reads=(given,))
    assert run(cell, f"print(open({str(given)!r}).read())") == (0, "bytes")
    assert run(cell, f"open({str(secret)!r})")[1][0].startswith("FileNotFoundError")
    assert run(cell, f"open({str(given)!r}, 'a')")[0] == 1
    assert run(cell, "import os; print(sorted(os.listdir('/home') if os.path.exists('/home') else []))") == (
        0,
        "[]",
    )


@needs_sandbox
def test_the_program_has_no_rights_to_give_or_gain(cell):
    program = (
        "import os; s = dict(l.split(':', 1) for l in open('/proc/self/status'));"
        "print(os.getuid(), int(s['CapEff'], 16), int(s['CapPrm'], 16), int(s['NoNewPrivs']))"
    )
    assert run(cell, program) == (0, f"{USER.uid} 0 0 1")


@needs_sandbox
def test_no_user_namespace_gives_the_rights_back(cell):
    assert run(cell, UNSHARE) == (1, ["OSError: no namespace"])
    assert run(cell, UNSHARE, Isolation.NONE) == (0, [])


@needs_sandbox
def test_a_home_below_the_python_environment_stays_out_of_sight(cell, tmp_path):
    inside = Path(sys.prefix) / "home-of-a-node"
    inside.mkdir()
    try:
        (inside / "identity.seed").write_text("key")
        given = inside / "given"
        given.write_text("given")
        for path in (inside, inside / "identity.seed", given):
            path.chmod(0o777)
        cell = replace(cell, hides=inside, reads=(given,))
        assert run(cell, f"import os; print(os.listdir({str(inside)!r}))") == (0, "['given']")
    finally:
        shutil.rmtree(inside)


@needs_sandbox
def test_what_a_program_takes_is_bounded(cell):
    program = (
        "import resource as r, os; print([0 <= r.getrlimit(k)[1] < 2**33 for k in"
        " (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC, r.RLIMIT_CORE)])"
    )
    assert run(cell, program) == (0, f"{[True] * 5}")


@needs_sandbox
@pytest.mark.parametrize("user", {USER, User(uid=os.getuid(), gid=os.getgid())}, ids=lambda user: user.uid)
def test_a_program_writes_to_its_memory_disk_and_nowhere_else(tmp_path, user):
    """A sandbox keeps the node's user, too, whose memory disks bubblewrap would leave writable."""
    hidden = Path(sys.prefix) / "home-of-a-node"
    hidden.mkdir()
    try:
        cell = Cell(folder=user.folder(tmp_path / "cell"), hides=hidden)
        assert run(cell, WRITABLE.replace("HIDDEN", repr(str(hidden))), user=user) == (0, "['/tmp']")
    finally:
        hidden.rmdir()


@needs_sandbox
def test_the_memory_disk_is_full_at_its_size(cell):
    status, said = run(cell, FILL)
    assert (status, said.split()[0]) == (0, "OSError")
    assert MEMORY_DISK_BYTES - 2**23 < int(said.split()[1]) <= MEMORY_DISK_BYTES


@needs_sandbox
@pytest.mark.skipif(
    tuple(map(int, os.uname().release.split(".")[:2])) < (5, 14),
    reason="an older Linux does not count processes by user namespace",
)
def test_a_program_that_forks_on_and_on_is_stopped_by_the_bound_of_its_cell(cell):
    status, made = run(cell, FORK)
    assert status == 0
    assert TASKS - 20 < int(made) < TASKS


@needs_sandbox
def test_a_cell_that_takes_more_memory_than_it_may_is_ended_whole(cell, tmp_path):
    held = (
        "import os, time; [os.fork() for _ in range(3)]; held = bytearray(2**25);"
        "held[::4096] = bytes(len(held[::4096])); time.sleep(300)"
    )
    glutton = Program(
        name="glutton",
        argv=cell.argv((sys.executable, "-I", "-S", "-c", held), Isolation.SANDBOX, USER),
        environment={},
        folder=tmp_path,
        log=tmp_path / "glutton.log",
        memory_bytes=2**27,  # a process takes 2**25 and eight are made: each alone would be within it
    )
    with Supervision([glutton]) as supervision:
        assert supervision.wait_started(timeout_s=60)
        first = psutil.Process(supervision.health()[0].pid)
        for _ in range(600):
            if supervision.health()[0].restarts:
                break
            time.sleep(0.1)
        assert supervision.health()[0].restarts
        assert not first.is_running()


@needs_sandbox
def test_what_one_program_leaves_the_next_does_not_find(cell):
    assert run(cell, "open('left', 'w').write('x')")[0] == 0
    assert run(cell, "import os; print(os.getcwd(), 'left' in os.listdir())") == (0, "/tmp False")


@needs_sandbox
def test_other_processes_cannot_be_seen(cell):
    program = "import os; print(max(int(p) for p in os.listdir('/proc') if p.isdigit()))"
    status, highest = run(cell, program)
    assert status == 0
    assert int(highest) < 20


@needs_sandbox
def test_a_program_that_is_told_to_end_takes_its_leave(cell):
    program = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye') or 3));"
        "print('here', flush=True); time.sleep(60)"
    )
    argv = cell.argv((sys.executable, "-I", "-S", "-c", program), Isolation.SANDBOX, USER)
    with subprocess.Popen(argv, env={}, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout.readline() == "here\n"
        os.killpg(running.pid, signal.SIGTERM)
        assert (running.stdout.read(), running.wait(60)) == ("goodbye\n", 3)


@needs_sandbox
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_root_daemons_courier_is_another_user(cell):
    assert USER.uid != 0
    assert run(cell, "import os; print(os.getresuid(), os.getgroups())") == (0, f"{(USER.uid,) * 3} []")


def test_the_program_gets_exactly_the_environment_that_it_is_given(cell):
    program = "import os; print(sorted(set(os.environ) - {'LC_CTYPE', 'PWD'}))"
    assert run(cell, program, Isolation.NONE, GIVEN="1") == (0, "['GIVEN']")


def test_the_cell_ends_with_its_program_and_its_status(cell):
    assert run(cell, "raise SystemExit(7)", Isolation.NONE)[0] == 7


def test_without_bubblewrap_there_is_no_isolation_and_it_is_said(monkeypatch):
    monkeypatch.setattr("participant.courier.sandbox.shutil.which", lambda _: None)
    find_isolation.cache_clear()
    assert find_isolation(USER) is Isolation.NONE
    assert "NOT ISOLATED" in Isolation.NONE.sentence
    find_isolation.cache_clear()


def test_a_bubblewrap_that_fails_is_no_sandbox(monkeypatch):
    monkeypatch.setattr("participant.courier.sandbox.shutil.which", lambda _: "/bin/false")
    find_isolation.cache_clear()
    assert find_isolation(USER) is Isolation.NONE
    find_isolation.cache_clear()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo first >&2; echo 'bwrap: No permissions' >&2; exit 1",
            "bubblewrap said: bwrap: No permissions",
        ),
        ("exit 3", "bubblewrap said: nothing; status 3"),
        ("echo a warning >&2", ""),
    ],
)
def test_why_no_sandbox_works_is_what_bubblewrap_says_last(tmp_path, monkeypatch, script, said):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr("participant.courier.sandbox.shutil.which", lambda _: str(tmp_path / "bwrap"))
    assert why_no_sandbox(USER) == said


def test_that_bubblewrap_is_missing_is_said(monkeypatch):
    monkeypatch.setattr("participant.courier.sandbox.shutil.which", lambda _: None)
    assert why_no_sandbox(USER) == "bwrap is not installed"


def test_an_unknown_user_is_named():
    with pytest.raises(BadSettings, match="nobody-of-this-name"):
        courier_user("nobody-of-this-name")
    assert courier_user("10002") == User(uid=10002, gid=10002)
