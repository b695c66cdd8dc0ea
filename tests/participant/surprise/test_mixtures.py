"""Lists of released mixtures: the encoder's scores go through chances, bold places and reasons as EASE's do."""

from dataclasses import replace

import numpy as np
import pytest

from participant.models import learn
from participant.models.blend import FEDERATED
from participant.surprise import Dial, recommend
from participant.surprise.lists import Shop, served_lists
from protocols.questions.mixture import PLAIN
from tests.participant.models.test_released import MIXED, VOCABULARY, WINDOWS, M, exchange
from tests.participant.shop import shop

SETTINGS = ((0.0, 0.0, 0.0, 0), (0.1, 0.1, 0.1, 2))
HISTORIES = [np.array([u % M, (u + 2) % M]) for u in range(0, 20, 2)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A node's model with a mixture in use, whatever the gate said of it."""
    records, _, _ = shop(tmp_path_factory.mktemp("shop"))
    found = learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange(MIXED)).model
    return with_parts(
        found,
        {
            s: replace(p, mix=FEDERATED, verdict=replace(p.verdict, deployed=True))
            for s, p in found.scenarios.items()
        },
    )


def with_parts(model, parts):
    return replace(model, scenarios=parts)


def lists(model):
    rows = np.zeros((len(HISTORIES), M), np.float32)
    for row, history in zip(rows, HISTORIES, strict=True):
        row[history] = 1
    return served_lists(model, rows, "explore", SETTINGS)


def test_a_mixture_is_judged_as_it_is_served(model):
    for (tau, beta, diversity, places), judged in zip(SETTINGS, lists(model), strict=True):
        dial = Dial(tau=tau, beta=beta, diversity=diversity, places=places)
        for history, expected in zip(HISTORIES, judged, strict=True):
            items = recommend(model, np.unique(history), n=10, scenario="explore", dial=dial).items
            assert [item.concept_index for item in items] == expected.tolist()
            assert all(0 < item.relevance < 1 and item.reasons for item in items)


def test_the_encoder_moves_lists_and_what_is_usual_here(model):
    plain = with_parts(model, {s: replace(p, mixture=PLAIN) for s, p in model.scenarios.items()})
    assert (lists(model) != lists(plain)).any()
    usual, without = (Shop.of(each, "explore").usual for each in (model, plain))
    assert np.abs(usual - without).max() > 0.1
