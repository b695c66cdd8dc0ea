"""Programs are kept running beside a daemon, see only what they are given, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from protocols.service import processes
from protocols.service.processes import Program, Supervision

ROOT = Path(__file__).resolve().parents[3]


def program(folder, script, name="one", **environment):
    return Program(
        name=name,
        argv=("/bin/sh", "-c", script),
        environment=environment,
        folder=folder / name,
        log=folder / "logs" / f"{name}.log",
    )


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def with_child(folder):
    """A program that starts a child in its group and writes the child's pid into a file."""
    return program(folder, f'sleep 300 & echo $! > "{folder}/child"; wait')


def child_of(folder):
    path = folder / "child"
    until(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def test_a_program_runs_with_its_environment_and_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("ALTROVE_SECRET", "ours")
    with Supervision([program(tmp_path, "env; sleep 300", GIVEN="yes")]):
        log = tmp_path / "logs" / "one.log"
        until(lambda: log.exists() and "GIVEN=yes" in log.read_text())
        assert "ALTROVE_SECRET" not in log.read_text()


def test_a_program_that_dies_comes_back_after_a_growing_pause(tmp_path):
    with Supervision([program(tmp_path, "date +%s.%N; exit 3")]) as supervision:
        log = tmp_path / "logs" / "one.log"
        until(lambda: log.exists() and len(log.read_text().split()) >= 3)
        first, second, third = map(float, log.read_text().split()[:3])
        until(lambda: supervision.health()[0].restarts >= 2)
    assert second - first >= processes.BACKOFF_FIRST_S
    assert third - second >= 2 * processes.BACKOFF_FIRST_S


def test_stopping_ends_a_program_and_its_children(tmp_path):
    supervision = Supervision([with_child(tmp_path)])
    supervision.start()
    child = child_of(tmp_path)
    pid = supervision.health()[0].pid
    supervision.stop()
    until(lambda: gone(pid) and gone(child))
    assert not supervision.health()[0].running


def test_a_program_that_ignores_the_polite_signal_is_ended_too(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 0.2)
    supervision = Supervision(
        [program(tmp_path, f'trap "" TERM; touch "{tmp_path}/up"; while :; do sleep 1; done')]
    )
    supervision.start()
    until((tmp_path / "up").exists)
    pid = supervision.health()[0].pid
    supervision.stop()
    assert gone(pid)


def test_children_of_a_program_that_died_do_not_outlive_it(tmp_path):
    with Supervision([with_child(tmp_path)]) as supervision:
        child = child_of(tmp_path)
        os.kill(supervision.health()[0].pid, signal.SIGKILL)
        until(lambda: gone(child))


def test_a_restart_replaces_the_process(tmp_path):
    with Supervision([program(tmp_path, "sleep 300")]) as supervision:
        assert supervision.wait_started(60)
        before = supervision.health()[0].pid
        supervision.restart("one", "a test")
        until(lambda: supervision.health()[0].pid not in {0, before})
        assert gone(before)


def test_a_program_of_which_a_process_was_stopped_is_started_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STOPPED_S", 0.2)
    monkeypatch.setattr(processes, "STOPPED_LOOK_S", 0.1)
    with Supervision([with_child(tmp_path)]) as supervision:
        child = child_of(tmp_path)
        before = supervision.health()[0].pid
        os.kill(child, signal.SIGSTOP)
        until(lambda: supervision.health()[0].pid not in {0, before})
        until(lambda: gone(child) and gone(before))


HOLD = "import time; held = bytearray({mib} << 20); held[::4096] = bytes(len(held[::4096])); time.sleep(300)"


def test_a_program_whose_processes_take_too_much_together_is_killed_unasked(tmp_path, caplog, capsys):
    each = f"{sys.executable} -I -S -c '{HOLD.format(mib=40)}'"
    greedy = replace(program(tmp_path, f"trap '' TERM; {each} & {each} & wait"), memory_bytes=60 << 20)
    modest = replace(program(tmp_path, f"exec {each}", name="two"), memory_bytes=60 << 20)
    with Supervision([greedy, modest]) as supervision:
        until(lambda: supervision.health()[0].restarts)
        assert supervision.health()[1].restarts == 0
    assert "it took more than 60 MiB" in caplog.text + capsys.readouterr().out


def test_a_program_that_is_put_down_is_asked_first_even_when_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 60.0)
    script = f'trap "echo goodbye; exit" TERM; touch "{tmp_path}/up"; while :; do sleep 0.1; done'
    with Supervision([program(tmp_path, script)]) as supervision:
        until((tmp_path / "up").exists)
        before = supervision.health()[0].pid
        os.kill(before, signal.SIGSTOP)
        supervision.restart("one", "a test")
        until(lambda: supervision.health()[0].pid not in {0, before})
    assert "goodbye" in (tmp_path / "logs" / "one.log").read_text()


@pytest.mark.parametrize("together", [True, False])
def test_where_one_dies_the_others_are_started_anew_only_if_they_belong_together(tmp_path, together):
    programs = [program(tmp_path, "sleep 300", name) for name in ("one", "two")]
    with Supervision(programs, together=together) as supervision:
        assert supervision.wait_started(60)
        one, two = (health.pid for health in supervision.health())
        os.kill(two, signal.SIGKILL)
        until(lambda: supervision.health()[1].pid not in {0, two})
        until(lambda: supervision.health()[0].pid != 0)
        assert (supervision.health()[0].pid != one) is together


def test_a_program_that_lacks_its_worker_is_told_from_one_that_has_it(tmp_path):
    with Supervision([program(tmp_path, "sleep 301 & wait")]) as supervision:
        until(lambda: supervision.lacks("one", "sleep 999"))
        until(lambda: not supervision.lacks("one", "sleep 301"))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties processes to their parent on Linux only")
def test_no_program_outlives_a_daemon_that_is_killed(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from protocols.service.processes import Program, Supervision\n"
        "folder = Path(sys.argv[1])\n"
        "Supervision([Program(name='one', argv=('/bin/sh', '-c', 'echo $$; exec sleep 300'), environment={},"
        " folder=folder, log=folder / 'log')]).start()\n"
        "time.sleep(300)\n"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    log = tmp_path / "log"
    until(lambda: log.exists() and log.read_text().strip())
    pid = int(log.read_text())
    assert not gone(pid)
    daemon.kill()
    daemon.wait()
    until(lambda: gone(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="orphans change their parent by choice on Linux only")
def test_the_first_process_of_a_container_leaves_no_dead_orphan_in_the_process_table(tmp_path):
    code = (
        "import ctypes, subprocess, sys, time; from pathlib import Path\n"
        "from protocols.service import processes\n"
        "ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come here, as to process 1\n"
        "processes.IS_FIRST = True\n"
        "folder = Path(sys.argv[1])\n"
        "script = f'sleep 300 & echo $! > {folder}/child; wait'\n"
        "processes.Supervision([processes.Program(name='one', argv=('/bin/sh', '-c', script), environment={},"
        " folder=folder, log=folder / 'log')]).start()\n"
        "mine = subprocess.Popen(['/bin/sh', '-c', 'exit 7'])\n"
        "time.sleep(2)\n"
        "(folder / 'status').write_text(str(mine.wait()))\n"
        "time.sleep(300)\n"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    try:
        orphan = child_of(tmp_path)
        os.kill(psutil.Process(orphan).ppid(), signal.SIGKILL)
        until(lambda: not psutil.pid_exists(orphan))
        status = tmp_path / "status"
        until(lambda: status.exists() and status.read_text())
        assert status.read_text() == "7"  # what others here wait for is left to them
    finally:
        daemon.kill()
        daemon.wait()


def test_an_overgrown_log_is_set_aside_when_its_program_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOG_BYTES", 10)
    log = tmp_path / "logs" / "one.log"
    log.parent.mkdir()
    log.write_text("a log of more than ten bytes")
    with Supervision([program(tmp_path, "echo new; sleep 300")]):
        until(lambda: log.exists() and log.read_text() == "new\n")
    assert log.with_suffix(".log.1").read_text() == "a log of more than ten bytes"


def test_the_last_program_started_is_the_first_one_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_S", 60.0)
    order = tmp_path / "order"
    trap = f'trap "echo $NAME >> {order}; exit 0" TERM; touch "{tmp_path}/$NAME.up"; while :; do sleep 0.05; done'
    supervision = Supervision(
        [program(tmp_path, trap, name=name, NAME=name, PATH="/bin:/usr/bin") for name in "ab"]
    )
    supervision.start()
    until(lambda: all((tmp_path / f"{name}.up").exists() for name in "ab"))
    supervision.stop()
    assert order.read_text().split() == ["b", "a"]
