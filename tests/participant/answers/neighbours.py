"""Neighbouring data sets for every question: some customers, and one more.

Each question that is registered must have an entry in ``NEIGHBOURS``, or a test says so. An entry draws
parameters under which the question promises a sensitivity, and names one case that reaches it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from participant.store.records_rows import RowBatch
from participant.store.records_visits import VisitBatch
from protocols.questions.moments import FACETS, UNKNOWN
from protocols.questions.parameters import Given
from protocols.questions.rows import ROW_SCHEMES, SCHEMES
from protocols.vocabulary import Vocabulary

M = 12
WORDS = Vocabulary.of("words", [f"concept {i:02d}" for i in range(M)])
CUT, END = 100, 200
BEFORE, AFTER = 50, 150
RELEASE = "ab" * 32

Customer = Mapping[tuple[int, int], int]
"""How often one customer bought: (instant, concept) to lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecords:
    """Records without a database: rows of the given customers, in batches as the real ones come."""

    customers: tuple[Customer, ...]
    batch: int = 3

    def taste_rows(
        self, _vocabulary: Vocabulary, *, since: int, until: int, customers_until: int, customers_cap: int
    ) -> Iterator[RowBatch]:
        assert customers_until > 0
        assert len(self.customers) <= customers_cap, "a sensitivity is promised up to the cap"
        for start in range(0, len(self.customers), self.batch):
            part = self.customers[start : start + self.batch]
            rows = [_row(customer, since, until) for customer in part]
            yield RowBatch(
                customer_keys=np.arange(start, start + len(part)),
                indptr=np.cumsum([0, *map(len, rows)]),
                indices=np.array([concept for row in rows for concept in row], dtype=np.int64),
                counts=np.array([row[concept] for row in rows for concept in row], dtype=np.int64),
            )

    def visits(
        self, _vocabulary: Vocabulary, *, since: int, until: int, customers_until: int, customers_cap: int
    ) -> Iterator[VisitBatch]:
        assert customers_until > 0
        assert len(self.customers) <= customers_cap, "a sensitivity is promised up to the cap"
        for start in range(0, len(self.customers), self.batch):
            part = self.customers[start : start + self.batch]
            rows = [sorted(at for at in customer if since <= at[0] < until) for customer in part]
            found = np.array([at for row in rows for at in row], dtype=np.int64).reshape(-1, 2)
            yield VisitBatch(
                customer_keys=np.arange(start, start + len(part)),
                indptr=np.cumsum([0, *map(len, rows)]),
                seconds=found[:, 0],
                concepts=found[:, 1],
                bands=_bands(found[:, 0]),
            )


def _bands(seconds: np.ndarray) -> np.ndarray:
    """Some band for each instant; weather is not known of every third second."""
    known = np.stack([seconds % len(bands) for bands in FACETS.values()])
    known[list(FACETS).index("weather")][seconds % 3 == 1] = UNKNOWN
    return known


def _row(customer: Customer, since: int, until: int) -> dict[int, int]:
    bought: dict[int, int] = {}
    for (instant, concept), lines in sorted(customer.items(), key=lambda item: item[0][1]):
        if since <= instant < until:
            bought[concept] = bought.get(concept, 0) + lines
    return bought


customers = st.dictionaries(
    st.tuples(st.sampled_from((BEFORE, BEFORE + 1, AFTER)), st.integers(0, M - 1)),
    st.integers(1, 20),
    max_size=14,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What the harness needs to know of a question.

    Attributes:
        typed: strategy of parameters as an admin types them, each with a promised sensitivity.
        worst: parameters and the one customer more that changes the answer by all that is promised.
    """

    typed: st.SearchStrategy[dict[str, Given]]
    worst: tuple[dict[str, Given], Customer]


def _taste(scheme: str) -> st.SearchStrategy[dict[str, Any]]:
    least = 1 if SCHEMES[scheme].needs_cap or SCHEMES[scheme].norm2(0) is None else 0
    return st.fixed_dictionaries(
        {
            "until": st.sampled_from((CUT, END)),
            "row_scheme": st.just(scheme),
            "items_cap": st.integers(least, 9),
        }
    )


RHYTHMS = st.fixed_dictionaries(
    {
        "until": st.sampled_from((CUT, END)),
        "facets": st.sampled_from(("week", "season,event", "week,season,weather,location,event")),
        "scheme": st.sampled_from(("plain", "unit")),
        "purchases_cap": st.integers(1, 4),
        "items_cap": st.integers(1, 9),
    }
)

NEIGHBOURS: Mapping[str, Neighbours] = {
    "rhythm": Neighbours(
        typed=RHYTHMS,
        worst=(
            {"until": CUT, "facets": "season,event", "items_cap": 2, "purchases_cap": 1},
            {(BEFORE, 3): 2, (BEFORE, 4): 1},
        ),
    ),
    "taste": Neighbours(
        typed=st.sampled_from(ROW_SCHEMES).flatmap(_taste),
        worst=({"until": CUT, "row_scheme": "unit"}, {(BEFORE, 3): 2}),
    ),
    "evaluation": Neighbours(
        typed=st.fixed_dictionaries(
            {
                "release": st.just(RELEASE),
                "history_until": st.just(CUT),
                "target_until": st.just(END),
                "lambdas": st.sampled_from(("300", "1,30,3000")),
                "obvious": st.just("pooled"),
                "top": st.integers(1, M),
            }
        ),
        worst=(
            {
                "release": RELEASE,
                "history_until": CUT,
                "target_until": END,
                "lambdas": "30",
                "obvious": "pooled",
            },
            {(BEFORE, 0): 1, (AFTER, 1): 1},
        ),
    ),
}


def released(_release: bytes) -> np.ndarray:
    """A Gram matrix in which concept 1 goes with 0, and 5 and 6 are what everybody buys."""
    rows = np.random.default_rng(4).random((40, M))
    gram = rows.T @ rows / 8 + np.diag(np.full(M, 10.0))
    gram[0, 1] = gram[1, 0] = 12.0
    gram[5, 5], gram[6, 6] = 90.0, 80.0
    return gram
