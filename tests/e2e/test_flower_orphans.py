"""Flower's processes end with the daemon that started them, however it ends."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket, pytest.mark.timeout(300)]


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_no_flower_process_outlives_a_daemon_that_is_killed(tmp_path):
    daemon = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.flower_daemon", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert daemon.stdout.readline() == b"waiting\n"
        family = psutil.Process(daemon.pid).children(recursive=True)
        names = " ".join(" ".join(process.cmdline()[:4]) for process in family)
        for part in (
            "superlink.py",
            "flower-supernode",
            "flower-superexec",
            "flwr-serverapp",
            "flwr-clientapp",
        ):
            assert part in names
    finally:
        daemon.kill()
        daemon.wait()
        daemon.stdout.close()
    end = time.monotonic() + 30
    while any(map(alive, family)) and time.monotonic() < end:
        time.sleep(0.1)
    assert [process.cmdline() for process in family if alive(process)] == []
