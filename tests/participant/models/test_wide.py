"""More concepts than a square fits: trained, kept and served, and never an array of concepts squared on the way."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from participant.models import Exchange, Windows, load, save
from participant.models.gram import GramColumns
from participant.models.weights import LowRankWeights
from participant.surprise import recommend, train
from participant.surprise.lists import likeness_of
from participant.tallies import landmarks
from protocols.limits import FRACTION_BITS, SQUARE_MAX
from protocols.vocabulary import Vocabulary
from tests.participant.models.test_exchange import deployed
from tests.participant.models.test_gram import batch_of
from tests.participant.shop import CONCEPTS, DAY, made_up_lines, shop

WIDE = 30_000
VOCABULARY = Vocabulary.of(
    "wide", [*CONCEPTS, *(f"{'az'[at % 2]} {at:05d}" for at in range(WIDE - len(CONCEPTS)))]
)
SOLD = np.array([VOCABULARY.concepts.index(name) for name in CONCEPTS])
"""Where the shop's concepts are; the others are sold nowhere."""
EARLY, LATE = 150 * DAY, 220 * DAY
CUSTOMERS = 24
"""A list is made of 30 thousand scores: few suffice, and are trained on in seconds."""
WINDOWS = Windows(fit_until=EARLY, validation_until=LATE, customers_until=EARLY)


def sold_by(seed):
    """What a shop sold; the first one, our own, sold few of the last concepts."""
    lines = made_up_lines(60 if seed > 1 else CUSTOMERS, seed=seed)
    return lines if seed > 1 else [line for line in lines if line[1] < "item-24" or line[0] < "c004"]


def rows(until, seeds):
    """Who bought what at these shops until then, over the own concepts."""
    found = np.zeros((len(seeds), 60, len(CONCEPTS)), np.bool_)
    for at, seed in enumerate(seeds):
        for who, item, _, time, _ in sold_by(seed):
            if time < until:
                found[at, int(who[1:]), int(item[5:7])] = True
    return found.reshape(-1, len(CONCEPTS))


def summed(until):
    """A `landmarks` sum of four shops, this one included, with the shop's concepts as landmarks."""
    batch = batch_of(rows(until, (1, 2, 3, 4)))
    wide = replace(batch, indices=SOLD[batch.indices])
    squares, cross = (
        np.ldexp(each.astype(float), -FRACTION_BITS) for each in landmarks.sums([wide], WIDE, SOLD, "unit")
    )
    return GramColumns(cross=cross, diagonal=squares, places=SOLD)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """The model, what was kept of it, its lists, and the most bytes held at once."""
    records, _, _ = shop(tmp_path_factory.mktemp("shop"), sold_by(1))
    exchange = Exchange(
        fitted=summed(EARLY),
        refitted=summed(LATE),
        lambdas={"explore": 10, "surprise": 10},
        row_scheme="unit",
    )
    tracemalloc.start()
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=exchange)
    back = load(save(model, tmp_path_factory.mktemp("model")).parent)
    lists = [recommend(back, SOLD[[0, 4]], scenario=name, n=5) for name in back.scenarios]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return model, back, lists, peak


def test_thirty_thousand_concepts_are_trained_on_and_served_in_less_than_a_byte_a_pair(wide):
    assert WIDE > SQUARE_MAX
    _, _, _, peak = wide
    assert peak < WIDE * WIDE, f"{peak / 2**20:,.0f} MiB"


def test_both_models_are_of_low_rank_and_come_back_as_they_were(wide):
    model, back, lists, _ = wide
    for name, part in model.scenarios.items():
        kept = back.scenarios[name]
        for made, again in ((part.local, kept.local), (part.federated, kept.federated)):
            assert isinstance(made, LowRankWeights)
            for end, array in made.tensors().items():
                np.testing.assert_array_equal(array, again.tensors()[end])
        assert np.array_equal(likeness_of(part, SOLD[:6]), likeness_of(kept, SOLD[:6]))
        assert recommend(model, SOLD[[0, 4]], scenario=name, n=5) == lists[list(model.scenarios).index(name)]


def test_the_own_landmarks_are_what_was_bought_here(wide):
    model, _, _, _ = wide
    for part in model.scenarios.values():
        assert np.isin(np.flatnonzero(part.local.left.any(1)), SOLD).all()
        assert 10 < part.local.left.shape[1] <= CUSTOMERS  # as many directions as customers, at most
    assert model.scenarios["explore"].verdict.local.mean > 0.1, model.scenarios[
        "explore"
    ].verdict.local  # and they foretell; by chance one in thousands


def test_what_was_bought_elsewhere_is_known_from_the_squares_and_is_a_reason(wide):
    model, _, _, _ = wide
    others = rows(LATE, (2, 3, 4)).sum(0)
    assert np.corrcoef(model.elsewhere[SOLD], others)[0, 1] > 0.95
    assert model.elsewhere.sum() == model.elsewhere[SOLD].sum()  # the rest was sold nowhere
    served = deployed(model)
    codes = {
        why.code
        for item in recommend(served, SOLD[[0, 3]], scenario="explore", n=28).items
        for why in item.reasons
    }
    assert {"goes-with", "loved-elsewhere"} <= codes
