import numpy as np
import pytest

from participant.appetite import Appetites, Traits, learn
from participant.appetite.words import HABITS, described
from participant.errors import RecordsChanged
from participant.models import Windows, load, save
from participant.models import learn as learn_model
from participant.models.boldness import Boldness
from participant.store.records_habits import Habits
from participant.surprise import personal as by_appetite
from participant.surprise import train
from participant.surprise.personal import appetites, personal
from protocols.errors import BadInput
from tests.participant.shop import DAY, VOCABULARY, exchange, made_up_lines, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
N = 300


def crowd(seed=1, curious=None):
    """Customers of whom some buy much that is new; nothing else tells them apart."""
    rng = np.random.default_rng(seed)
    curious = rng.random(N) < 0.5 if curious is None else curious
    purchases = np.full(N, 60)
    fresh = rng.binomial(60, np.where(curious, 0.5, 0.1))
    habits = Habits(
        customer_keys=np.arange(N) * 3,
        kinds=30 + fresh,
        tail=(30 + fresh) // 3,
        visits=np.full(N, 20),
        recent_visits=np.full(N, 8),
        purchases=purchases,
        fresh=fresh,
        bold=fresh // 2,
        timed=np.full(N, 20),
        late=np.full(N, 10.0),
    )
    return curious, Traits.of(habits)


def test_who_explores_has_the_larger_appetite_and_others_decide_what_that_is_worth():
    curious, earlier = crowd()
    unexpected = np.random.default_rng(2).random(N) < np.where(curious, 0.7, 0.2)
    _, now = crowd(3, curious)
    learned = learn(earlier, unexpected, now)
    levels = np.array([learned.appetites.of(int(key)).level for key in now.customer_keys])
    assert levels[curious].mean() > levels[~curious].mean() + 1
    assert learned.appetites.of(1) is None
    chances = [learned.appetites.of(int(key)).chance for key in now.customer_keys]
    assert np.mean(chances) == pytest.approx(unexpected.mean(), abs=0.1)
    flipped = learn(earlier, ~unexpected, now)
    other = np.array([flipped.appetites.of(int(key)).level for key in now.customer_keys])
    assert other[curious].mean() < other[~curious].mean()


def test_answers_to_a_questionnaire_move_the_level():
    one = Appetites(
        customer_keys=np.array([7]),
        traits=np.zeros((1, 4)),
        logits=np.array([0.0]),
        cuts=np.array([-0.4, 0.4]),
        marks=np.zeros((4, 2)),
    )
    assert [one.of(7, answers).level for answers in ((), (1.0, 1.0), (5.0, 5.0), (3.0, 3.0))] == [1, 0, 2, 1]


def test_nothing_is_learned_where_everybody_did_or_nobody():
    _, traits = crowd()
    assert learn(traits, np.zeros(N, bool), traits) is None
    assert learn(traits, np.ones(N, bool), traits) is None


def test_words_say_what_is_known_in_both_languages_and_diagnose_nobody():
    _, traits = crowd()
    unexpected = np.arange(N) % 2 == 0
    found = learn(traits, unexpected, traits).appetites.of(3)
    for language, word in (("en", "personality"), ("it", "personalità")):
        said = described(found, language, consented="2026-01-02")
        assert len(said) == 1 + len(HABITS[language]) + 2
        assert "2026-01-02" in said[-2]
        assert word in said[-1]
        assert len(described(None, language)) == 1
        (kept,) = described(None, language, consented="2026-01-02")
        assert "2026-01-02" in kept
        assert not any("{" in sentence for sentence in said)
    with pytest.raises(BadInput):
        described(found, "xx")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"), made_up_lines(90))[0]


@pytest.fixture(scope="module")
def learned(records):
    return learn_model(records, VOCABULARY, windows=WINDOWS, exchange=exchange())


def test_a_model_keeps_everybodys_appetite_and_reads_it_back(records, learned, tmp_path):
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())
    assert len(model.appetites.customer_keys) == records.n_customers(
        first_seen_before=WINDOWS.validation_until
    )
    save(model, tmp_path)
    kept = load(tmp_path).appetites
    for key in model.appetites.customer_keys:
        assert kept.of(int(key)) == model.appetites.of(int(key))
    _, levels = appetites(records, VOCABULARY, learned)
    assert len(levels) == len(learned.held.history)
    assert set(levels.tolist()) <= {0, 1, 2}


def test_a_customer_who_leaves_before_appetites_are_learned_is_noticed(records, learned):
    records.opt_out("c000")
    try:
        with pytest.raises(RecordsChanged):
            appetites(records, VOCABULARY, learned)
    finally:
        records.opt_out("c000", opted_out=False)


@pytest.mark.parametrize(("gain", "kept"), [(0.01, True), (-0.01, False), (0.0, False)])
def test_appetite_sets_bold_places_only_where_that_is_not_below_one_number_for_all(
    learned, monkeypatch, gain, kept
):
    held, rehearsal = learned.held, learned.rehearsal
    customers, local = by_appetite.seekers(rehearsal, held, "explore")
    levels = np.arange(len(held.history)) % 3
    table = np.full((3, len(customers)), 0.1)
    table[0] += gain * (levels[customers] == 0)
    table[2] += gain * (levels[customers] == 2)
    monkeypatch.setattr(by_appetite, "served_gains", lambda *_: (table, local))
    fixed = Boldness(tau=0.0, beta=0.0, diversity=0.0, places=1)
    found = personal(rehearsal, held, "explore", fixed, levels)
    assert found.by_appetite == ((0, 1, 2) if kept else ())
    assert found.appetite_gain.mean == pytest.approx(gain * np.mean(levels[customers] != 1))
