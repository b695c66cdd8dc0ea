"""The ``landmarks`` answer: how concepts go with the landmarks; see :mod:`participant.tallies.landmarks`."""

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.tallies.landmarks import sums
from protocols.questions import landmarks


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer, int64 with ``FRACTION_BITS`` fractional bits: the squares, then C row by row.

    Raises:
        OutOfBounds: a row outside its bound.
    """
    asked = landmarks.LANDMARKS.open(parameters)
    rows = context.records.taste_rows(
        context.vocabulary,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
    )
    squares, cross = sums(
        rows, len(context.vocabulary), np.array(asked.landmarks, np.int64), asked.row_scheme
    )
    return np.concatenate([squares, cross.ravel()])
