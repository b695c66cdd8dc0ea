"""Companies that have nothing in common: the exchange falls back to the own model, and never below it."""

from dataclasses import replace

import numpy as np
import pytest

from participant.models import SCENARIOS, Exchange, Windows, learn
from participant.models.blend import gains
from participant.models.holdout import hold_out
from participant.surprise import train
from tests.participant.models.test_exchange import rows
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

WINDOWS = Windows(
    fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY, test_until=320 * DAY
)
M = len(CONCEPTS)


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
    return Exchange(fitted=made[0], refitted=made[1], lambdas={"explore": 100, "surprise": 100})


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


@pytest.fixture(scope="module")
def alone(records):
    return train(records, VOCABULARY, windows=WINDOWS)


def test_companies_alike_use_the_exchange(records):
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=False))
    assert {part.deployed for part in model.scenarios.values()} == {True}


@pytest.mark.parametrize("seed", range(4))
def test_among_strangers_a_node_serves_its_own_model_to_the_bit(records, alone, seed):
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=True, seed=seed, times=3))
    history = rows(5, 150 * DAY).astype(np.float32)
    for scenario, part in model.scenarios.items():
        assert part.verdict.federated.mean < part.verdict.local.mean
        assert not part.deployed
        np.testing.assert_array_equal(
            model.matrix_scores(scenario, history, history == 0),
            alone.matrix_scores(scenario, history, history == 0),
        )


def test_whatever_is_served_is_not_below_the_own_model_on_the_weeks_that_were_judged(records):
    deployed = 0
    for seed in range(4):
        found = learn(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=True, seed=seed))
        for part in found.model.scenarios.values():
            deployed += part.deployed
            assert part.verdict.blend.mean > part.verdict.local.mean or not part.deployed
    alike = learn(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=False)).model
    assert deployed < sum(part.deployed for part in alike.scenarios.values()) * 4


def test_a_gate_that_lets_everything_through_would_serve_strangers_below_the_own_model(records, alone):
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=sums(strange=True, times=3))
    later = hold_out(
        records,
        VOCABULARY,
        history_until=WINDOWS.validation_until,
        target_until=WINDOWS.test_until,
        customers_until=WINDOWS.customers_until,
    )
    for scenario in SCENARIOS:
        part, candidates = model.scenarios[scenario], later.candidates(scenario)
        forced = replace(part, verdict=replace(part.verdict, deployed=True))
        open_gate = replace(model, scenarios={**model.scenarios, scenario: forced})
        kept, own, lost = (
            gains(later, scenario, each.matrix_scores(scenario, later.history, candidates)).mean()
            for each in (model, alone, open_gate)
        )
        assert kept == own
        assert lost < own
