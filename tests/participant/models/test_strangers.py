"""Companies that have nothing in common: the exchange falls back to the own model, and never below it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from participant.models import SCENARIOS, Exchange, Windows, learn
from participant.models.blend import FEDERATED, gains
from participant.models.gram import WholeGram
from participant.models.holdout import hold_out
from tests.participant.models import test_exchange
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

WINDOWS = Windows(
    fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY, test_until=320 * DAY
)
M = len(CONCEPTS)
rows = cache(test_exchange.rows)


def sums(*, strange, seed=0, times=1):
    """Own rows and those of three others; ``strange``: each of them calls every concept by another one's name."""
    rng, made = np.random.default_rng(seed), []
    names = [rng.permutation(M) if strange else np.arange(M) for _ in range(3)]
    for until in (150 * DAY, 220 * DAY):
        parts = [
            rows(1, until),
            *(rows(other, until)[:, name] for other, name in zip((2, 3, 4), names, strict=True)),
        ]
        made.append(parts[0].T @ parts[0] + times * sum(each.T @ each for each in parts[1:]))
    return Exchange(
        fitted=WholeGram(matrix=made[0]),
        refitted=WholeGram(matrix=made[1]),
        lambdas={"explore": 100, "surprise": 100},
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


@pytest.fixture(scope="module")
def alone(records):
    return learn(records, VOCABULARY, windows=WINDOWS).model


@pytest.fixture(scope="module")
def among_strangers(records):
    """Models of one company in four consortia whose others are three times as many and mean something else."""
    made = [sums(strange=True, seed=seed, times=3) for seed in range(4)]
    return [learn(records, VOCABULARY, windows=WINDOWS, exchange=each).model for each in made]


def test_companies_alike_use_the_exchange(records):
    model = learn(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=False)).model
    assert {part.deployed for part in model.scenarios.values()} == {True}


def test_among_strangers_a_node_serves_its_own_model_to_the_bit_or_what_was_better(alone, among_strangers):
    history, kept = rows(5, 150 * DAY).astype(np.float32), 0
    for model in among_strangers:
        for scenario, part in model.scenarios.items():
            assert part.verdict.federated.mean < part.verdict.local.mean
            assert part.verdict.blend.mean > part.verdict.local.mean or not part.deployed
            assert part.mix.local > 0
            if not part.deployed:
                kept += 1
                served, own = (each.matrix_scores(scenario, history, history == 0) for each in (model, alone))
                np.testing.assert_array_equal(served, own)
    assert kept >= 6  # of eight


def test_without_the_gate_strangers_would_be_served_below_the_own_model(records, alone, among_strangers):
    later = hold_out(
        records,
        VOCABULARY,
        history_until=WINDOWS.validation_until,
        target_until=WINDOWS.test_until,
        customers_until=WINDOWS.customers_until,
    )
    for scenario in SCENARIOS:
        candidates = later.candidates(scenario)

        def mean(model, scenario=scenario, candidates=candidates):
            return gains(later, scenario, model.matrix_scores(scenario, later.history, candidates)).mean()

        own = mean(alone)
        assert np.mean([mean(ungated(model)) for model in among_strangers]) < own - 0.02
        assert np.mean([mean(model) for model in among_strangers]) > own - 0.005


def ungated(model):
    """The same model with the plain release in use, whatever the gate said."""
    parts = {
        name: replace(part, mix=FEDERATED, verdict=replace(part.verdict, deployed=True))
        for name, part in model.scenarios.items()
    }
    return replace(model, scenarios=parts)
