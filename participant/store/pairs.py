"""Rows of what the same customers had before an instant and of what came after it."""

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from participant.errors import RecordsChanged
from participant.store.records import Records
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float32]


def paired_rows(
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
                do="fill the answer in, or train, again",
            )
        yield history.dense(len(vocabulary)), future.dense(len(vocabulary))
