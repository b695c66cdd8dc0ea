"""A few cells of the kill matrix (`make kill-matrix`), and a line that drops: rounds end well all the same."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.matrix import evidence
from tests.matrix.cells import SAMPLE
from tests.matrix.play import carried_again, play
from tests.matrix.stand import Stand
from tests.matrix.ways import dropping

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stand():
    # A unix socket's path is short, unlike a test's own folder.
    folder = Path(tempfile.mkdtemp(prefix="alt-"))
    with Stand(folder) as made:
        carried_again(made, "set-up", time.monotonic())
        yield made
    shutil.rmtree(folder)


@pytest.mark.parametrize("cell", SAMPLE, ids=str)
def test_the_round_ends_well_and_nothing_is_left_behind(stand, cell):
    outcome = play(stand, cell, until_carried=False)
    assert outcome.well, outcome
    assert outcome.unmaskings == 1


def test_rounds_complete_while_every_connection_is_reset_two_seconds_after_it_was_opened(stand):
    outcome = dropping(stand, every_s=2.0)
    assert outcome.well, outcome


def test_a_sum_that_is_off_by_one_would_be_seen(stand):
    view = stand.admin.rounds(1)[0]
    assert evidence.exact(stand, view)
    stand.own_answer[0] += 1
    assert not evidence.exact(stand, view)
