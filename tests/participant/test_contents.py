"""Which sums of texts are used: what is served counts as what was judged."""

from types import SimpleNamespace

import pytest

from participant import contents, evaluated
from protocols.questions import ask
from tests.participant.asked import AUTUMN, SUMMER, WORDS


@pytest.fixture
def used(monkeypatch):
    """The pair of ``asked``, newest first; a release is named by its place."""
    monkeypatch.setattr(evaluated, "open_stored", lambda spec: SimpleNamespace(answer=spec))

    def used(*asked):
        kept = [
            SimpleNamespace(
                release=place,
                questions=("content",),
                manifest=ask([("content", {"dimensions": 4} | values)], WORDS, members=4, epoch="e"),
            )
            for place, values in enumerate(asked)
        ]
        return contents.paired(kept, SUMMER, AUTUMN)

    return used


def test_the_newest_of_both_windows_are_used(used):
    early, late, later = {"until": SUMMER}, {"until": AUTUMN}, {"until": AUTUMN + 1}
    assert used(later, late, early, {"until": SUMMER - 1}) == (2, 1)
    assert used(late) == ()


@pytest.mark.parametrize("other", [{"dimensions": 5}, {"since": 1}, {"customers_cap": 9}, {"noise": "30"}])
def test_a_sum_that_counts_otherwise_than_the_judged_one_is_not_served(used, other):
    early, late = {"until": SUMMER}, {"until": AUTUMN}
    assert used(late | other, early) == ()
    assert used(late | other, late, early) == (2, 1)
