"""The residual against a numerical optimiser of what it says it minimises."""

import numpy as np
from scipy.optimize import minimize

from protocols.questions.ease import ease
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
