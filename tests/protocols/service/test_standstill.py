"""A stopped process is found under its program, however deep, and only after a while."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from protocols.service.standstill import Standstills, tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process states are read from /proc")


@pytest.fixture
def grandchild():
    """(leader, its grandchild) that sleep."""
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "/bin/sh -c 'sleep 300 & echo $!; wait' & wait"], stdout=subprocess.PIPE, text=True
    )
    child = int(leader.stdout.readline())
    yield leader.pid, child
    for pid in tuple(tree(leader.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    leader.wait()
    leader.stdout.close()


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 20
    while Standstills(patience_s=0).overdue({"it": pid}, now_s=0) == {}:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_stopped_descendant_is_found_once_its_time_is_over(grandchild):
    leader, child = grandchild
    stop(child)
    watch = Standstills(patience_s=5)
    assert watch.overdue({"one": leader}, now_s=100) == {}
    assert watch.overdue({"one": leader}, now_s=104) == {}
    assert watch.overdue({"one": leader}, now_s=105) == {"one": (child,)}


def test_a_process_that_was_continued_begins_anew(grandchild):
    leader, child = grandchild
    watch = Standstills(patience_s=5)
    stop(child)
    watch.overdue({"one": leader}, now_s=100)
    os.kill(child, signal.SIGCONT)
    end = time.monotonic() + 20
    while watch.overdue({"one": leader}, now_s=200) != {}:
        assert time.monotonic() < end
        time.sleep(0.01)
    stop(child)
    assert watch.overdue({"one": leader}, now_s=300) == {}
    assert watch.overdue({"one": leader}, now_s=305) == {"one": (child,)}


def test_a_tree_is_the_leader_and_all_below_it(grandchild):
    leader, child = grandchild
    assert set(tree(leader)) >= {leader, child}
    assert os.getpid() not in tree(leader)
