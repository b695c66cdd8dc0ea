"""Two releases with one member changed: what their difference shows, and what the node's rule refuses."""

from itertools import combinations

import numpy as np

from protocols.errors import DifferencingRefused
from protocols.identity import PartnerId
from protocols.policy import Policy, check_differencing, threshold
from tests.benchmarks.leak_rows import MULTIPLIERS, Floats, Json, Rows, unit

CONCEPTS = 555
"""The quarter of the concepts with most buyers."""


def measure(members: list[Rows], seed: int) -> list[Json]:
    """The last company leaves between two releases of the same weeks: the errors of its matrix, cell by cell."""
    kept = np.argsort(-sum(m.sum(0) for m in members), kind="stable")[:CONCEPTS]
    found: list[Json] = []
    for scheme in ("binary", "unit"):
        grams = [_gram((unit(m) if scheme == "unit" else m)[:, kept]) for m in members]
        first, second, truth = sum(grams), sum(grams[:-1]), grams[-1]
        guess = np.mean(grams[:-1], axis=0) * len(members[-1]) / np.mean([len(m) for m in members[:-1]])
        base = float(np.linalg.norm(guess - truth) / np.linalg.norm(truth))
        for epsilon, multiplier in ((None, 0.0), *MULTIPLIERS.items()):
            if epsilon and scheme == "binary":
                continue
            rng = np.random.default_rng(seed)
            noisy = multiplier * (
                np.sqrt(len(members)) * _noise(rng) - np.sqrt(len(members) - 1) * _noise(rng)
            )
            recovered = first - second + noisy
            found.append(
                {
                    "rows": scheme,
                    "epsilon": epsilon,
                    "relative_error": float(np.linalg.norm(recovered - truth) / np.linalg.norm(truth)),
                    "largest_cell_error": float(np.abs(recovered - truth).max()),
                    "buyers_error": _error(np.diagonal(recovered), np.diagonal(truth)),
                    "baseline_relative_error": base,
                    "baseline_largest_cell_error": float(np.abs(guess - truth).max()),
                    "baseline_buyers_error": _error(np.diagonal(guess), np.diagonal(truth)),
                }
            )
    return found


def refusals() -> list[Json]:
    """Of all later survivor sets after a release of the whole cohort: how many a default node refuses, by change."""
    found: list[Json] = []
    for n in (4, 5, 7, 10):
        everybody = [PartnerId(bytes([i]) * 16) for i in range(n)]
        policy = Policy(questions=("taste",))
        for gone in range(1, n - threshold(n) + 1):
            sets = [set(everybody) - set(left) for left in combinations(everybody, gone)]
            refused = sum(_refused(policy, one, everybody) for one in sets)
            found.append(
                {
                    "companies": n,
                    "change": "gone",
                    "changed": gone,
                    "sets": len(sets),
                    "refused": refused,
                    "d": policy.differencing(n),
                }
            )
        others = [PartnerId(bytes([100 + i]) * 16) for i in range(n)]
        for new in range(1, n):
            one = set(everybody[new:]) | set(others[:new])
            found.append(
                {
                    "companies": n,
                    "change": "replaced",
                    "changed": 2 * new,
                    "sets": 1,
                    "refused": int(_refused(policy, one, everybody)),
                    "d": policy.differencing(n),
                }
            )
    return found


def _refused(policy: Policy, survivors: set[PartnerId], before: list[PartnerId]) -> bool:
    try:
        check_differencing(policy, survivors, [before], members=len(before))
    except DifferencingRefused:
        return True
    return False


def _gram(rows: Rows) -> Floats:
    wide = rows.astype(np.float64)
    return np.asarray(wide.T @ wide)


def _noise(rng: np.random.Generator) -> Floats:
    """Deviation 1 on the diagonal, 1 / sqrt(2) off it."""
    upper = np.triu(rng.standard_normal((CONCEPTS, CONCEPTS)), 1) / np.sqrt(2)
    return np.asarray(upper + upper.T + np.diag(rng.standard_normal(CONCEPTS)))


def _error(guess: Floats, truth: Floats) -> float:
    return float(np.abs(guess - truth).sum() / truth.sum())
