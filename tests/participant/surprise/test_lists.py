"""What lists are made of: likeness is that of columns, however the node keeps them."""

from dataclasses import replace

import numpy as np
import pytest

from participant.models import Windows, load, save
from participant.models.boldness import Boldness
from participant.surprise import recommend, train
from participant.surprise.lists import likeness_of
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, exchange, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
SPREAD = Boldness(tau=0.2, beta=0.1, diversity=0.5)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    records, _, _ = shop(tmp_path_factory.mktemp("shop"))
    made = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange())
    return replace(
        made, scenarios={name: replace(part, boldness=SPREAD) for name, part in made.scenarios.items()}
    )


def test_likeness_is_the_cosine_of_what_foretells_two_concepts(model):
    part = model.scenarios["surprise"]
    order = np.array([5, 1, 7, 2])
    columns = part.serving.matrix[:, order].astype(np.float64)
    lengths = np.linalg.norm(columns, axis=0)
    expected = np.clip(columns.T @ columns / np.outer(lengths, lengths), 0, 1)
    assert not np.allclose(part.serving.matrix, part.serving.matrix.T)  # rows would say something else
    np.testing.assert_allclose(likeness_of(part, order), expected, atol=1e-6)


def test_a_loaded_model_reads_columns_as_they_lie_and_serves_the_same_lists_to_the_bit(model, tmp_path):
    save(model, tmp_path)
    back = load(tmp_path)
    everything = np.arange(len(CONCEPTS))
    for name, part in model.scenarios.items():
        kept = back.scenarios[name]
        assert part.serving.columns is None
        assert kept.serving.columns is not None
        assert kept.serving.columns.flags.c_contiguous
        for order in (everything, np.array([3, 0, 9])):
            assert np.array_equal(likeness_of(part, order), likeness_of(kept, order))
        for history in (np.array([0]), np.array([1, 4, 6])):
            assert recommend(model, history, scenario=name, n=4) == recommend(
                back, history, scenario=name, n=4
            )


def test_columns_are_kept_once_for_weights_that_scenarios_share_and_never_for_lists_in_plain_order(
    model, tmp_path
):
    part = model.scenarios["surprise"]
    shared = replace(model, scenarios={"explore": part, "surprise": part})
    save(shared, tmp_path / "shared")
    back = load(tmp_path / "shared").scenarios
    assert back["explore"].serving.columns is back["surprise"].serving.columns
    plain = replace(part, boldness=Boldness(tau=0.2, beta=0.1, diversity=0.0))
    save(replace(model, scenarios={"explore": plain, "surprise": part}), tmp_path / "plain")
    back = load(tmp_path / "plain").scenarios
    assert back["explore"].serving.columns is None
    assert back["surprise"].serving.columns is not None


def test_what_a_shop_sells_and_shows_anyway_is_that_of_the_model_asked_and_not_of_one_before(model):
    history = np.array([1, 4])
    first = {item.concept_index for item in recommend(model, history, n=30).items}
    kept = sorted(first)[:3]
    fewer = replace(model, starters={at: model.starters[at] for at in kept})
    assert {item.concept_index for item in recommend(fewer, history, n=30).items} == set(kept)
    buyers = model.buyers.copy()
    buyers[kept[0]] = buyers.max() + 1
    usual = replace(model, buyers=buyers)
    assert kept[0] not in {item.concept_index for item in recommend(usual, history, n=30).items}
    assert {item.concept_index for item in recommend(model, history, n=30).items} == first
