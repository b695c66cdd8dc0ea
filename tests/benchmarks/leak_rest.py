"""Is this customer in the rest of the sum? A member subtracts its own answer and attacks what is left.

The attacker knows its own contribution exactly, noise included: it drew that itself. What remains is the sum of
the n - 1 others with the noise of each. The attack is that of `leak_members.py`; what is new is whose sum it is
(real companies, of which each account is a customer by a fair coin), how much noise is in it, and an attacker who
knows a household only from its own shop.

* *own cells*, *all rows known*: as there; the attacker has what the target bought at the other company.
* *own shop's row*: the attacker has what the household bought at its own shop and asks whether it is a customer
  of any other company. Of the likelihood ratio it can only make the half that needs no row of the target
  elsewhere: how unusual the cells are beside shadow releases without it (the offline attack of Carlini et al.
  2022, section VI.A). Members are whole households here.
* *activity*: the same question answered by how much the household buys at the attacker's own shop.

With a cap, customers beyond it are not counted: they are customers, and no attack on this sum can find them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from tests.benchmarks.leak_members import (
    ATTACKED,
    SHADOWS,
    TINY,
    bounds,
    likelihood_ratios,
    offline_ratios,
    says,
)
from tests.benchmarks.leak_rows import Floats, Json, Rows, releases, unit
from tests.benchmarks.oracle import OracleCompany

Bools = NDArray[np.bool_]
Found = tuple[str, str, Json]
"""Release, attacker, how well it did."""

GAMES = 5
"""Each with another seed and, as far as there are so many, another company as the attacker."""
DRAWN = SHADOWS + ATTACKED
ANY = "any"
"""The release of an attacker who needs none."""
HOUSEHOLDS = ("own shop's row", "activity")
"""Attackers of whole households, of which a claim for one account says nothing."""


def measure(members: list[OracleCompany], seed: int) -> list[Json]:
    """Every attacker at every kind of release; deviation over games."""
    companies, claims = len(members), {each.name: each.epsilon for each in releases()}
    games: dict[tuple[str, str], list[Json]] = {}
    for game in range(GAMES):
        rng = np.random.default_rng([seed, companies, game])
        own = members[game % companies]
        others = [member for member in members if member is not own]
        for release, attacker, found in (*_accounts(others, rng), *_households(own, others, rng)):
            games.setdefault((release, attacker), []).append(found)
    return [
        {"companies": companies, "release": release, "attacker": attacker, "games": GAMES}
        | {
            name: value
            for measured in ("auc", "true_positive_rate", "customers")
            for name, value in _over(measured, found)
        }
        | ({} if attacker in HOUSEHOLDS else bounds(claims[release], companies - 1))
        for (release, attacker), found in games.items()
    ]


def _accounts(others: list[OracleCompany], rng: np.random.Generator) -> Iterator[Found]:
    """Attackers who know what the target bought at the other company."""
    rows = np.concatenate([other.full for other in others])
    customers = rng.random((len(rows), DRAWN)) < 0.5
    sums = _sums(customers, others, rng)
    for scheme in ("binary", "unit"):
        kernel = _kernel(rows, rows, scheme)
        drawn = _noise(kernel, rng)
        for release in (each for each in releases() if each.scheme == scheme):
            counted = sums[release.cap]
            sigma = release.multiplier * np.sqrt(len(others))
            seen = kernel @ (counted - counted.mean()) + sigma * drawn
            score = offline_ratios if release.cap else likelihood_ratios
            for attacker, statistic in (
                ("own cells", seen),
                ("all rows known", _estimate(kernel, seen, sigma, float(counted.mean()))),
            ):
                found = says(score(statistic, counted), customers)
                yield release.name, attacker, found | {"customers": float(counted.sum(0).mean())}


def _households(own: OracleCompany, others: list[OracleCompany], rng: np.random.Generator) -> Iterator[Found]:
    """An attacker who knows its own customers and asks who of them is a customer of others, too."""
    rows, owners = np.concatenate([o.full for o in others]), np.concatenate([o.households for o in others])
    everybody = np.unique(owners)
    drawn = rng.random((len(everybody), DRAWN)) < 0.5
    customers = drawn[np.searchsorted(everybody, owners)]
    sums = _sums(customers, others, rng)
    known = np.isin(own.households, everybody)
    asked = own.full[known]
    members = drawn[np.searchsorted(everybody, own.households[known])]
    activity = np.repeat(asked.sum(1)[:, None], ATTACKED, 1)
    yield ANY, "activity", says(activity, members) | {"customers": float(customers.sum(0).mean())}
    for scheme in ("binary", "unit"):
        across = _kernel(asked, rows, scheme)
        noise = _noise(_kernel(asked, asked, scheme), rng)
        for release in (each for each in releases() if each.scheme == scheme):
            counted = sums[release.cap]
            seen = across @ (counted - counted.mean()) + release.multiplier * np.sqrt(len(others)) * noise
            found = says(offline_ratios(seen, members), members)
            yield release.name, "own shop's row", found | {"customers": float(counted.sum(0).mean())}


def _sums(customers: Bools, others: list[OracleCompany], rng: np.random.Generator) -> dict[int, Bools]:
    """By cap, who of the customers is in the sum: a sample of so many at each company."""
    found = {0: customers}
    for cap in {each.cap for each in releases()} - {0}:
        places = np.split(np.arange(len(customers)), np.cumsum([len(other.full) for other in others])[:-1])
        turn = np.where(customers, rng.random(customers.shape), 2.0)
        first = [np.argsort(np.argsort(turn[place], 0), 0) < cap for place in places]
        found[cap] = customers & np.concatenate(first)
    return found


def _kernel(left: Rows, right: Rows, scheme: str) -> Floats:
    """<x x^T, y y^T> = (x . y)^2 for all pairs."""
    form = unit if scheme == "unit" else np.asarray
    return np.asarray((form(left) @ form(right).T) ** 2, np.float64)


def _noise(kernel: Floats, rng: np.random.Generator) -> Floats:
    """What noise of deviation 1 in every direction of the matrix is in the statistics <x x^T, G>."""
    root = np.linalg.cholesky(kernel + TINY * np.eye(len(kernel)))
    return np.asarray(root @ rng.standard_normal((len(kernel), DRAWN)))


def _estimate(kernel: Floats, seen: Floats, sigma: float, chance: float) -> Floats:
    """The best linear estimate of every account's presence, each in by ``chance``, up to a factor."""
    matrix = chance * (1 - chance) * kernel
    matrix[np.diag_indices_from(matrix)] += sigma**2 + TINY
    return np.asarray(cho_solve(cho_factor(matrix, overwrite_a=True), seen))


def _over(name: str, games: list[Json]) -> Iterator[tuple[str, object]]:
    values = np.array([game[name] for game in games], np.float64)
    yield name, float(values.mean())
    if name != "customers":
        yield f"{name}_spread", float(values.std(ddof=1))
        yield f"{name}_range", [float(values.min()), float(values.max())]
