"""The ``nonbuyers`` answer: how many of this company's customers are in each state for each concept."""

import numpy as np
from numpy.typing import NDArray

from participant.answers.context import AnswerContext
from participant.nonbuyers.states import batch_size, states
from protocols.questions import nonbuyers


def fill(parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """This company's answer, int64 of length states times concepts with ``FRACTION_BITS`` fractional bits."""
    asked = nonbuyers.NONBUYERS.open(parameters)
    concepts = nonbuyers.asked_about(asked, len(context.vocabulary))
    shelf = context.records.shelf(context.vocabulary, since=asked.since, until=asked.until)
    counts = np.zeros((len(nonbuyers.STATES), len(concepts)), np.int64)
    for batch in context.records.journeys(
        context.vocabulary,
        shelf,
        since=asked.since,
        until=asked.until,
        customers_until=asked.customers_until,
        customers_cap=asked.customers_cap,
        batch=batch_size(len(context.vocabulary)),
    ):
        found = states(batch, shelf, until=asked.until)[:, concepts]
        for code in range(len(nonbuyers.STATES)):
            counts[code] += (found == code).sum(axis=0)
    return nonbuyers.pack(counts)
