"""The ``evaluation`` answer: how well a release foretells this company's own customers, per setting.

Only sums of nDCG and counts of customers leave, inside the secure sum: no node's holdout is seen.
History is what a customer bought before ``history_until``; targets are what it bought from then until
``target_until``. *Surprise* leaves out an obvious list: the company's own, counted in the history window,
or the pooled one, counted in the release.

A customer's gains must not depend on who else is in the batch, or noise for one customer would not hide
one: weights are multiples of a power of two (:func:`protocols.questions.network.exact_weights`), so that scores are exact sums, in
whatever order a BLAS takes them; an encoder's layers are summed exactly as well
(:func:`protocols.questions.network.exact_product`).
"""

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.errors import RecordsChanged
from participant.store.records import Records
from protocols.questions import evaluation
from protocols.questions.ease import ease
from protocols.questions.mixture import Arms
from protocols.questions.network import exact_weights
from protocols.questions.ranking import ndcg, obvious
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer: for explore, then surprise: customers with a target, sum of nDCG per setting.

    Returns:
        int64 with ``FRACTION_BITS`` fractional bits, length 2 (1 + number of settings).
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
        for history, _ in windows(
            context.records, context.vocabulary, target_until=asked.history_until, **span
        ):
            buyers += (history > 0).sum(0)
        left_out = obvious(buyers)
    excluded = {"explore": np.zeros(concepts, np.bool_), "surprise": left_out}
    answer = np.zeros(evaluation.length(asked, concepts), np.int64)
    for history, future in windows(
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
            scores = (mix.of(each) for each in arms for mix in asked.mixes)
            gains[metric] = np.stack(
                [ndcg(each, history > 0, future > 0, out, top=asked.top).gains for each in scores]
            )
        answer += evaluation.pack(asked, gains)
    return answer


def windows(
    records: Records,
    vocabulary: Vocabulary,
    *,
    history_until: int,
    target_until: int,
    customers_until: int,
    customers_cap: int = 0,
) -> Iterator[tuple[Floats, Floats]]:
    """Yield (history, future) of the same customers: binary rows, shape (customers, n_concepts).

    Raises:
        RecordsChanged: customers came or went between the two; one of them would shift all that follow.
    """
    before = records.taste_rows(
        vocabulary, since=0, until=history_until, customers_until=customers_until, customers_cap=customers_cap
    )
    after = records.taste_rows(
        vocabulary,
        since=history_until,
        until=target_until,
        customers_until=customers_until,
        customers_cap=customers_cap,
    )
    for history, future in zip_longest(before, after):
        if (
            history is None
            or future is None
            or not np.array_equal(history.customer_keys, future.customer_keys)
        ):
            raise RecordsChanged(
                expected="the same customers in both windows",
                came="others: purchases were read in meanwhile",
                do="fill the answer in again",
            )
        yield history.dense(len(vocabulary)), future.dense(len(vocabulary))
