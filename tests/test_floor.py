"""What the trials of own models and releases rest on: the residual, the folds, the strangers and the tilt."""

import numpy as np
from scipy.optimize import minimize

from participant.models.gate import PRIOR_CUSTOMERS, holds_up
from protocols.questions.ease import ease
from tests.benchmarks.cases import strangers
from tests.benchmarks.few_customers import counting
from tests.benchmarks.floor_company import crossed, highest
from tests.benchmarks.purchases import Lines
from tests.benchmarks.residual import residual


def some_rows(customers, concepts, seed):
    return (np.random.default_rng(seed).random((customers, concepts)) < 0.3).astype(np.float64)


def test_the_residual_is_what_a_numerical_optimiser_finds():
    n, lam = 7, 20.0
    rows, others, free = some_rows(60, n, 5), some_rows(90, n, 6), ~np.eye(n, dtype=bool)
    towards = ease(others.T @ others, 10.0)

    def loss_and_slope(entries):
        weights = np.zeros((n, n))
        weights[free] = entries
        missed, moved = rows - rows @ weights, weights - towards
        slope = 2 * (lam * moved - rows.T @ missed)
        return (missed**2).sum() + lam * (moved**2).sum(), slope[free]

    found = minimize(loss_and_slope, np.zeros(n * (n - 1)), jac=True, method="BFGS", options={"gtol": 1e-7})
    weights = residual(rows.T @ rows, lam, towards)
    np.testing.assert_allclose(weights[free], found.x, atol=1e-5)
    assert np.abs(weights - ease(rows.T @ rows, lam)).max() > 0.01
    assert np.abs(weights - towards).max() > 0.01


def test_the_residual_goes_from_the_own_model_to_the_one_that_it_is_drawn_towards():
    rows, others = some_rows(200, 50, 8), some_rows(200, 50, 9)
    gram, towards = rows.T @ rows, ease(others.T @ others, 30.0)
    np.testing.assert_allclose(residual(gram, 50.0, np.zeros_like(towards)), ease(gram, 50.0), atol=1e-7)
    np.testing.assert_allclose(residual(gram, 1e9, towards), towards, atol=1e-4)


def test_a_lucky_choice_is_not_judged_by_those_who_made_it():
    rng = np.random.default_rng(1)
    table = {(float(place), 0, 0): rng.random(500) for place in range(200)}
    assert table[highest(table)].mean() > 0.52
    assert abs(crossed(table, highest).mean() - 0.5) < 0.03
    table[300.0, 0, 0] = rng.random(500) + 0.5
    np.testing.assert_array_equal(crossed(table, highest), table[300.0, 0, 0])


def test_strangers_keep_their_rows_and_say_other_names():
    company = np.repeat(["a", "b"], 40)
    customer, concept = np.tile(np.repeat(list("1234"), 10), 2), np.tile(list("abcdefghij"), 8)
    lines = Lines(company=company, customer=customer, concept=concept, window=np.zeros(80, np.int64))
    found = strangers(lines, frozenset("b"))
    assert (found.concept[:40] == lines.concept[:40]).all()
    assert (found.concept[40:] != lines.concept[40:]).any()
    renamed = dict(zip(lines.concept[40:], found.concept[40:], strict=True))
    assert sorted(renamed.values()) == sorted(renamed)
    assert [renamed[each] for each in lines.concept[40:]] == found.concept[40:].tolist()


def test_the_rule_that_was_measured_is_the_gates_own():
    drawn = np.random.default_rng(3)
    for customers in (2, 15, 60, 600):
        for mean in (-0.05, -0.01, 0.01, 0.05):
            difference, prior = drawn.normal(mean, 0.12, customers), drawn.normal(0, 0.03)
            assert counting(PRIOR_CUSTOMERS)(difference, prior) == holds_up(difference, prior)
