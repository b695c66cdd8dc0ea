from dataclasses import replace

import numpy as np
import pytest

from participant.models import Windows, learn, load, save
from participant.models.boldness import Boldness
from participant.surprise import Dial, choosing, recommend, train
from participant.surprise.choosing import TOLERANCE, choose, served_gains, settings
from participant.surprise.judging import seekers
from participant.surprise.lists import NOBODY, served_lists
from protocols.errors import BadInput
from protocols.questions.ranking import ndcg
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, exchange, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
M, N = len(CONCEPTS), 400
TRIED = settings("surprise")
ORDER_OF_LIKELIHOOD = Dial(tau=0.0, beta=0.0, diversity=0.0, places=0)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


@pytest.fixture(scope="module")
def learned(records):
    return learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange())


def gains_by_setting(monkeypatch, worth, *, local=0.05, noise=0.0):
    """Let ``worth`` (setting to mean gain) be what validation customers say."""
    wobble = noise * np.random.default_rng(0).normal(size=N)
    table = np.stack([np.full(N, worth[setting]) + wobble for setting in TRIED])
    monkeypatch.setattr(choosing, "served_gains", lambda *_: (table, np.full(N, local)))
    monkeypatch.setattr(choosing, "personal", lambda *given: given[3])


def taken(learned):
    found = choose(learned.rehearsal, learned.held, "surprise")[0]
    return (found.tau, found.beta, found.diversity, found.places)


def test_the_boldest_setting_within_the_tolerance_is_taken(learned, monkeypatch):
    worth = {setting: 0.1 * (1 - setting[0] / 4 - setting[3] / 60) for setting in TRIED}
    gains_by_setting(monkeypatch, worth)
    assert taken(learned) == (0.0, 0.1, 0.1, 1)
    gains_by_setting(monkeypatch, {s: 0.1 * (1 - TOLERANCE + 1e-6) if s[0] or s[3] else 0.1 for s in TRIED})
    assert taken(learned) == (0.4, 0.1, 0.1, 2)
    gains_by_setting(monkeypatch, {s: 0.1 * (1 - TOLERANCE - 1e-6) if s[0] or s[3] else 0.1 for s in TRIED})
    assert taken(learned) == (0.0, 0.1, 0.1, 0)


def test_lists_are_judged_beside_the_own_model_with_its_tilt(learned):
    level, held = learned.rehearsal, learned.held
    parts = {name: replace(part, local_tilt=100) for name, part in level.scenarios.items()}
    steep = replace(level, scenarios=parts)
    for scenario in parts:
        own = steep.local_matrix_scores(scenario, held.history)
        gains = ndcg(own, held.history > 0, held.future, held.excluded(scenario)).gains
        np.testing.assert_array_equal(seekers(steep, held, scenario)[1], gains)
        assert not np.array_equal(seekers(level, held, scenario)[1], gains)


def test_boldness_must_beat_the_own_model_by_one_standard_error(learned, monkeypatch):
    near = dict.fromkeys(TRIED, 0.1)
    gains_by_setting(monkeypatch, near, local=0.099, noise=1.0)
    assert taken(learned) == (0.0, 0.0, 0.0, 0)
    gains_by_setting(monkeypatch, near, local=0.099, noise=0.001)
    assert taken(learned) == (0.4, 0.1, 0.1, 2)


def test_what_is_judged_is_what_is_served(learned):
    model, held = learned.rehearsal, learned.held
    history = held.history[:25]
    lists = served_lists(model, history, "surprise", TRIED)
    for place, (tau, beta, diversity, bold) in enumerate(TRIED):
        dial = Dial(tau=tau, beta=beta, diversity=diversity, places=bold)
        for row, shown in zip(history, lists[place], strict=True):
            items = recommend(model, np.flatnonzero(row), dial=dial).items
            assert [item.concept_index for item in items] == shown[shown != NOBODY].tolist()


def test_the_list_that_is_not_reranked_is_in_order_of_likelihood(learned):
    items = recommend(learned.model, np.array([0, 3]), dial=ORDER_OF_LIKELIHOOD).items
    assert [item.relevance for item in items] == sorted((item.relevance for item in items), reverse=True)


def test_the_own_models_gains_are_those_of_the_gate(learned):
    _, local = served_gains(learned.rehearsal, learned.held, "explore", settings("explore"))
    verdict = learned.rehearsal.scenarios["explore"].verdict
    assert local.mean() == pytest.approx(verdict.local.mean)
    assert len(local) == verdict.local.customers


def test_the_choice_is_stored_with_the_model_and_served_unless_the_request_says_otherwise(
    records, monkeypatch, tmp_path
):
    gains_by_setting(monkeypatch, dict.fromkeys(TRIED, 0.1))
    real = choosing.settings
    monkeypatch.setattr(choosing, "settings", lambda scenario: TRIED if scenario else real(scenario))
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())
    save(model, tmp_path)
    kept = load(tmp_path)
    assert kept.scenarios["surprise"].boldness == model.scenarios["surprise"].boldness
    assert kept.scenarios["surprise"].boldness.tau == 0.4
    history = np.array([1, 3])
    bold, told, plain = (
        recommend(kept, history, dial=dial).items
        for dial in (None, Dial(tau=0.4, beta=0.1, diversity=0.1, places=2, cheap=True), ORDER_OF_LIKELIHOOD)
    )
    assert bold == told
    assert bold != plain


def test_a_list_below_the_own_model_takes_the_release_out_of_service(records, learned, monkeypatch):
    assert learned.model.scenarios["surprise"].deployed
    gains_by_setting(monkeypatch, dict.fromkeys(TRIED, 0.1), local=0.2)
    monkeypatch.setattr(choosing, "settings", lambda _: TRIED)
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())
    part = model.scenarios["surprise"]
    assert not part.deployed
    assert (part.boldness.tau, part.boldness.diversity) == (0.0, 0.0)
    assert part.verdict.difference.mean == pytest.approx(-0.1)
    assert "not deployed" in part.verdict.sentence
    candidates = np.ones(M, bool)
    own = train(records, VOCABULARY, windows=WINDOWS)
    history = np.array([1])
    assert np.array_equal(
        model.scores("surprise", history, candidates), own.scores("surprise", history, candidates)
    )


def test_a_node_without_validation_customers_serves_the_order_of_likelihood(learned):
    nobody = replace(learned.held, history=learned.held.history[:0], future=learned.held.future[:0])
    found, against_local = choose(learned.rehearsal, nobody, "surprise")
    assert (found.tau, found.beta, found.diversity, len(against_local)) == (0.0, 0.0, 0.0, 0)


def test_a_customer_without_history_gets_bestsellers_in_order_however_bold_the_node_is(learned):
    part = learned.model.scenarios["surprise"]
    bold = replace(part, boldness=Boldness(tau=0.4, beta=0.1, diversity=0.5, places=1))
    model = replace(learned.model, scenarios={**learned.model.scenarios, "surprise": bold})
    items = recommend(model, np.zeros(0, np.int64)).items
    ranks = [model.buyers[item.concept_index] for item in items]
    assert ranks == sorted(ranks, reverse=True)
    (shown,) = served_lists(model, np.zeros((1, M), np.float32), "surprise", ((0.4, 0.1, 0.5, 1),))
    assert [item.concept_index for item in items] == shown[0][shown[0] != NOBODY].tolist()


def test_a_boldness_outside_its_bounds_is_refused():
    with pytest.raises(BadInput):
        Boldness(tau=3.0, beta=0.0, diversity=0.0)
    with pytest.raises(BadInput):
        Dial(tau=-0.1)
