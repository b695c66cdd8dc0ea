"""Is this customer in the release? Membership inference by likelihood ratios with shadow releases.

LiRA (Carlini et al. 2022), adapted to a sum: shadow releases of customers drawn from the same population,
with and without the target, give a Gaussian of a statistic for "in" and one for "out"; the attacker's score
is the logarithm of their ratio at the attacked release. All other companies collude and subtract their
answers and their noise, so that one company's customers and noise are left: more than nodes allow.
Statistics of the target's row x, with g = x x^T:

* *own cells*: the released cells of the target weighted by its row, <g, G>;
* *all rows known*: the best linear estimate of the target's presence by an attacker who has the row of
  everybody who may be in it, half of whom are. Without noise that is a system of equations: a solution.

Both need only K = <g_k, g_l> = (x_k . x_l)^2, because noise of deviation s in every direction of the matrix
is N(0, s^2 K) in the statistics <g_k, G>.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.benchmarks import oracle
from tests.benchmarks.leak_rows import DELTA, MULTIPLIERS, Floats, Json, Rows, auc, unit

SHADOWS, ATTACKED, BLOCKS = 64, 64, 4
"""Releases to learn from, releases to attack, and parts of these for the spread."""
ALARMS = 0.001
TINY = 1e-4


def measure(sizes: dict[str, int], everybody: Rows, seed: int) -> list[Json]:
    """Both attackers at every epsilon, for companies of the given numbers of customers."""
    found: list[Json] = []
    for company, customers in sizes.items():
        rng = np.random.default_rng(seed)
        chosen = everybody[rng.permutation(len(everybody))[: 2 * customers]]
        for scheme in ("binary", "unit"):
            said = {"company": company, "customers": customers, "rows": scheme}
            found += [{**said, **one} for one in _game(chosen, scheme, rng)]
    return found


def activity(members: list[oracle.OracleCompany]) -> list[Json]:
    """The guess that needs no release: a company's heavy buyers are customers of another one, too.

    Households have the same ids everywhere in this data set, which no company could know.
    """
    found = [
        auc(one.full.sum(1), np.isin(one.households, other.households))
        for one in members
        for other in members
        if other is not one
    ]
    return [{"auc": float(np.mean(found)), "lowest": min(found), "highest": max(found), "pairs": len(found)}]


def _game(population: Rows, scheme: str, rng: np.random.Generator) -> Iterator[Json]:
    rows = unit(population) if scheme == "unit" else population
    kernel = ((rows @ rows.T) ** 2).astype(np.float64)
    root = np.linalg.cholesky(kernel + TINY * np.eye(len(kernel)))
    releases = SHADOWS + ATTACKED
    present = np.zeros((len(rows), releases), bool)
    for release in range(releases):
        present[rng.permutation(len(rows))[: len(rows) // 2], release] = True
    clean = kernel @ (present - 0.5)
    drawn = root @ rng.standard_normal((len(rows), releases))
    if scheme == "unit":
        active = np.tile(population.sum(1)[:, None], (1, ATTACKED))
        yield {"epsilon": None, "attacker": "activity", **says(active, present)}
    noise = MULTIPLIERS.items() if scheme == "unit" else ()
    for epsilon, sigma in (None, 0.0), *noise:
        seen = clean + sigma * drawn
        estimate = np.linalg.solve(kernel / 4 + (sigma**2 + TINY) * np.eye(len(kernel)), seen)
        for attacker, statistic in (("own cells", seen), ("all rows known", estimate)):
            said = says(likelihood_ratios(statistic, present), present)
            yield {"epsilon": epsilon, "attacker": attacker, **said, **bounds(epsilon, 1)}


def likelihood_ratios(statistic: Floats, present: NDArray[np.bool_]) -> Floats:
    """log p(in) - log p(out) of the attacked releases, target by target, from Gaussians of the shadows."""
    shadow, inside = statistic[:, :SHADOWS], present[:, :SHADOWS]
    means, spreads = [], []
    for group in (inside, ~inside):
        count = group.sum(1)
        mean = (shadow * group).sum(1) / count
        means.append(mean[:, None])
        spreads.append((((shadow - mean[:, None]) ** 2) * group).sum(1))
    deviation = np.sqrt(sum(spreads) / (SHADOWS - 2))[:, None] + 1e-12
    here = statistic[:, SHADOWS:]
    away_in, away_out = ((here - mean) / deviation for mean in means)
    return np.asarray((away_out**2 - away_in**2) / 2)


def says(score: Floats, present: NDArray[np.bool_]) -> Json:
    """AUC and the rate of finds at a thousandth of false alarms, with the deviation over parts of the releases."""
    member = present[:, SHADOWS:]
    parts = np.array_split(np.arange(ATTACKED), BLOCKS)
    rates = [_finds(score[:, part], member[:, part]) for part in parts]
    areas = [auc(score[:, part].ravel(), member[:, part].ravel()) for part in parts]
    return {
        "auc": float(np.mean(areas)),
        "auc_spread": float(np.std(areas, ddof=1)),
        "true_positive_rate": float(np.mean(rates)),
        "true_positive_rate_spread": float(np.std(rates, ddof=1)),
        "false_positive_rate": ALARMS,
        "trials": int(member.size),
        "roc": _curve(score, member),
    }


def _finds(score: Floats, member: NDArray[np.bool_]) -> float:
    """True positives at the lowest threshold with at most a thousandth of false alarms."""
    out = np.sort(score[~member])[::-1]
    return float((score[member] > out[int(ALARMS * len(out))]).mean())


def _curve(score: Floats, member: NDArray[np.bool_]) -> list[list[float]]:
    """Points (false positive rate, true positive rate)."""
    out = np.sort(score[~member])[::-1]
    places = [int(rate * len(out)) for rate in (0.0001, 0.001, 0.01, 0.1, 0.5)]
    return [[place / len(out), float((score[member] > out[place]).mean())] for place in places]


def offline_ratios(statistic: Floats, present: NDArray[np.bool_]) -> Floats:
    """How many deviations the attacked releases lie above shadows without the target.

    For who cannot make shadows with it, or has too few (the offline attack of Carlini et al. 2022, section VI.A).
    """
    shadow, outside = statistic[:, :SHADOWS], ~present[:, :SHADOWS]
    count = outside.sum(1)
    mean = (shadow * outside).sum(1) / count
    square = (((shadow - mean[:, None]) ** 2) * outside).sum(1) / (count - 1)
    return np.asarray((statistic[:, SHADOWS:] - mean[:, None]) / (np.sqrt(square)[:, None] + 1e-12))


def bounds(epsilon: float | None, noises: int) -> Json:
    """The most that may be found at :data:`ALARMS`, with the noise of so many companies on the attacked part.

    ``bound`` is what (epsilon, delta) says by itself: e^epsilon alarms + delta. ``bound_noise`` is what this Gaussian
    noise allows (Dong, Roth and Su 2022, theorem 2.7), below it for any noise; both are 1 without noise.

    >>> {name: round(value, 5) for name, value in bounds(2.0, 1).items()}
    {'bound': 0.00739, 'bound_noise': 0.00366}
    >>> round(bounds(2.0, 4)["bound_noise"], 5)  # half of the distance in deviations of four companies' noise
    0.00195
    """
    if epsilon is None:
        return {"bound": 1.0, "bound_noise": 1.0}
    distance = 1 / (MULTIPLIERS[epsilon] * np.sqrt(noises))
    return {
        "bound": min(1.0, float(np.exp(epsilon)) * ALARMS + DELTA),
        "bound_noise": float(stats.norm.cdf(stats.norm.ppf(ALARMS) + distance)),
    }
