"""The dial moves a list from familiar to bold, and keeps to what may be shown."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from participant.models import Windows
from participant.surprise import Dial, recommend, train
from participant.surprise.lists import BOLD_FROM, View, boldest, served_lists
from protocols.errors import BadInput
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, exchange, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
M = len(CONCEPTS)
PLAIN = Dial(tau=0.0, beta=0.0, diversity=0.0, places=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    records, _, _ = shop(tmp_path_factory.mktemp("shop"))
    return train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())


def histories():
    """Forty customers who bought two things of the taste of every other."""
    return [np.array([u % M, (u + 2) % M]) for u in range(40)]


def measured(model, dial, n=5):
    lists = [recommend(model, np.unique(h), n=n, dial=dial, scenario="explore").items for h in histories()]
    surprise = np.mean([item.surprise for items in lists for item in items])
    return float(surprise), float(np.mean([item.relevance for items in lists for item in items]))


@pytest.mark.parametrize(
    "ladder",
    [
        [replace(PLAIN, minimum=low) for low in (0.0, 0.2, 0.4, 0.6)],
        [replace(PLAIN, tau=tau) for tau in (0.0, 0.2, 0.5, 2.0)],
        [replace(PLAIN, places=places) for places in (0, 2, 4, 10)],
    ],
    ids=["min", "tau", "bold places"],
)
def test_every_step_towards_bold_is_more_surprising_and_less_likely(model, ladder):
    steps = [measured(model, dial) for dial in ladder]
    surprise, relevance = zip(*steps, strict=True)
    assert all(before < after for before, after in pairwise(surprise)), steps
    assert all(before > after for before, after in pairwise(relevance)), steps


def test_every_step_towards_familiar_is_less_surprising(model):
    surprise = [measured(model, replace(PLAIN, maximum=high))[0] for high in (1.0, 0.4, 0.2, 0.1)]
    assert all(before > after for before, after in pairwise(surprise)), surprise


def test_surprise_reaches_from_nought_to_one_for_every_customer(model):
    for history in histories()[:10]:
        shown = recommend(model, np.unique(history), n=M, scenario="explore", dial=PLAIN).items
        values = [item.surprise for item in shown]
        assert (min(values), max(values)) == (0.0, 1.0)


def test_bold_places_are_the_last_ones_and_stay_within_the_dial(model):
    history = np.array([0, 2])
    plain = recommend(model, history, n=10, scenario="explore", dial=PLAIN).items
    bold = recommend(model, history, n=10, scenario="explore", dial=replace(PLAIN, places=2)).items
    assert bold[:8] == plain[:8]
    assert all(item.surprise >= BOLD_FROM for item in bold[8:])
    assert len({item.concept for item in bold}) == 10
    narrow = replace(PLAIN, places=5, maximum=BOLD_FROM - 0.01)
    for item in recommend(model, history, n=4, scenario="explore", dial=narrow).items:
        assert item.surprise < BOLD_FROM


def test_a_bold_place_is_for_the_most_own_of_what_is_surprising_enough():
    flat = np.ones(5)
    surprise = np.array([0.9, BOLD_FROM - 0.01, BOLD_FROM, 0.8, 1.0])
    view = View(
        scores=flat.astype(np.float32),
        relevance=flat,
        surprise=surprise,
        unexpected=flat,
        appeal=flat,
        own=np.array([9.0, 8.0, 1.0, 2.0, 7.0]),
    )
    inside = np.array([True, True, True, True, False])
    assert boldest(view, np.array([0]), 4, inside).tolist() == [3, 2]


def test_places_are_of_ten_and_a_short_list_has_accordingly_fewer(model):
    history = np.array([0, 2])
    for n, places, kept in ((5, 1, 0), (5, 2, 1), (10, 1, 1), (20, 1, 2)):
        plain = recommend(model, history, n=n, scenario="explore", dial=PLAIN).items
        bold = recommend(model, history, n=n, scenario="explore", dial=replace(PLAIN, places=places)).items
        assert bold[: n - kept] == plain[: n - kept]
        assert (bold == plain) == (kept == 0)


def test_a_bold_suggestion_that_costs_too_much_displaces_nothing(model):
    part = model.scenarios["explore"]

    def shown(cap, **more):
        bold = replace(part.boldness, tau=0.0, beta=0.0, diversity=0.0, places=2, cap=cap)
        known = replace(model, scenarios={**model.scenarios, "explore": replace(part, boldness=bold)})
        return recommend(known, np.array([0, 2]), n=10, scenario="explore", dial=Dial(**more)).items

    plain, free = shown(1.0, places=0), shown(1.0)
    lacks = sorted(a.relevance - b.relevance for a, b in zip(plain[8:], free[8:], strict=True))
    assert 0 < lacks[0] < lacks[1]
    between = shown((lacks[0] + lacks[1]) / 2)
    assert sum(a != b for a, b in zip(plain, between, strict=True)) == 1
    assert shown(0.0) == plain
    assert shown(0.0, places=2) == free  # asked for by the shop itself
    assert shown(0.0, places=2, cheap=True) == plain


def test_what_is_denied_is_not_suggested_is_no_reason_and_moves_no_list(model):
    denied = np.zeros(M, bool)
    denied[[1, 4, 6]] = True
    with_it = recommend(model, np.array([0, 4, 6]), n=8, scenario="explore", denied=denied)
    without = recommend(model, np.array([0]), n=8, scenario="explore", denied=denied)
    assert [item.concept for item in with_it.items] == [item.concept for item in without.items]
    assert [item.reasons for item in with_it.items] == [item.reasons for item in without.items]
    assert not {item.concept_index for item in with_it.items} & {1, 4, 6}
    assert without.filtered["sensitive"] == 3
    assert with_it.filtered == without.filtered  # nor does a count say how much of it was bought
    free = recommend(model, np.array([0, 4, 6]), n=8, scenario="explore")
    assert any(CONCEPTS[c] in reason.text for c in (4, 6) for item in free.items for reason in item.reasons)


def test_lists_that_are_judged_are_seen_as_served_where_something_is_denied(model):
    denied = np.zeros(M, bool)
    denied[[1, 4, 6]] = True
    history = np.zeros((1, M), np.float32)
    history[0, [0, 4, 6]] = 1
    settings = ((0.0, 0.0, 0.0, 1), (0.3, 0.1, 0.1, 2))
    lists = served_lists(model, history, "explore", settings, denied)
    for (tau, beta, diversity, places), shown in zip(settings, lists, strict=True):
        dial = Dial(tau=tau, beta=beta, diversity=diversity, places=places)
        items = recommend(
            model, np.array([0, 4, 6]), n=10, scenario="explore", dial=dial, denied=denied
        ).items
        assert [item.concept_index for item in items] == shown[0].tolist()


def test_a_list_calibrated_by_category_divides_as_the_purchases_do(model):
    starters = {c: replace(p, category="even" if c % 2 == 0 else "odd") for c, p in model.starters.items()}
    known = replace(model, starters=starters)
    history = np.array([0, 2, 4, 7])
    free = recommend(known, history, n=4, scenario="explore", dial=PLAIN).items
    drawn = recommend(known, history, n=4, scenario="explore", dial=replace(PLAIN, calibration=0.9)).items
    even = [sum(item.concept_index % 2 == 0 for item in items) for items in (free, drawn)]
    assert even[1] == 3 != even[0]


@pytest.mark.parametrize("wrong", [{"places": 11}, {"places": -1}, {"calibration": 1.0}])
def test_a_dial_outside_its_bounds_is_refused(wrong):
    with pytest.raises(BadInput):
        Dial(**wrong)
