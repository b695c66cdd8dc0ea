"""The own model: how its ridge is searched, when popularity has a say in it, and that it is served as judged."""

import json

import numpy as np
import pytest

from participant.models import Windows, learn, load, local, save
from participant.models.exchange import Candidate
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.local import LAMBDAS, TILTS, Setting, tune
from participant.models.scoring import popularity
from participant.models.weights import SquareWeights
from participant.surprise import train
from protocols.questions.ease import ease
from tests.participant.models.test_released import MIXED, exchange
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
M, N = 40, 600


def held(seed, *, popular):
    """Customers with a handful of concepts who next buy what is popular, or what goes with what they have."""
    rng = np.random.default_rng(seed)
    likes = 1 / (1 + np.arange(M))
    history, future = np.zeros((N, M), np.float32), np.zeros((N, M), bool)
    for u in range(N):
        history[u, rng.choice(M, rng.integers(2, 6), replace=False, p=likes / likes.sum())] = 1
        partners = np.flatnonzero(history[u]) ^ 1  # concepts are sold in pairs
        if not popular:
            history[u, partners[rng.random(len(partners)) < 0.7]] = 1
        future[u, rng.choice(M, 3, p=likes / likes.sum())] = popular
        future[u, partners] |= not popular
    return HoldOut(history=history, future=future, buyers=history.sum(0).astype(np.int64))


def gram(data):
    return WholeGram(matrix=(data.history.T @ data.history).astype(np.float64))


def test_popularity_has_a_say_where_it_foretells_and_none_where_it_does_not():
    popular, paired = (held(1, popular=each) for each in (True, False))
    assert tune(gram(popular), popular).chosen["explore"].tilt > 0
    assert tune(gram(paired), paired).chosen["explore"].tilt == 0


def test_the_scores_are_those_of_the_ridge_and_the_tilt_that_were_chosen():
    data = held(2, popular=True)
    found = tune(gram(data), data)
    for scenario, chosen in found.chosen.items():
        weights = ease(gram(data).matrix, chosen.lam)
        expected = data.history @ weights + chosen.tilt / 100 * popularity(data.buyers)
        np.testing.assert_allclose(found.scores[scenario], expected, atol=1e-6)
        np.testing.assert_array_equal(found.weights[scenario].matrix, weights)


@pytest.mark.parametrize("best", LAMBDAS)
def test_the_search_ends_when_both_neighbours_of_the_best_ridge_were_tried(best, monkeypatch):
    data, tried = held(3, popular=True), []

    def distance(lam):
        return abs(LAMBDAS.index(lam) - LAMBDAS.index(best))

    def fitted(_gram, lam):
        tried.append(int(lam))
        return SquareWeights(matrix=np.zeros((M, M), np.float32))

    monkeypatch.setattr(WholeGram, "weights", fitted)
    monkeypatch.setattr(local, "best_of", lambda table: min(table, key=lambda each: distance(each.lam)))
    assert {each.lam for each in tune(gram(data), data).chosen.values()} == {best}
    assert {lam for lam in LAMBDAS if distance(lam) <= 1} <= set(tried)
    assert len(tried) == len(set(tried)) <= 4


def test_a_company_without_validation_customers_takes_the_first_ridge_and_no_tilt():
    nobody = HoldOut(
        history=np.zeros((0, M), np.float32), future=np.zeros((0, M), bool), buyers=np.zeros(M, np.int64)
    )
    assert tune(WholeGram(matrix=np.eye(M)), nobody).chosen == dict.fromkeys(
        ("explore", "surprise"), Setting(lam=local.FIRST, tilt=0)
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


@pytest.fixture
def always_tilted(monkeypatch):
    def steepest(table):
        return max(table, key=lambda each: (each.tilt, -each.lam))

    monkeypatch.setattr(local, "best_of", steepest)


def test_a_tilted_own_model_is_served_judged_and_kept_with_its_tilt(records, always_tilted, tmp_path):
    found = learn(records, VOCABULARY, windows=WINDOWS)
    model = load(save(train(records, VOCABULARY, windows=WINDOWS), tmp_path).parent)
    history = np.zeros((1, len(CONCEPTS)), np.float32)
    history[0, [2, 5]] = 1
    for scenario, part in model.scenarios.items():
        assert part.local_tilt == max(TILTS)
        expected = part.local.matrix[[2, 5]].sum(0) + part.local_tilt / 100 * popularity(model.buyers)
        one = model.local_scores(scenario, np.array([2, 5]))
        np.testing.assert_allclose(one, expected, atol=1e-6)
        np.testing.assert_allclose(model.local_matrix_scores(scenario, history)[0], expected, atol=1e-6)
        candidates = history[0] == 0
        served = model.scores(scenario, np.array([2, 5]), candidates)
        assert (np.argsort(-served[candidates]) == np.argsort(-expected[candidates])).all()
        judged = found.rehearsal.local_matrix_scores(scenario, found.held.history)
        shown = found.held.future & found.held.candidates(scenario)
        assert part.verdict.local.customers == int(shown.any(1).sum())
        assert (
            np.abs(judged - found.held.history @ found.rehearsal.scenarios[scenario].local.matrix).max()
            > 0.05
        )
    choices = json.loads((tmp_path / "model.json").read_text())
    for each in choices["scenarios"].values():
        del each["local_tilt"]
    (tmp_path / "model.json").write_text(json.dumps(choices))
    assert {part.local_tilt for part in load(tmp_path).scenarios.values()} == {0}


def test_a_release_is_tried_as_it_was_measured_and_with_the_own_models_tilt(records, always_tilted):
    shared = exchange(MIXED)
    level, steep = Setting(lam=300, tilt=0), Setting(lam=300, tilt=10)
    assert shared.candidates("explore", level) == (Candidate(weight=0.0, lam=100, tilt=0),)
    assert [each.tilt for each in shared.candidates("explore", steep)] == [0, 10]
    model = learn(records, VOCABULARY, windows=WINDOWS, exchange=shared).model
    for part in model.scenarios.values():
        assert part.mixture in (MIXED, MIXED.tilted(max(TILTS)))
