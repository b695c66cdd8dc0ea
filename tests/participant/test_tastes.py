"""What a training reads of a plan's sums, with a shelf that says what was asked of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from participant.errors import AnswerMissing, AnswerVoided
from participant.models import Windows
from participant.models.gram import GramColumns, WholeGram
from participant.plan import LANDMARKS, TASTE, Plan
from participant.release_shelf import TasteSum
from participant.tastes import exchange_for
from protocols.questions.landmarks import Landmarks
from protocols.questions.mixture import Mixture
from protocols.questions.taste import Taste

EARLY, LATE = b"\x01" * 32, b"\x02" * 32
PLAN = Plan(
    question=TASTE,
    windows=Windows(fit_until=1, validation_until=2, customers_until=1),
    fitted=EARLY,
    refitted=LATE,
    lambdas={"explore": 10, "surprise": 20},
    row_scheme="unit",
    items_cap=7,
    gains={"explore": 0.5},
)


class Shelf:
    """Sums of three concepts: of all members the number of the release everywhere, without the own part half of it."""

    def __init__(self, sigmas=(0.0, 0.0), gone=None):
        self._sigmas = dict(zip((EARLY, LATE), sigmas, strict=True))
        self._gone = gone
        self.read, self.networks = [], []
        self.encoders = SimpleNamespace(network=self._network)

    def taste(self, release):
        return self._sum("taste", release, 1.0)

    def others(self, release):
        if self._gone is not None and release == LATE:
            raise self._gone(expected="the sealed answer", came="none", do="read the sum as a whole")
        return self._sum("others", release, 0.5)

    def landmarks(self, release):
        self.read.append("landmarks")
        squares = np.full(3, float(release[0]))
        return Landmarks(squares=squares, cross=squares[:, None], places=(0,)), self._sigmas[release]

    def _sum(self, name, release, part):
        self.read.append(name)
        gram = np.full((3, 3), part * release[0])
        return TasteSum(taste=Taste(gram=gram), sigma=part * self._sigmas[release])

    def _network(self, release, n_concepts):
        self.networks.append((release, n_concepts))
        return release.hex()


def test_sums_without_noise_are_read_as_they_are_and_no_own_part_is_looked_for():
    shelf = Shelf()
    found = exchange_for(shelf, PLAN)
    assert shelf.read == ["taste", "taste"]
    assert [type(found.fitted), type(found.refitted)] == [WholeGram, WholeGram]
    assert (found.fitted.matrix[0, 0], found.refitted.matrix[0, 0]) == (1.0, 2.0)
    assert (found.sigmas, found.of_others) == ((0.0, 0.0), False)
    assert (found.release, found.row_scheme, found.items_cap) == (LATE.hex(), "unit", 7)
    assert (found.lambdas, found.gains) == (PLAN.lambdas, PLAN.gains)


@pytest.mark.parametrize("sigmas", [(4.0, 6.0), (0.0, 6.0), (4.0, 0.0)])
def test_where_one_sum_is_noisy_the_own_part_is_taken_out_of_both(sigmas):
    found = exchange_for(Shelf(sigmas), PLAN)
    assert found.of_others
    assert (found.fitted.matrix[0, 0], found.refitted.matrix[0, 0]) == (0.5, 1.0)
    assert found.sigmas == tuple(each / 2 for each in sigmas)


@pytest.mark.parametrize("gone", [AnswerMissing, AnswerVoided])
def test_where_one_own_part_is_gone_both_sums_are_read_as_a_whole(gone):
    found = exchange_for(Shelf((4.0, 6.0), gone), PLAN)
    assert not found.of_others
    assert (found.fitted.matrix[0, 0], found.refitted.matrix[0, 0]) == (1.0, 2.0)
    assert found.sigmas == (4.0, 6.0)


def test_sums_of_landmarks_are_read_as_columns_and_no_own_part_is_taken_out():
    shelf = Shelf((0.0, 6.0))
    found = exchange_for(shelf, replace(PLAN, question=LANDMARKS))
    assert shelf.read == ["landmarks", "landmarks"]
    assert [type(found.fitted), type(found.refitted)] == [GramColumns, GramColumns]
    assert (found.fitted.diagonal[0], found.refitted.diagonal[0]) == (1.0, 2.0)
    assert (found.sigmas, found.of_others) == ((0.0, 6.0), False)


def test_a_network_that_scenarios_share_is_made_once():
    rounds = {"explore": (b"\x03", b"\x04"), "surprise": (b"\x03", b"\x05")}
    mixes = dict.fromkeys(rounds, Mixture(encoder=100, ease=0, popularity=0))
    shelf = Shelf()
    found = exchange_for(shelf, replace(PLAN, encoders=rounds, mixes=mixes))
    assert found.encoders == {"explore": ("03", "04"), "surprise": ("03", "05")}
    assert sorted(shelf.networks) == [(b"\x03", 3), (b"\x04", 3), (b"\x05", 3)]
