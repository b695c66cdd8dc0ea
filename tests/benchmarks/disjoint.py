"""The household-disjoint figure: federated scores without a customer's own rows at other companies.

The same household shops at several companies of this data set, so the sum contains a customer's own
rows from elsewhere. Here they are taken out exactly, customer by customer: with Y the (r, M) rows of
the household at the other companies and P = (G + lambda I)^-1, Woodbury gives
``P' = (G - Y^T Y + lambda I)^-1 = P + P Y^T (I - Y P Y^T)^-1 Y P``, and a concept j outside the history h
scores ``-(h P')_j / P'_jj``.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def inverse_of(gram: Floats, lam: float) -> Floats:
    """P = (G + lambda I)^-1."""
    return np.asarray(np.linalg.inv(gram + lam * np.eye(len(gram))), np.float64)


def scores(inverse: Floats, history: NDArray[np.float32], others: list[NDArray[np.float32]]) -> Floats:
    """Scores of every customer with its own household's other rows left out of the sum.

    Args:
        inverse: P of the whole sum, see :func:`inverse_of`.
        history: (customers, n_concepts), binary.
        others: for each customer, the (r, n_concepts) rows to leave out; r may be 0.

    Scores of concepts inside the history are not those of EASE and must not be used.

    >>> rng = np.random.default_rng(1)
    >>> rows = (rng.random((30, 5)) < 0.4).astype(np.float32)
    >>> whole = (rows.T @ rows).astype(float)
    >>> left = whole - np.outer(rows[3], rows[3])
    >>> p = np.linalg.inv(left + 2.0 * np.eye(5))
    >>> expected = -(rows[:1] @ p) / np.diag(p)
    >>> p = inverse_of(whole, 2.0)
    >>> got = scores(p, rows[:1], [rows[3:4]])
    >>> bool(np.allclose(got, expected)), bool(np.allclose(got, scores(p, rows[:1], [rows[:0]])))
    (True, False)
    """
    diagonal = np.diagonal(inverse)
    projected = history.astype(np.float64) @ inverse
    result = np.empty_like(projected)
    for u, rows in enumerate(others):
        if len(rows) == 0:
            result[u] = -projected[u] / diagonal
            continue
        y = rows.astype(np.float64)
        yp = np.stack([inverse[row > 0].sum(0) for row in rows])
        core = np.linalg.inv(np.eye(len(y)) - yp @ y.T)
        moved = projected[u] + (yp @ history[u]) @ core @ yp
        result[u] = -moved / (diagonal + ((core @ yp) * yp).sum(0))
    return result
