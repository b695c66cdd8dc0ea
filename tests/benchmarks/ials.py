"""Matrix factorisation for implicit purchases by alternating least squares (Hu, Koren and Volinsky 2008).

What was bought counts with confidence c towards 1, everything else with 1 towards 0. Regularisation grows with
what a row or column weighs, ``lambda (n (c - 1) + N)^nu``: nu = 1 is what Rendle et al. (*Revisiting the Performance
of iALS*, 2022, section 3.1) found to make the method competitive, nu = 0 is the original and that of `implicit`.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tests.benchmarks.learners import Floats, Sample, Scorer, Setting, merged

ITERATIONS = 12
BATCH = 4_096


class Ials:
    """The learner: factors of the concepts; a customer's factors are solved for its history."""

    name = "iALS"
    random = True
    settings: Sequence[Setting] = tuple(
        {"factors": 32, "confidence": confidence, "lambda": lam, "nu": 1}
        for confidence in (5, 20)
        for lam in (0.003, 0.01, 0.03, 0.1)
    )

    def fit(self, samples: Sequence[Sample], setting: Setting, seed: int) -> dict[str, Scorer]:
        """Alternate from small random factors."""
        rows = merged(samples).rows
        start = np.random.default_rng(seed).normal(0, 0.1, (rows.shape[1], int(setting["factors"])))
        concepts = factorise(rows, start.astype(np.float32), setting, iterations=ITERATIONS)[1]
        return {self.name: lambda history: solve(history, concepts, setting) @ concepts.T}


def factorise(
    rows: sp.csr_matrix, concepts: Floats, setting: Setting, *, iterations: int
) -> tuple[Floats, Floats]:
    """Factors of customers and concepts, (customers, d) and (n_concepts, d), beginning from the ``concepts``."""
    columns = rows.T.tocsr()
    customers = solve(rows, concepts, setting)
    for _ in range(iterations - 1):
        concepts = solve(columns, customers, setting)
        customers = solve(rows, concepts, setting)
    return customers, solve(columns, customers, setting)


def solve(rows: sp.csr_matrix, factors: Floats, setting: Setting) -> Floats:
    """The best factors of every row for fixed ``factors`` of the columns.

    For a row with bought columns S: (F'F + (c - 1) sum over S of f f' + r I) x = c sum over S of f.

    >>> rows = sp.csr_matrix(np.array([[1.0, 0.0]], np.float32))
    >>> one = {"confidence": 3, "lambda": 1.0, "nu": 0}
    >>> solve(
    ...     rows, np.array([[1.0], [1.0]], np.float32), one
    ... )  # 3 * 1 / (2 + (3 - 1) + 1), not 3 / (1 + 2 + 1)
    array([[0.6]], dtype=float32)
    """
    width = factors.shape[1]
    upper = np.triu_indices(width)
    products = (factors[:, upper[0]] * factors[:, upper[1]]).astype(np.float32)
    everywhere = factors.T @ factors
    weight = setting["confidence"] - 1
    sizes = np.diff(rows.indptr).astype(np.float64)
    ridge = setting["lambda"] * (sizes * weight + rows.shape[1]) ** setting["nu"]
    found = np.empty((rows.shape[0], width), np.float32)
    for start in range(0, rows.shape[0], BATCH):
        some = rows[start : start + BATCH]
        found[start : start + BATCH] = _solved(
            _matrices(some @ products, upper, width) * weight + everywhere,
            ridge[start : start + BATCH],
            (some @ factors) * setting["confidence"],
        )
    return found


def _matrices(packed: Floats, upper: tuple[NDArray[np.int64], ...], width: int) -> Floats:
    full = np.zeros((len(packed), width, width), np.float32)
    full[:, upper[0], upper[1]] = packed
    full[:, upper[1], upper[0]] = packed
    return full


def _solved(matrices: Floats, ridge: NDArray[np.float64], right: Floats) -> Floats:
    at = np.arange(matrices.shape[1])
    matrices[:, at, at] += ridge[:, None].astype(np.float32)
    return np.linalg.solve(matrices, right[:, :, None])[:, :, 0].astype(np.float32)
