"""What a round's evaluation asks apart is what it would have been told at once, and what is known is not asked again."""

import numpy as np
import pytest

from participant.store.records_rows import RowBatch
from protocols.questions.network import Network, Shape
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL
from tests.benchmarks.encoder_side import Remembered, Side

CONCEPTS = 40
TASTE, ROUND = b"a" * 32, b"r" * 32
MIXES = "100:0:0,0:100:0,100:30:60,0:0:100,0:100:0:5"


class Shop:
    """Made-up customers who buy at random; counts how often they are read."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.before, self.after = (rng.random((70, CONCEPTS)) < share for share in (0.2, 0.1))
        self.reads = 0

    def taste_rows(self, _vocabulary, *, since, until, **_asked):
        self.reads += 1
        rows = self.after if since else self.before
        rows = rows if until > since else np.zeros_like(rows)
        owner, concept = np.nonzero(rows)
        yield RowBatch(
            customer_keys=np.arange(len(rows)),
            indptr=np.searchsorted(owner, np.arange(len(rows) + 1)),
            indices=concept,
            counts=np.ones_like(concept),
        )


class Chain:
    """One network, whatever the round."""

    def network(self, _release, n_concepts):
        shape = Shape(concepts=n_concepts, hidden=6, latent=3)
        weights = np.random.default_rng(0).standard_normal(shape.size).astype(np.float32)
        return Network(shape=shape, weights=weights)


@pytest.fixture
def shops():
    return [Shop(seed) for seed in range(3)]


@pytest.fixture
def side(shops, tmp_path):
    gram = np.sum([(shop.before.T.astype(float) @ shop.before) for shop in shops], axis=0)
    made = Side(
        name="made up",
        answering=[],
        grams={TASTE: gram},
        vocabulary=Vocabulary.of("made up", (f"{each:02d}" for each in range(CONCEPTS))),
        folder=tmp_path,
        seed=0,
    )
    made.chain = Chain()
    return made


def test_mixtures_asked_apart_have_the_means_and_the_order_of_all_asked_at_once(side, shops):
    apart = side.evaluate(TASTE, ROUND, shops, lambdas=(10, 100), mixes=MIXES)
    asked = {
        "release": TASTE.hex(),
        "encoder": ROUND.hex(),
        "mixes": MIXES,
        "lambdas": [10, 100],
        "history_until": FIT_UNTIL,
        "target_until": VALIDATION_UNTIL,
    }
    assert apart == side._evaluated(TASTE, asked, shops)
    assert len(set(apart.explore.means)) == 8  # ten settings; two mixtures have no EASE in them


def test_mixtures_without_the_encoder_are_asked_about_once_and_rows_are_read_once(side, shops, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Side, "_sum", lambda *given, ask=Side._sum: asked.append(given[2]["mixes"]) or ask(*given)
    )
    members = [Remembered(shop) for shop in shops]
    first, second = (side.evaluate(TASTE, ROUND, members, lambdas=(10,), mixes=MIXES) for _ in range(2))
    assert first == second
    assert asked == ["0:100:0,0:0:100,0:100:0:5", "100:0:0,100:30:60", "100:0:0,100:30:60"]
    assert [shop.reads for shop in shops] == [2, 2, 2]  # history and targets
