"""The ``taste`` answer: the upper triangle of G = sum over customers of q q^T; see :mod:`participant.tallies.taste`."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.tallies.taste import gram
from protocols.questions import taste

BATCH: Final = 4_096
"""Customers added at a time: even if everybody bought all of 2,221 concepts, 73 MB."""


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer, int64 of length M (M + 1) / 2 with ``FRACTION_BITS`` fractional bits.

    Streams over customers in batches: memory is one batch of rows and two M x M matrices.

    Raises:
        OutOfBounds: a row outside the norm bound of its scheme.
    """
    asked = taste.TASTE.open(parameters)
    rows = context.records.taste_rows(
        context.vocabulary,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
        batch=BATCH,
    )
    whole = gram(rows, len(context.vocabulary), asked.row_scheme, asked.items_cap)
    return taste.pack_triangle(whole)
