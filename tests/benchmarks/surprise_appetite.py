"""Who buys something unexpected within 30 days: appetite beside activity alone, on weeks that fitted nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from participant.appetite import Traits
from participant.appetite.appetites import fit, predict, scaled
from participant.models import NodeModel
from participant.store.records import Records
from protocols.questions.ranking import obvious
from protocols.vocabulary import Vocabulary
from tests.benchmarks import arms
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, Consortium

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
QUINTILES, RESAMPLES = 5, 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class People:
    """Customers of one company: log-odds by activity alone and by appetite, activity, and what came."""

    activity: Floats
    appetite: Floats
    purchases: Floats
    unexpected: Mask


def people(consortium: Consortium, member: int, model: NodeModel) -> People:
    """Both models fitted on weeks 34-37, applied to week 40, judged by the 30 days after."""
    records, vocabulary = consortium.members[member], consortium.vocabulary
    before = arms.held_out(consortium, member, history_until=FIT_UNTIL, target_until=VALIDATION_UNTIL)
    after = arms.test_weeks(consortium, member)
    keys = records.counted(FIT_UNTIL, 0)
    earlier = _traits(records, vocabulary, FIT_UNTIL, obvious(before.buyers))
    now = _traits(records, vocabulary, VALIDATION_UNTIL, obvious(after.buyers))
    happened = (before.soon & before.candidates("surprise"))[np.searchsorted(keys, earlier.customer_keys)]
    weights = fit(scaled(earlier, earlier, only_activity=True), happened.any(1))
    came = (after.soon & after.candidates("surprise"))[np.searchsorted(keys, now.customer_keys)].any(1)
    if model.appetites is None:
        raise RuntimeError("the benchmark's companies have appetites")
    held = np.searchsorted(model.appetites.customer_keys, now.customer_keys)
    return People(
        activity=predict(scaled(now, earlier, only_activity=True), weights),
        appetite=model.appetites.logits[held],
        purchases=now.activity[:, 1],
        unexpected=came,
    )


def _traits(records: Records, vocabulary: Vocabulary, until: int, hidden: Mask) -> Traits:
    found = records.habits(vocabulary, until=until, customers_until=FIT_UNTIL, obvious=np.flatnonzero(hidden))
    return Traits.of(found)


def auc(scores: Floats, happened: Mask) -> float:
    """Chance that who did is ranked above who did not, ties counted half.

    >>> (
    ...     auc(np.array([1.0, 2.0, 3.0]), np.array([False, True, True])),
    ...     auc(np.zeros(2), np.array([True, False])),
    ... )
    (1.0, 0.5)
    """
    yes = int(happened.sum())
    no = len(happened) - yes
    if not yes or not no:
        return float("nan")
    return float((rankdata(scores)[happened].sum() - yes * (yes + 1) / 2) / (yes * no))


def within(scores: Floats, happened: Mask, activity: Floats) -> float:
    """The mean of the AUCs within quintiles of activity: what is left when activity cannot help."""
    parts = np.array_split(np.argsort(activity, kind="stable"), QUINTILES)
    return float(np.nanmean([auc(scores[part], happened[part]) for part in parts]))


def report(companies: list[People]) -> dict[str, object]:
    """Means over companies with 95% intervals, customers resampled within their companies."""
    rng = np.random.default_rng(0)
    drawn = [_figures([_resampled(each, rng) for each in companies]) for _ in range(RESAMPLES)]
    point = _figures(companies)
    low, high = np.nanquantile(np.array(drawn), [0.025, 0.975], axis=0)
    names = ("activity", "appetite", "gain", "activity_within", "appetite_within", "gain_within")
    return {
        "customers": sum(len(each.unexpected) for each in companies),
        "share_unexpected": float(np.mean([each.unexpected.mean() for each in companies])),
        **{
            name: {"value": float(v), "low": float(a), "high": float(b)}
            for name, v, a, b in zip(names, point, low, high, strict=True)
        },
        "by_company": [[float(v) for v in _figures([each])] for each in companies],
    }


def _figures(companies: list[People]) -> Floats:
    rows = []
    for each in companies:
        plain = auc(each.activity, each.unexpected)
        mine = auc(each.appetite, each.unexpected)
        plain_in = within(each.activity, each.unexpected, each.purchases)
        mine_in = within(each.appetite, each.unexpected, each.purchases)
        rows.append((plain, mine, mine - plain, plain_in, mine_in, mine_in - plain_in))
    return np.asarray(np.mean(rows, axis=0), np.float64)


def _resampled(each: People, rng: np.random.Generator) -> People:
    at = rng.integers(0, len(each.unexpected), len(each.unexpected))
    return People(
        activity=each.activity[at],
        appetite=each.appetite[at],
        purchases=each.purchases[at],
        unexpected=each.unexpected[at],
    )
