"""The ``encoder`` answer: what training on this company's own customers changes, or their clipped gradients.

By *change* a company trains the consortium's network (computed here from signed releases, never downloaded)
for a bounded number of steps. By *gradient* every customer's own gradient is computed alone, clipped and
made whole numbers before any sum: what one customer changes is then bounded exactly, and noise can hide it.
Who is in a round's sample is drawn from the operating system's randomness and known to nobody else.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from participant import entropy
from participant.answers.autoencoder import Autoencoder, Rows
from participant.answers.context import AnswerContext
from protocols.limits import KEY_BYTES
from protocols.questions import encoder
from protocols.subsampling import poisson_sample

Ints = NDArray[np.int64]


def fill(parameters: bytes, context: AnswerContext) -> Ints:
    """This company's answer, int64 with ``FRACTION_BITS`` fractional bits.

    Memory is the customers' rows (about 600 bytes each), one batch of dense ones and a few vectors of weights.

    Raises:
        BadRelease: the releases that the round starts from are not here, or are of another chain.
        OutOfBounds: a training that did not end in numbers.
    """
    asked = encoder.ENCODER.open(parameters)
    shape = asked.shape(len(context.vocabulary))
    network = Autoencoder(shape, context.encoders.before(asked, shape.concepts))
    rows = _rows(asked, context)
    if asked.mode == encoder.CHANGE:
        seed = hashlib.sha256(parameters + rows.fingerprint).digest()
        moved = network.train(rows, asked, seed) if len(rows) else np.zeros(shape.size)
        return encoder.pack_change(asked, moved, len(rows))
    total = np.zeros(shape.size, np.int64)
    sampled = poisson_sample(len(rows), encoder.rate(asked), entropy.random_bytes(KEY_BYTES))
    for customer in np.flatnonzero(sampled):
        concepts = rows.one(int(customer))
        seed = hashlib.sha256(parameters + concepts.tobytes()).digest()
        total += encoder.clip_row(asked, network.gradient(concepts, asked, seed))
    return total


def _rows(asked: encoder.Parameters, context: AnswerContext) -> Rows:
    """Who bought something in the window: an empty row teaches nothing."""
    batches = list(
        context.records.taste_rows(
            context.vocabulary,
            since=asked.since,
            until=asked.until,
            customers_until=asked.customers_until,
            customers_cap=asked.customers_cap,
        )
    )
    none = np.zeros(0, np.int64)
    sizes = np.concatenate([none, *(np.diff(batch.indptr) for batch in batches)])
    return Rows(
        indptr=np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(np.int64),
        indices=np.concatenate([none, *(batch.indices for batch in batches)]),
    )
