import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.faults import ProcessEnded
from deploy.local.processes import Mark, Processes, end, left_behind

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
SPAWN = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)"
PARENT = (sys.executable, "-c", f"import subprocess, sys, time; {SPAWN}; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
)


def children_of(processes: Processes, name: str, count: int) -> list[psutil.Process]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        family = processes.family(processes.daemons[name])
        if len(family) > count:
            return family[1:]
        time.sleep(0.05)
    raise AssertionError("the child did not start")


def test_leaving_the_block_ends_daemons_and_their_children(tmp_path: Path) -> None:
    with Processes(folder=tmp_path, environment={}) as processes:
        parent = processes.start("parent", PARENT)
        (child,) = children_of(processes, "parent", 1)
    assert parent.popen.returncode is not None
    assert not child.is_running()
    assert left_behind(tmp_path) == []


def test_stopping_one_daemon_leaves_the_others_running(tmp_path: Path) -> None:
    with Processes(folder=tmp_path, environment={}) as processes:
        processes.start("first", SLEEPER)
        second = processes.start("second", SLEEPER)
        processes.stop("first")
        assert second.popen.poll() is None
        assert list(processes.daemons) == ["second"]


def test_a_process_that_the_demo_did_not_start_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER)
    try:
        with Processes(folder=tmp_path, environment={}) as processes:
            processes.start("mine", SLEEPER)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_that_was_given_to_another_process_is_left_alone() -> None:
    stranger = subprocess.Popen(SLEEPER)
    try:
        earlier = Mark(pid=stranger.pid, started=psutil.Process(stranger.pid).create_time() - 5)
        end([earlier])
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    with Processes(folder=tmp_path, environment={}) as processes:
        stubborn = processes.start("stubborn", STUBBORN)
        until = time.monotonic() + 20
        while "ready" not in stubborn.log.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        end([stubborn.mark], grace_s=0.2)
        assert stubborn.mark.living() is None


def test_a_killed_demo_leaves_a_book_of_what_still_runs(tmp_path: Path) -> None:
    processes = Processes(folder=tmp_path, environment={})
    with processes:
        daemon = processes.start("daemon", SLEEPER)
        assert left_behind(tmp_path) == [daemon.mark]


def test_a_daemon_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Processes(folder=tmp_path, environment={}) as processes:
        daemon = processes.start("brief", (sys.executable, "-c", "raise SystemExit('port 8443 is taken')"))
        daemon.popen.wait(timeout=20)
        with pytest.raises(ProcessEnded, match="port 8443 is taken"):
            processes.check()
