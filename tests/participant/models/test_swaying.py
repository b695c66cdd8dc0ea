from dataclasses import replace

import numpy as np
import pytest

from participant.models import swaying
from participant.models.sway import NAMES, Strength, Strengths, Sway, ratios_of
from participant.models.swaying import Judged, choose, first_visits, gains, visit_gains
from participant.models.visits import HeldVisits, held_visits
from protocols.questions.moments import FACTORS, UNKNOWN
from protocols.questions.ranking import ndcg
from protocols.questions.rhythm import Rhythm
from tests.participant.shop import DAY, VOCABULARY, shop

M, CUSTOMERS, VISITS = 30, 80, 6
HOUR = NAMES.index("hour")
RATIOS = {"hour": np.where(np.arange(M) < 15, 1.0, -1.0)[None, :].repeat(6, 0).astype(np.float32)}
RATIOS["hour"][3:] *= -1  # late hours are for the other half


def made(effect, seed=0):
    """Visits in which ``effect`` of the purchases follow the hour; scores that know nothing."""
    rng = np.random.default_rng(seed)
    n = CUSTOMERS * VISITS
    bands = np.full((len(NAMES), n), UNKNOWN)
    bands[HOUR] = rng.integers(0, 6, n)
    follows = rng.random(n) < effect
    loved = np.where(bands[HOUR] < 3, rng.integers(0, 15, n), rng.integers(15, M, n))
    visits = HeldVisits(
        customer=np.repeat(np.arange(CUSTOMERS), VISITS),
        indptr=np.arange(n + 1),
        concepts=np.where(follows, loved, rng.integers(0, M, n)),
        bands=bands,
    )
    nothing = np.zeros((CUSTOMERS, M), np.bool_)
    scores = rng.random((CUSTOMERS, M)).astype(np.float32)
    return Judged(scores=scores, history=nothing, excluded=nothing[0]), visits


def test_a_factor_that_helps_is_taken_and_one_that_does_not_is_not():
    found = choose(*made(1.0), RATIOS)
    (strong,) = found.each
    assert strong.strength > 4 * strong.error
    assert found.gained > 2 * found.error > 0
    assert found.moving == {"hour": found.worth * strong.strength}
    backwards = choose(*made(1.0), {"hour": -RATIOS["hour"]})
    assert [each.strength for each in backwards.each] == [0.0]
    assert backwards.moving == {}
    assert choose(*made(1.0), {"weather": RATIOS["hour"]}).each == ()  # no visit knows its weather


def test_a_weak_effect_is_seen_where_the_first_ten_places_hardly_show_it():
    found = [choose(*made(0.1, seed), RATIOS) for seed in range(10)]
    assert sum(one.each[0].strength > 0 for one in found) >= 5
    assert sum(one.gained > 2 * one.error for one in found) <= 5


def test_chance_alone_is_rarely_taken_and_what_it_gains_is_small():
    found = [choose(*made(0.0, seed), RATIOS) for seed in range(20)]
    assert sum(one.taken for one in found) <= 2  # two standard errors
    assert max(one.gained for one in found) < 0.06


def test_what_is_likelier_but_finds_less_moves_nothing(monkeypatch):
    monkeypatch.setattr(swaying, "gains", lambda *_: np.array([[0.3, 0.2], [0.2, 0.2]]))
    found = choose(*made(1.0), RATIOS)
    assert found.each[0].strength > 0
    assert (found.taken, found.moving) == (False, {})
    monkeypatch.setattr(swaying, "gains", lambda *_: np.array([[0.2, 0.2], [0.3, 0.2]]))
    assert choose(*made(1.0), RATIOS).taken


def test_gains_are_those_of_the_one_definition_of_the_metric():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, (200, M)).astype(np.float32)  # many ties
    hidden, bought = rng.random((200, M)) < 0.3, rng.random((200, M)) < 0.2
    target = bought & ~hidden
    some = target.any(1)
    shown = np.where(hidden, -np.inf, scores).astype(np.float32)
    expected = ndcg(scores, hidden, bought, np.zeros(M, np.bool_)).gains
    assert np.allclose(visit_gains(shown[some], target[some]), expected, atol=1e-9)


def test_what_was_bought_the_visit_before_is_no_target_and_no_candidate_any_more():
    visits = HeldVisits(
        customer=np.array([0, 0, 1]),
        indptr=np.array([0, 2, 4, 5]),
        concepts=np.array([3, 4, 4, 5, 3]),
        bands=np.full((len(NAMES), 3), UNKNOWN),
    )
    history = np.zeros((2, 7), np.bool_)
    history[:, 6] = True
    ((numbers, before, bought),) = visits.chunks(history)
    assert numbers.tolist() == [0, 1, 2]
    assert [np.flatnonzero(row).tolist() for row in before] == [[6], [3, 4, 6], [6]]
    assert [np.flatnonzero(row).tolist() for row in bought & ~before] == [[3, 4], [5], [3]]
    scores = np.tile(np.arange(7, dtype=np.float32), (2, 1))
    judged = Judged(scores=scores, history=history, excluded=np.zeros(7, np.bool_))
    first = visit_gains(
        np.array([[0, 1, 2, 3, 4, 5, -np.inf]], np.float32),
        np.eye(7, dtype=np.bool_)[[3]] | np.eye(7, dtype=np.bool_)[[4]],
    )
    assert gains(judged, visits, {}, [{}])[0].tolist() == pytest.approx([(first[0] + 1.0) / 2, 1 / 2])


def test_only_what_was_bought_before_is_a_candidate_when_it_is_about_buying_again():
    judged, visits = made(1.0)
    history = np.zeros((CUSTOMERS, M), np.bool_)
    history[:, ::2] = True
    again = Judged(scores=judged.scores, history=history, excluded=judged.excluded, again=True)
    odd = HeldVisits(
        customer=visits.customer, indptr=visits.indptr, concepts=visits.concepts | 1, bands=visits.bands
    )
    assert gains(again, odd, RATIOS, [{}]).shape == (1, 0)
    assert gains(again, visits, RATIOS, [{}]).shape[1] > 0


def test_the_first_customers_visits_are_taken_whole():
    _, visits = made(1.0)
    cut = first_visits(visits, most=20)
    assert cut.customer.tolist() == np.repeat([0, 1, 2], VISITS).tolist()
    assert (len(cut.indptr), cut.bands.shape[1]) == (19, 18)
    assert first_visits(visits, most=10_000) is visits


def test_visits_are_those_of_the_rows_of_the_hold_out(tmp_path):
    records, _, _ = shop(tmp_path)
    span = {"since": 150 * DAY, "until": 220 * DAY, "customers_until": 2 * DAY, "customers_cap": 40}
    visits = held_visits(records, VOCABULARY, **span)
    rows = list(
        records.taste_rows(
            VOCABULARY, since=150 * DAY, until=220 * DAY, customers_until=2 * DAY, customers_cap=40, batch=7
        )
    )
    dense = np.concatenate([batch.dense(len(VOCABULARY)) for batch in rows]) > 0
    found = np.zeros_like(dense)
    found[np.repeat(visits.customer, np.diff(visits.indptr)), visits.concepts] = True
    assert (found == dense).all()
    assert found.any()
    assert (np.diff(visits.customer) >= 0).all()
    assert (visits.bands[NAMES.index("weekday")] >= 0).all()
    assert (visits.bands[NAMES.index("weather")] == UNKNOWN).all()


def test_own_counts_are_drawn_towards_the_consortiums_and_stand_alone_without_them():
    season = np.zeros((4, 2))
    season[0] = [6.0, 6.0]
    season[2] = [6.0, 6.0]
    theirs = np.array([[900.0, 100.0], [0, 0], [100.0, 900.0], [0, 0]])
    own, released = Rhythm(counts={"season": season}), Rhythm(counts={"season": theirs})
    assert set(ratios_of(own, None)) == set()  # nothing differs between the two
    beside = ratios_of(own, released)["season"]
    alone = ratios_of(Rhythm(counts={"season": season * 0}), released)["season"]
    assert 0 < beside[0, 0] < alone[0, 0]
    assert beside[0, 1] < 0
    assert set(ratios_of(own, released)) == {"season"}


def test_a_factor_of_strength_nought_and_an_unknown_band_move_nothing():
    off, on = (
        Strength(factor="hour", strength=0.0, error=0.0),
        Strength(factor="weekday", strength=1.0, error=0.0),
    )
    ratios = {name: np.ones((len(FACTORS[name]), 3), np.float32) for name in ("hour", "weekday")}
    both = Strengths(worth=2.0, each=(off, on), taken=True, gained=0.0, error=0.0, customers=1)
    sway = Sway(ratios=ratios, strengths={"explore": both})
    assert sway.moving("explore") == {"weekday": 2.0}
    assert sway.moving("surprise") == {}
    assert sway.of("explore", {"hour": 2}) is None
    assert sway.of("explore", {"hour": 2, "weekday": 6}).tolist() == [2, 2, 2]
    unproved = Sway(ratios=ratios, strengths={"explore": replace(both, taken=False)})
    assert unproved.of("explore", {"hour": 2, "weekday": 6}) is None
