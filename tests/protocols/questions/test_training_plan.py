"""Planning a training under noise: what the rounds cost together, as the ledger would add it up."""

import math
from fractions import Fraction

import pytest

from protocols.errors import BadInput
from protocols.privacy import Price
from protocols.questions import ask, price
from protocols.questions.training_plan import plan_training
from protocols.vocabulary import Vocabulary

WORDS = Vocabulary.of("words", ["BREAD", "MILK", "TEA"])
GIVEN = {"weights": 10_000, "customers": 50_000, "members": 5, "wanted": 2.0, "cap": 100_000}


def ledgers(found):
    """What the ledger adds up when each round is asked with the planned noise."""
    typed = {
        "taste": "00" * 32, "until": 9, "hidden": 2, "latent": 1, "mode": "gradient", "noise": found.noise,
        "sample": round(found.sample * 1_000_000),
    }  # fmt: skip
    one = price(ask([("encoder", typed)], WORDS, members=5, epoch="1"), 3)
    total = one
    for _ in range(found.rounds - 1):
        total += one
    return total


@pytest.mark.parametrize(("rounds", "sample"), [(1, 1.0), (10, 1.0), (10, 0.02)])
def test_rounds_with_the_planned_noise_cost_in_the_ledger_what_was_planned(rounds, sample):
    found = plan_training(**GIVEN, rounds=rounds, sample=sample)
    together = ledgers(found)
    assert isinstance(together, Price)
    assert 1.85 < together.epsilon <= 2.0
    assert together.epsilon == pytest.approx(found.epsilon, abs=0.01)


def test_a_sample_needs_less_noise_for_the_same_epsilon_and_leaves_less_to_hear():
    everybody = plan_training(**GIVEN, rounds=10, sample=1.0)
    few = plan_training(**GIVEN, rounds=10, sample=0.02)
    assert float(few.noise) < float(everybody.noise) / 4
    assert few.drowned > everybody.drowned
    expected = float(Fraction(few.noise)) * math.sqrt(10_000 * 5) / (50_000 * 0.02)
    assert few.drowned == pytest.approx(expected)


@pytest.mark.parametrize("change", [{"rounds": 0}, {"sample": 0.0}, {"sample": 1.5}, {"wanted": 0.0}])
def test_a_training_of_nothing_cannot_be_planned(change):
    with pytest.raises(BadInput):
        plan_training(**{**GIVEN, "rounds": 5, "sample": 0.5, **change})
