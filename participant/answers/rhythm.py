"""The ``rhythm`` answer: purchases by concept and band of the moment; see :mod:`participant.tallies.rhythm`."""

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.tallies.rhythm import tally
from protocols.questions import rhythm


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer, int64 of length (bands x concepts) with ``FRACTION_BITS`` fractional bits."""
    asked = rhythm.RHYTHM.open(parameters)
    visits = context.records.visits(
        context.vocabulary,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
    )
    return tally(visits, len(context.vocabulary), asked)
