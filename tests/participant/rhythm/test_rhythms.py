"""Which sums of a rhythm are used: what is served counts as what was judged."""

from types import SimpleNamespace

import pytest

from participant import evaluated, rhythms
from protocols.questions import ask
from tests.participant.rhythm.scene import FIT, VALID, WINDOWS, WORDS

SHELF = SimpleNamespace(rhythm=lambda release: release)


@pytest.fixture
def used(monkeypatch):
    """The pair of ``asked``, newest first; a release is named by its place."""
    for module in (rhythms, evaluated):
        monkeypatch.setattr(module, "open_stored", lambda spec: SimpleNamespace(answer=spec))

    def used(*asked):
        kept = [
            SimpleNamespace(
                release=place,
                questions=("rhythm",),
                manifest=ask([("rhythm", values)], WORDS, members=4, epoch="e"),
            )
            for place, values in enumerate(asked)
        ]
        found = rhythms.rhythms_for(WINDOWS, kept, SHELF, WORDS.digest)
        return found.fitted, found.refitted

    return used


def test_the_newest_of_both_windows_are_used(used):
    early, late, later = {"until": FIT}, {"until": VALID}, {"until": VALID + 1}
    assert used(later, late, early, {"until": FIT - 1}) == (2, 1)
    assert used(early) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"facets": "week"},
        {"scheme": "unit"},
        {"purchases_cap": 1},
        {"items_cap": 9},
        {"since": 1},
        {"customers_cap": 9},
    ],
)
def test_a_sum_that_counts_otherwise_than_the_judged_one_is_not_served(used, other):
    early, late = {"until": FIT}, {"until": VALID}
    assert used(late | other, early) == (1, 1)
    assert used(late | other, late, early) == (2, 1)


def test_a_sum_that_nothing_judges_is_not_served(used):
    assert used({"until": VALID}) == (None, None)


def test_nor_is_one_of_other_noise(used):
    early, late = (
        {"until": FIT, "scheme": "unit", "noise": "3"},
        {"until": VALID, "scheme": "unit", "noise": "3"},
    )
    assert used(late, early) == (1, 0)
    assert used(late | {"noise": "4"}, early) == (1, 1)
