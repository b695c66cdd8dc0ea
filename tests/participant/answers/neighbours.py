"""Neighbouring data sets for every question: some customers, and one more.

Each question that is registered must have an entry in ``NEIGHBOURS``, or a test says so. An entry draws
parameters under which the question promises a sensitivity, and names one case that reaches it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from participant.models.gram import WholeGram
from participant.store.records_items import Item
from participant.store.records_journeys import JourneyBatch
from participant.store.records_rows import RowBatch
from participant.store.records_shelf import Shelf
from participant.store.records_visits import VisitBatch
from protocols.questions import spectral
from protocols.questions.encoder import Parameters
from protocols.questions.moments import FACETS, UNKNOWN
from protocols.questions.network import Network, Shape, Weights
from protocols.questions.parameters import Given
from protocols.questions.rows import ROW_SCHEMES, SCHEMES
from protocols.vocabulary import Vocabulary
from tests.participant.shop import CONCEPTS, DAY

M = 12
WORDS = Vocabulary.of("words", [f"concept {i:02d}" for i in range(M)])
CUT, END = 100, 200
BEFORE, AFTER = 50, 150
RELEASE = "ab" * 32
ITEMS = tuple(
    Item(key=i, name=name, brand="", category="")
    for i, name in enumerate(
        ["a", "b", "oat", "oat milk", "goat milk", "", *(f"word {i}" for i in range(M - 6))]
    )
)
"""One item for each concept: of one letter, so that all its length is in one cell, of several, and of none."""
MIXES = "0:100:0,100:0:0,100:30:20"

Customer = Mapping[tuple[int, int], int]
"""How often one customer bought: (instant, concept) to lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecords:
    """Records without a database: rows of the given customers, in batches as the real ones come."""

    customers: tuple[Customer, ...]
    batch: int = 3

    def taste_rows(
        self,
        _vocabulary: Vocabulary,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int,
        batch: int = 1,
    ) -> Iterator[RowBatch]:
        assert batch > 0
        assert customers_until > 0
        assert batch > 0
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

    def every_item(self) -> tuple[Item, ...]:
        return ITEMS

    def item_rows(self, catalogue: tuple[Item, ...], **span: int) -> Iterator[RowBatch]:
        assert catalogue == ITEMS
        return self.taste_rows(WORDS, **span)

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

    def shelf(self, _vocabulary: Vocabulary, *, since: int, until: int) -> Shelf:
        assert since < until
        return SHELF

    def journeys(
        self,
        _vocabulary: Vocabulary,
        shelf: Shelf,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int,
        batch: int,
    ) -> Iterator[JourneyBatch]:
        assert shelf is SHELF
        assert customers_until > 0
        assert batch > 0
        assert len(self.customers) <= customers_cap, "a sensitivity is promised up to the cap"
        for start in range(0, len(self.customers), self.batch):
            yield _journeys(self.customers[start : start + self.batch], since, until)


STORES = 3
SHELF = Shelf(
    stores=("s0", "s1", "s2"),
    stocked=sparse.csr_matrix(np.arange(STORES)[:, None] != np.arange(M) % 5, dtype=np.float32),
    spell_store=np.array([0, 1, 1]),
    spell_since=np.array([0, 0, 100]),
    spell_until=np.array([200, 100, 200]),
    shown=sparse.csr_matrix((np.arange(3)[:, None] + np.arange(M)) % 4 == 0, dtype=np.float32),
    category=np.arange(M) // 4,
    price=1.0 + np.arange(M) % 3,
)
"""Three stores, of which the last shows nothing; a customer's fourth store is on no shelf."""


def _journeys(customers: tuple[Customer, ...], since: int, until: int) -> JourneyBatch:
    """What a line says besides how often: its store by concept and number, reduced if the number is odd."""
    people = [
        {
            at: lines
            for at, lines in sorted(customer.items(), key=lambda one: one[0][1])
            if since <= at[0] < until
        }
        for customer in customers
    ]
    people = [each for each in people if each]
    bought: list[tuple[int, ...]] = []
    came: set[tuple[int, int]] = set()
    saw: set[tuple[int, int]] = set()
    elsewhere = np.zeros(len(people), np.bool_)
    for owner, each in enumerate(people):
        for concept in sorted({concept for _, concept in each}):
            of_one = {at: lines for (at, kind), lines in each.items() if kind == concept}
            lines = sum(of_one.values())
            reduced = sum(number for number in of_one.values() if number % 2)
            bought.append(
                (owner, concept, len(of_one) + lines // 4, lines, reduced, min(of_one), max(of_one))
            )
        for (at, concept), lines in each.items():
            store = (concept + lines) % (STORES + 1)
            elsewhere[owner] |= store == STORES
            came |= {(owner, store)} if store < STORES else set()
            times = zip(SHELF.spell_store, SHELF.spell_since, SHELF.spell_until, strict=True)
            saw |= {(owner, n) for n, (s, low, high) in enumerate(times) if s == store and low <= at < high}
    owner, concept, days, lines, reduced, first, last = np.array(bought, np.int64).reshape(-1, 7).T
    came_owner, came_store = np.array(sorted(came), np.int64).reshape(-1, 2).T
    saw_owner, saw_spell = np.array(sorted(saw), np.int64).reshape(-1, 2).T
    return JourneyBatch(
        customer_keys=np.arange(len(people)),
        trips=np.array([len({at for at, _ in each}) for each in people], np.int64),
        elsewhere=elsewhere,
        owner=owner,
        concept=concept,
        days=days,
        lines=lines,
        reduced=reduced,
        first=first,
        last=last,
        dearest=np.where(lines % 5 == 0, np.nan, 0.5 + concept % 4),
        came_owner=came_owner,
        came_store=came_store,
        saw_owner=saw_owner,
        saw_spell=saw_spell,
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
        shop: parameters for a made-up shop of 300 days, whose cap on customers a test adds.
    """

    typed: st.SearchStrategy[dict[str, Given]]
    worst: tuple[dict[str, Given], Customer]
    shop: dict[str, Given]


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
        shop={"until": 300 * DAY, "scheme": "unit"},
    ),
    "taste": Neighbours(
        typed=st.sampled_from(ROW_SCHEMES).flatmap(_taste),
        worst=({"until": CUT, "row_scheme": "unit"}, {(BEFORE, 3): 2}),
        shop={"until": 300 * DAY, "row_scheme": "unit"},
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
        ).flatmap(lambda typed: st.sampled_from((typed, {**typed, "encoder": RELEASE, "mixes": MIXES}))),
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
        shop={
            "release": RELEASE,
            "history_until": 100 * DAY,
            "target_until": 300 * DAY,
            "lambdas": "30,300",
            "obvious": "pooled",
        },
    ),
    "encoder": Neighbours(
        typed=st.fixed_dictionaries(
            {
                "taste": st.just(RELEASE),
                "mode": st.just("gradient"),
                "until": st.sampled_from((CUT, END)),
                "hidden": st.integers(1, 8),
                "latent": st.integers(1, 4),
                "limit": st.sampled_from((10_000, 1_000_000, 100_000_000)),
                "dropout": st.sampled_from((0, 50)),
            }
        ),
        worst=(
            {
                "taste": RELEASE,
                "mode": "gradient",
                "until": CUT,
                "hidden": 6,
                "latent": 3,
                "limit": 10_000,
            },
            {(BEFORE, 3): 2, (BEFORE, 4): 1},
        ),
        shop={
            "taste": RELEASE,
            "mode": "gradient",
            "until": 300 * DAY,
            "hidden": 6,
            "latent": 3,
            "limit": 10_000,
        },
    ),
    "nonbuyers": Neighbours(
        typed=st.fixed_dictionaries(
            {
                "until": st.sampled_from((CUT, END)),
                "concepts": st.lists(st.integers(0, M - 1), max_size=5).map(tuple),
            }
        ),
        worst=({"until": END, "concepts": (0, 3, 7)}, {(BEFORE, 3): 2}),
        shop={"until": 300 * DAY, "concepts": tuple(range(len(CONCEPTS)))},
    ),
    "landmarks": Neighbours(
        typed=st.fixed_dictionaries(
            {
                "until": st.sampled_from((CUT, END)),
                "landmarks": st.sampled_from(("0", "1,5,7", "0,1,2,3,4,5,6,7,8,9,10,11")),
            }
        ),
        worst=({"until": CUT, "landmarks": "0,4"}, {(BEFORE, 4): 1}),
        shop={"until": 300 * DAY, "landmarks": "0,4"},
    ),
    "content": Neighbours(
        typed=st.fixed_dictionaries(
            {"until": st.sampled_from((CUT, END)), "dimensions": st.sampled_from((1, 5, 32))}
        ),
        worst=({"until": CUT, "dimensions": 64}, {(BEFORE, 0): 2}),
        shop={"until": 300 * DAY, "dimensions": 64},
    ),
}


class Encoders:
    """Networks at their start from the matrix that is ``released``, whatever release is named."""

    def __init__(self, released) -> None:
        self._released = released

    def before(self, asked: Parameters, n_concepts: int) -> Weights:
        return spectral.start(self._released(asked.taste).matrix, asked.shape(n_concepts))

    def network(self, release: bytes, n_concepts: int) -> Network:
        shape = Shape(concepts=n_concepts, hidden=6, latent=3)
        return Network(shape=shape, weights=spectral.start(self._released(release).matrix, shape))


def released(_release: bytes) -> WholeGram:
    """A Gram matrix in which concept 1 goes with 0, and 5 and 6 are what everybody buys."""
    rows = np.random.default_rng(4).random((40, M))
    gram = rows.T @ rows / 8 + np.diag(np.full(M, 10.0))
    gram[0, 1] = gram[1, 0] = 12.0
    gram[5, 5], gram[6, 6] = 90.0, 80.0
    return WholeGram(matrix=gram)
