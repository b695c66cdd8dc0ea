"""Rows of the same household at other companies: needed for the household-disjoint figure alone."""

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.arms import test_weeks
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL, Consortium

Rows = NDArray[np.float32]


def rows_elsewhere(consortium: Consortium) -> list[list[Rows]]:
    """For each company and each of its customers, in order: the household's rows at the others."""
    by_household: dict[str, list[tuple[int, Rows]]] = {}
    order: list[list[str]] = []
    for member, records in enumerate(consortium.members):
        names = consortium.households(member)
        keys = [
            int(key)
            for batch in records.taste_rows(
                consortium.vocabulary, since=0, until=VALIDATION_UNTIL, customers_until=FIT_UNTIL
            )
            for key in batch.customer_keys
        ]
        history = test_weeks(consortium, member).history
        order.append([names[key] for key in keys])
        for household, row in zip(order[-1], history, strict=True):
            by_household.setdefault(household, []).append((member, row))
    concepts = len(consortium.vocabulary)
    none = np.zeros((0, concepts), np.float32)
    return [
        [
            np.stack([none[:0].sum(0), *rows])[1:] if rows else none
            for rows in ([row for owner, row in by_household[name] if owner != member] for name in names)
        ]
        for member, names in enumerate(order)
    ]
