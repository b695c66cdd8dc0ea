"""The ``evaluation`` answer: how well a release foretells this company's own customers, per setting.

Only sums of nDCG and counts of customers leave, inside the secure sum: no node's holdout is seen.
History is what a customer bought before ``history_until``; targets are what it bought from then until
``target_until``. *Surprise* leaves out an obvious list: the company's own, counted in the history window,
or the pooled one, counted in the release.

A customer's gains must not depend on who else is in the batch, or noise for one customer would not hide
one: weights are multiples of a power of two (:func:`exact_weights`), so that scores are exact sums, in
whatever order a BLAS takes them; an encoder's layers are summed exactly as well
(:func:`protocols.questions.network.exact_product`). With ``beside=own`` they do depend on it, for the own model is
everybody's: the question has no noise then. It is the model that the gate compares with, tuned on the same weeks,
which flatters it, so that what the exchange brings to all is not made too much of.
"""

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.answers.taste import gram as own_gram
from participant.models.holdout import hold_out
from participant.models.local import TunedLocal, tune
from participant.store.pairs import paired_rows
from protocols.limits import FRACTION_BITS
from protocols.questions import evaluation
from protocols.questions.ease import ease
from protocols.questions.mixture import Arms
from protocols.questions.ranking import ndcg, obvious

Floats = NDArray[np.float32]


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer: for explore, then surprise: customers with a target, sums of nDCG.

    Returns:
        int64 with ``FRACTION_BITS`` fractional bits, length 2 (1 + settings), 2 more with the own model.
    """
    asked = evaluation.EVALUATION.open(parameters)
    gram = context.released(asked.release)
    everywhere = np.diagonal(gram)
    models = [exact_weights(ease(gram, float(lam))) for lam in asked.lambdas]
    concepts = len(context.vocabulary)
    network = context.encoders.network(asked.encoder, concepts) if asked.encoder else None
    span = {
        "history_until": asked.history_until,
        "customers_until": asked.customers_until,
        "customers_cap": asked.customers_cap,
    }
    if asked.obvious == "pooled":
        left_out = obvious(everywhere)
    else:
        buyers = np.zeros(concepts, np.int64)
        for history, _ in paired_rows(
            context.records, context.vocabulary, target_until=asked.history_until, **span
        ):
            buyers += (history > 0).sum(0)
        left_out = obvious(buyers)
    excluded = {"explore": np.zeros(concepts, np.bool_), "surprise": left_out}
    mine = _own(asked, context) if asked.beside == "own" else None
    answer = np.zeros(evaluation.length(asked, concepts), np.int64)
    for history, future in paired_rows(
        context.records, context.vocabulary, target_until=asked.target_until, **span
    ):
        ranked = [history.astype(np.float64) @ model for model in models]
        encoded = None if network is None else network.exact_scores(history)
        gains = {}
        for metric, out in excluded.items():
            candidates = np.asarray((history == 0) & ~out)
            arms = (
                Arms(encoder=encoded, ease=one, buyers=everywhere, candidates=candidates) for one in ranked
            )
            scores = [mix.of(each) for each in arms for mix in asked.mixes]
            if mine is not None:
                scores.append(mine.scored(metric, history))
            gains[metric] = np.stack(
                [ndcg(each, history > 0, future > 0, out, top=asked.top).gains for each in scores]
            )
        answer += evaluation.pack(asked, gains)
    return answer


def _own(asked: evaluation.Parameters, context: AnswerContext) -> TunedLocal:
    """This company's own model of the history, tuned as for the gate."""
    rows = context.records.taste_rows(
        context.vocabulary,
        since=0,
        until=asked.history_until,
        customers_until=asked.customers_until,
        customers_cap=0,
    )
    gram = own_gram(rows, len(context.vocabulary), "binary", 0).astype(np.float64)
    held = hold_out(
        context.records,
        context.vocabulary,
        history_until=asked.history_until,
        target_until=asked.target_until,
        customers_until=asked.customers_until,
    )
    return tune(np.ldexp(gram, -FRACTION_BITS), held)


def exact_weights(weights: Floats) -> NDArray[np.float64]:
    """``weights`` rounded to multiples of a power of two, so that any sum of a column's entries is exact.

    With M rows of at most 2**e the multiple is 2**(e - 52) times M, rounded up to a power of two: every
    partial sum of a binary row times a column is an integer multiple below 2**53.

    >>> exact_weights(np.array([[0.3, 1.0]], dtype=np.float32)).tolist()  # one row: nothing to round
    [[0.30000001192092896, 1.0]]
    """
    wide = weights.astype(np.float64)
    _, exponent = np.frexp(np.abs(wide).max(initial=0.0) * len(wide))
    return np.ldexp(np.rint(np.ldexp(wide, 52 - int(exponent))), int(exponent) - 52)
