"""The ``evaluation`` answer: how well a release foretells this company's own customers, per setting.

Only sums of nDCG and counts of customers leave, inside the secure sum: no node's holdout is seen.
History is what a customer bought before ``history_until``; targets are what it bought from then until
``target_until``. *Surprise* leaves out an obvious list: the company's own, counted in the history window,
or the pooled one, counted in the release.

A customer's gains must not depend on who else is in the batch, or noise for one customer would not hide
one: weights are multiples of a power of two (:func:`protocols.questions.network.exact_weights`), so that scores
are exact sums, in whatever order a BLAS takes them; low rank and an encoder's layers are summed exactly as well
(:func:`protocols.questions.network.exact_product`). With ``beside=own`` they do depend on it, for the own model is
everybody's: the question has no noise then. It is the model that the gate compares with, tuned on the same weeks,
which flatters it, so that what the exchange brings to all is not made too much of.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from participant.answers.context import AnswerContext
from participant.models import own_rows
from participant.models.holdout import hold_out
from participant.models.local import TunedLocal, tune
from participant.store.pairs import paired_rows
from protocols.questions import evaluation
from protocols.questions.mixture import Arms, Mixture
from protocols.questions.network import ExactScores
from protocols.questions.ranking import STRIP, Targets, obvious

Floats = NDArray[np.float32]


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer: for explore, then surprise: customers with a target, sums of nDCG.

    Returns:
        int64 with ``FRACTION_BITS`` fractional bits, length 2 (1 + settings), 2 more with the own model.
    """
    asked = evaluation.EVALUATION.open(parameters)
    released = context.released(asked.release)
    everywhere = released.diagonal
    models = [released.exact(float(lam)) for lam in asked.lambdas]
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
        for batch in context.records.taste_rows(
            context.vocabulary,
            since=0,
            until=asked.history_until,
            customers_until=asked.customers_until,
            customers_cap=asked.customers_cap,
        ):
            buyers += np.bincount(batch.indices, minlength=concepts)
        left_out = obvious(buyers)
    excluded = {"explore": np.zeros(concepts, np.bool_), "surprise": left_out}
    mine = _own(asked, context) if asked.beside == "own" else None
    answer = np.zeros(evaluation.length(asked, concepts), np.int64)
    for history, future in paired_rows(
        context.records, context.vocabulary, target_until=asked.target_until, **span
    ):
        encoded = None if network is None else network.exact_scores(history)
        for start in range(0, len(history), STRIP):
            some = slice(start, start + STRIP)
            had, ranked = history[some] > 0, _linear(history[some], models)
            gains = {}
            for metric, out in excluded.items():
                targets = Targets.of(had, future[some] > 0, out)
                arms = Arms(
                    encoder=None if encoded is None else encoded[some][targets.customers],
                    ease=ranked[0][targets.customers],
                    buyers=everywhere,
                    candidates=targets.candidates,
                )
                gains[metric] = _gains(asked, targets, arms, ranked)
                if mine is not None:
                    own = targets.gains(mine.scored(metric, history[some][targets.customers]), asked.top)
                    gains[metric] = np.vstack([gains[metric], own])
            answer += evaluation.pack(asked, gains)
    return answer


def _linear(history: Floats, models: Sequence[ExactScores]) -> list[NDArray[np.float64]]:
    """EASE's scores of a few customers by each model, exact in any order."""
    rows = csr_array(history.astype(np.float64))
    return [scores(rows) for scores in models]


def _gains(
    asked: evaluation.Parameters, targets: Targets, arms: Arms, ranked: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """NDCG of every customer with a target, (settings, customers); ranked once where no ridge plays a part."""
    found: list[NDArray[np.float64]] = []
    known: dict[Mixture, NDArray[np.float64]] = {}
    for one in ranked:
        beside = arms.with_ease(one[targets.customers])
        for mix in asked.mixes:
            gains = known[mix] if mix in known else targets.gains(mix.of(beside), asked.top)
            found.append(gains)
            if not mix.ease:
                known[mix] = gains
        arms = beside
    return np.stack(found)


def _own(asked: evaluation.Parameters, context: AnswerContext) -> TunedLocal:
    """This company's own model of the history, tuned as for the gate."""
    concepts = len(context.vocabulary)
    span = {"customers_until": asked.customers_until, "until": asked.history_until}
    gram = own_rows.gram(
        lambda: context.records.taste_rows(context.vocabulary, since=0, **span),
        concepts,
        square_max=context.square_max,
    )
    held = hold_out(
        context.records,
        context.vocabulary,
        history_until=asked.history_until,
        target_until=asked.target_until,
        customers_until=asked.customers_until,
    )
    return tune(gram, held)
