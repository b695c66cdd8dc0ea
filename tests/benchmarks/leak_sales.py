"""What a member learns of another company from the sum minus its own answer: what it sells, and how much.

The attacker is one member, or two together. It subtracts its own answer, noise included, and sees the sum of
the others. Of each concept it takes the diagonal cell, and the sum over the concept's row weighted by how
often its own customers buy the other concept: under noise that says more. Noise in a weighted row is drawn
anew for each concept; the one cell that two rows share is left out of account.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.leak_rows import Floats, Json, Release, Rows, auc, releases, unit

Bools = NDArray[np.bool_]
RIDGE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What the attacker has of every concept: evidence of the others in deviations of the noise or in
    customers, estimated buyers of all others together, and what the estimate's noise is."""

    diagonal: Floats
    weighted: Floats
    buyers: Floats
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """Of one row scheme, each company's diagonal, row sums, and rows weighted for every attacker.

    Shapes (companies, n_concepts) and, ``weighted``, (companies, n_concepts, attackers).
    """

    diagonal: Floats
    row_sums: Floats
    weights: Floats
    weighted: Floats
    counted: list[int]


def measure(companies: int, members: list[Rows]) -> list[Json]:
    """Every attacker against every other company, at every kind of release."""
    found: list[Json] = []
    for colluders in (1, 2):
        groups = _groups(companies, colluders)
        answers: dict[tuple[str, int], Answers] = {}
        for release in releases():
            asked = release.scheme, release.cap
            answers.setdefault(asked, _answers(members, groups, *asked))
            rng = np.random.default_rng(companies)
            pairs = [
                one
                for place, group in enumerate(groups)
                for one in _attack(members, answers[asked], group, place, release, rng)
            ]
            said = {"companies": companies, "colluders": colluders, "release": release.name}
            found.append({**said, **_mean(pairs)})
    return found


def _groups(companies: int, colluders: int) -> list[tuple[int, ...]]:
    """At most ten attackers or pairs of them."""
    groups = list(combinations(range(companies), colluders))
    return groups[:: -(-len(groups) // 10)]


def _answers(members: list[Rows], groups: list[tuple[int, ...]], scheme: str, cap: int) -> Answers:
    rng = np.random.default_rng(len(members))
    form = unit if scheme == "unit" else np.asarray
    owned = np.stack([sum(form(members[i]).sum(0) for i in group) for group in groups], 1)
    weights = owned / np.linalg.norm(owned, axis=0)
    counted = [form(rows[rng.permutation(len(rows))[:cap]] if cap else rows) for rows in members]
    return Answers(
        diagonal=np.stack([(q**2).sum(0) for q in counted]).astype(np.float64),
        row_sums=np.stack([q.T @ q.sum(1) for q in counted]).astype(np.float64),
        weights=weights.astype(np.float64),
        weighted=np.stack([q.T @ (q @ weights) for q in counted]).astype(np.float64),
        counted=[len(q) for q in counted],
    )


def _attack(
    members: list[Rows],
    answers: Answers,
    group: tuple[int, ...],
    place: int,
    release: Release,
    rng: np.random.Generator,
) -> Iterator[dict[str, float]]:
    own, own_size = sum(members[i].sum(0) for i in group), sum(len(members[i]) for i in group)
    others = [i for i in range(len(members)) if i not in group]
    sizes = {i: len(members[i]) for i in others}
    seen = _look(answers, sizes, group, place, own, release, rng)
    for target in others:
        volume = members[target].sum(0)
        yield {
            **_sold(seen, own, volume > 0, np.random.default_rng(target)),
            **_volume(seen, own, own_size, volume, sizes, target),
        }


def _look(
    answers: Answers,
    sizes: dict[int, int],
    group: tuple[int, ...],
    place: int,
    own: Rows,
    release: Release,
    rng: np.random.Generator,
) -> Seen:
    """The sum of the others, of whom ``sizes`` are public, as the attacker reads it."""
    others = list(sizes)
    sigma = release.multiplier * np.sqrt(len(others))
    spread = sigma / np.sqrt(2) * np.sqrt(1 + answers.weights[:, place] ** 2)
    diagonal = answers.diagonal[others].sum(0) + sigma * rng.standard_normal(len(own))
    weighted = answers.weighted[others, :, place].sum(0) + spread * rng.standard_normal(len(own))
    buyers, deviation = diagonal, 0.0
    if release.cap:  # a sample of every company's customers, scaled up
        scale = sum(sizes.values()) / sum(answers.counted[i] for i in others)
        buyers = diagonal * scale
        deviation = float(np.sqrt((scale - 1) * buyers.mean()))
    if release.scheme == "unit" and not sigma:
        buyers = answers.row_sums[others].sum(0)  # x_i |x|_1 / |x|^2 = x_i: dividing rows hides no count
    elif sigma:
        ratio = float(own.sum() / answers.weighted[list(group), :, place].sum())
        buyers, deviation = weighted * ratio, float(sigma / np.sqrt(2) * ratio)
    loud = max(float(sigma), 1.0) if sigma else 1.0
    return Seen(diagonal=diagonal / loud, weighted=weighted / loud, buyers=buyers, deviation=deviation)


def _sold(seen: Seen, own: Rows, label: Bools, rng: np.random.Generator) -> dict[str, float]:
    """AUC of "sold by this company", on the half of the concepts of which the attacker does not know it.

    It knows it of the other half, from the shelves, and learns from these how to weigh its evidence.
    """
    known = rng.random(len(label)) < 0.5
    prior = np.stack([np.log1p(own), own > 0], 1).astype(np.float64)
    evidence = np.stack([np.arcsinh(seen.diagonal), np.arcsinh(seen.weighted), seen.diagonal > 1e-9], 1)
    best = {
        name: auc(_logistic(features, label, known)[~known], label[~known])
        for name, features in (("without", prior), ("with", np.concatenate([prior, evidence], 1)))
    }
    return {
        "sold_auc": best["with"],
        "sold_auc_without_the_sum": best["without"],
        "sold_auc_own_popularity": auc(own, label),
        "sold_share": float(label.mean()),
    }


def _logistic(features: Floats, label: Bools, known: Bools) -> Floats:
    """Scores of a ridge-penalised logistic regression fitted on ``known`` by Newton's steps."""
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-9)
    design = np.concatenate([np.ones((len(label), 1)), scaled], 1)
    fit, target, beta = design[known], label[known].astype(np.float64), np.zeros(design.shape[1])
    for _ in range(8):
        chance = 1 / (1 + np.exp(-np.clip(fit @ beta, -30, 30)))
        slope = fit.T @ (target - chance) - RIDGE * beta
        curve = (fit * (chance * (1 - chance))[:, None]).T @ fit + RIDGE * np.eye(len(beta))
        beta = beta + np.linalg.solve(curve, slope)
    return np.asarray(design @ beta)


def _volume(
    seen: Seen, own: Rows, own_size: int, volume: Rows, sizes: dict[int, int], target: int
) -> dict[str, float]:
    """Errors of guessed buyers by concept, as shares of all: sum |guess - truth| / sum truth."""
    share = sizes[target] / sum(sizes.values())
    mine = own.astype(np.float64) * sizes[target] / own_size
    theirs = seen.buyers * share
    gap = float(((theirs - mine) ** 2).mean())
    noise = (seen.deviation * share) ** 2
    trust = max(0.0, gap - noise) / gap if gap else 1.0
    mixed = np.maximum(mine + trust * (theirs - mine), 0)
    return {
        "volume_error_equal_parts": _error(seen.buyers / len(sizes), volume),
        "volume_error_by_size": _error(theirs, volume),
        "volume_error_with_own": _error(mixed, volume),
        "volume_error_own_only": _error(mine, volume),
    }


def _error(guess: Floats, truth: Rows) -> float:
    return float(np.abs(guess - truth).sum() / truth.sum())


def _mean(pairs: list[dict[str, float]]) -> Json:
    return {
        "pairs": len(pairs),
        **{name: float(np.mean([one[name] for one in pairs])) for name in pairs[0]},
        "range": {
            name: [min(one[name] for one in pairs), max(one[name] for one in pairs)] for name in pairs[0]
        },
    }
