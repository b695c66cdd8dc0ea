import numpy as np
import pytest

from participant.models import Exchange, Windows, load, save
from participant.models.files import BadModel
from participant.models.gram import WholeGram
from participant.surprise import Dial, headline, recommend, train
from protocols.errors import BadInput, WrongVocabulary
from protocols.vocabulary import Vocabulary
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, exchange, shop

WINDOWS = Windows(
    fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY, test_until=301 * DAY
)
M = len(CONCEPTS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    records, _, _ = shop(tmp_path_factory.mktemp("shop"))
    return records, train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())


def test_a_list_never_holds_what_was_bought_or_what_the_shop_shows_anyway(trained):
    records, model = trained
    for name in (f"c{u:03d}" for u in range(20)):
        concepts = records.history(name, VOCABULARY).concepts
        items = recommend(model, concepts, n=5).items
        shown = {item.concept_index for item in items}
        assert items
        assert not shown & set(concepts.tolist())
        assert not shown & set(np.flatnonzero(model.obvious).tolist())
        assert all(item.item_id.startswith(f"item-{item.concept_index:02d}") for item in items)


def test_every_reason_has_a_sentence_in_both_languages_and_no_count(trained):
    _, model = trained
    for language in ("en", "it"):
        for item in recommend(model, np.array([0, 2]), n=5, language=language).items:
            assert item.reasons
            for reason in item.reasons:
                assert "{" not in reason.text
                assert reason.support_band in {"early", "moderate", "broad", "very broad"}


def test_a_narrow_dial_is_obeyed_or_the_list_says_degraded(trained):
    _, model = trained
    bold = recommend(model, np.array([0]), n=3, dial=Dial(minimum=0.2))
    assert bold.degraded or all(item.surprise >= 0.2 for item in bold.items)
    nothing = recommend(model, np.array([0]), n=3, dial=Dial(minimum=1.0))
    assert nothing.degraded
    assert len(nothing.items) == 3


def test_a_customer_without_history_gets_a_degraded_list_and_never_an_empty_one(trained):
    _, model = trained
    found = recommend(model, np.zeros(0, np.int64), n=5, scenario="explore")
    assert found.degraded
    assert len(found.items) == 5


def test_a_customer_with_one_purchase_is_served(trained):
    _, model = trained
    assert len(recommend(model, np.array([4]), n=5).items) == 5


@pytest.mark.parametrize("wrong", [{"n": 0}, {"scenario": "magic"}, {"language": "xx"}])
def test_a_wrong_request_is_refused(trained, wrong):
    _, model = trained
    with pytest.raises(BadInput):
        recommend(model, np.array([1]), **wrong)


def test_a_dial_the_wrong_way_round_is_refused():
    with pytest.raises(BadInput):
        Dial(minimum=0.7, maximum=0.2)


def test_a_saved_model_serves_the_same_list(trained, tmp_path):
    _, model = trained
    save(model, tmp_path)
    assert recommend(load(tmp_path), np.array([1, 3]), n=5) == recommend(model, np.array([1, 3]), n=5)


def test_a_damaged_or_missing_model_is_refused(trained, tmp_path):
    with pytest.raises(BadModel):
        load(tmp_path)
    save(trained[1], tmp_path)
    numbers = next(tmp_path.glob("*.safetensors"))
    numbers.write_bytes(numbers.read_bytes()[:-1] + b"!")
    with pytest.raises(BadModel, match="hash"):
        load(tmp_path)


def test_a_node_without_a_release_serves_its_own_model(trained):
    records, _ = trained
    alone = train(records, VOCABULARY, windows=WINDOWS)
    assert not any(part.deployed for part in alone.scenarios.values())
    assert recommend(alone, np.array([1]), n=5).items


def test_a_useless_release_is_not_deployed(trained):
    records, _ = trained
    noise = np.random.default_rng(5).integers(0, 40, (M, M)).astype(float)
    noise = noise @ noise.T
    exchange = Exchange(
        fitted=WholeGram(matrix=noise),
        refitted=WholeGram(matrix=noise),
        lambdas={"explore": 300, "surprise": 300},
    )
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange)
    own = train(records, VOCABULARY, windows=WINDOWS)
    candidates = np.ones(M, bool)
    assert not model.scenarios["explore"].deployed
    assert np.array_equal(
        model.scores("explore", np.array([1]), candidates), own.scores("explore", np.array([1]), candidates)
    )


def test_the_headline_measures_both_scenarios_on_the_test_window(trained):
    records, model = trained
    found = {one.scenario: one for one in headline(model, records, VOCABULARY)}
    assert set(found) == {"explore", "surprise"}
    for one in found.values():
        assert one.hits_exchange.low <= one.hits_exchange.mean <= one.hits_exchange.high
        assert one.hits_gained.mean == pytest.approx(one.hits_exchange.mean - one.hits_local.mean)


def test_a_model_for_another_vocabulary_is_refused(trained):
    records, model = trained
    with pytest.raises(WrongVocabulary):
        headline(model, records, Vocabulary.of("other", CONCEPTS))
