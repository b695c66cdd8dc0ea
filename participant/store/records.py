"""The repository of customers, items and events: the only reader of them besides intake.

A customer who opted out is in no row that is made for the consortium: :meth:`Records.taste_rows`
leaves it out, and every answer to a question is made from those rows alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select, update

from participant.store.calendar import Calendar
from participant.store.record_tables import customers, imports
from participant.store.records_cap import CapOrder
from participant.store.records_catalogue import Catalogue
from participant.store.records_events import Events
from participant.store.records_habits import Habits, habits, on_sale
from participant.store.records_items import Item
from participant.store.records_journeys import JourneyBatch, stream_journeys
from participant.store.records_products import Product, starter_products
from participant.store.records_rows import RowBatch, stream
from participant.store.records_shelf import Shelf, item_categories, load_shelf, shelf_files
from participant.store.records_visits import VisitBatch, bands_of, stream_visits
from participant.store.surroundings import load, load_for
from protocols.errors import BadInput
from protocols.questions.moments import DAY_S
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary

Ints = NDArray[np.int64]
BATCH = 1_024
"""Customers held in memory at a time: dense rows of 2,221 concepts in float64 are 18 MB."""


class UnknownCustomer(BadInput, code="unknown-customer", status=404):
    """No customer with this id has ever bought here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one customer bought here, as concept indices (ascending, distinct), and the keys of all its items."""

    opted_out: bool
    concepts: Ints
    item_keys: Ints
    customer_key: int = -1


class Records:
    """Reads the node's records at ``home``; safe to share between threads. ``calendar`` is that of the shop."""

    def __init__(self, home: Path, engine: Engine, calendar: Calendar | None = None) -> None:
        self._data = home / "data"
        self._engine = engine
        self.calendar = calendar or Calendar()
        self._events = Events(home, engine)
        self._order = CapOrder(home)
        self.catalogue = Catalogue(engine)

    def n_customers(self, *, first_seen_before: int | None = None) -> int:
        """Customers who count for the consortium (not opted out)."""
        query = select(func.count()).select_from(customers).where(customers.c.opted_out.is_(False))
        if first_seen_before is not None:
            query = query.where(customers.c.first_seen < first_seen_before)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def n_buyers(
        self,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int,
        vocabulary: Vocabulary,
    ) -> int:
        """How many of the customers in :meth:`taste_rows` have a row that is not empty."""
        keys, (mapped, _) = self.counted(customers_until, customers_cap), self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            connection.register("counted", pa.table({"customer_key": keys}))
            connection.register("mapped", pa.table({"item_key": mapped}))
            found = connection.execute(
                f"""SELECT count(DISTINCT customer_key) FROM {self._events.relation()}
                SEMI JOIN counted USING (customer_key) SEMI JOIN mapped USING (item_key)
                WHERE seconds >= ? AND seconds < ?""",
                [since, until],
            ).fetchall()
        return int(found[0][0])

    def n_opted_out(self) -> int:
        """Customers who opted out of every answer."""
        query = select(func.count()).select_from(customers).where(customers.c.opted_out)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def span(self) -> tuple[int, int]:
        """First and last purchase (unix seconds); (0, 0) before the first import."""
        with reading(self._engine) as connection:
            row = connection.execute(select(func.min(imports.c.first), func.max(imports.c.last))).one()
        return int(row[0] or 0), int(row[1] or 0)

    def opt_out(
        self,
        external_id: str,
        *,
        opted_out: bool = True,
        before_commit: Callable[[Connection], None] | None = None,
    ) -> None:
        """Leave a customer out of every future answer (or, with False, take it in again).

        ``before_commit`` runs in the same transaction if the flag changes: what must hold as soon as it does.

        Raises:
            UnknownCustomer: no such customer.
        """
        one = customers.c.external_id == external_id
        with transaction(self._engine) as connection:
            before = connection.execute(select(customers.c.opted_out).where(one)).scalar_one_or_none()
            if before is None:
                raise unknown()
            connection.execute(update(customers).where(one).values(opted_out=opted_out))
            if before_commit is not None and before != opted_out:
                before_commit(connection)

    def unmapped_share(self, vocabulary: Vocabulary) -> float:
        """Share of stored lines whose item is not in ``vocabulary``: they stay local."""
        item_keys, _ = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            events = self._events.relation()
            connection.register("mapped", pa.table({"item_key": item_keys}))
            total, mapped = connection.execute(
                f"SELECT count(*), count(*) FILTER (item_key IN (SELECT item_key FROM mapped)) FROM {events}"
            ).fetchall()[0]
        return 1.0 - int(mapped) / int(total) if total else 0.0

    def taste_rows(
        self,
        vocabulary: Vocabulary,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int = 0,
        batch: int = BATCH,
    ) -> Iterator[RowBatch]:
        """Rows of customers first seen before ``customers_until`` who did not opt out.

        Purchases count if ``since <= t < until`` (unix seconds, UTC). Two calls with the same
        ``customers_until``, ``customers_cap`` and ``batch`` yield the same customers batch by batch.
        A cap above 0 keeps at most so many customers, the first in the order of :mod:`records_cap
        <participant.store.records_cap>`: one account more or less changes them by one.
        """
        keys = self.counted(customers_until, customers_cap)
        if len(keys) == 0:
            return
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            yield from stream(
                connection,
                self._events.relation(),
                customers=keys,
                items=item_keys,
                concepts=concepts,
                since=since,
                until=until,
                batch=batch,
            )

    def every_item(self) -> tuple[Item, ...]:
        """Every item that was ever sold or listed here, in order of key, with or without a concept."""
        return self.catalogue.items()

    def item_rows(
        self,
        catalogue: Sequence[Item],
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int = 0,
        batch: int = BATCH,
    ) -> Iterator[RowBatch]:
        """The same customers as :meth:`taste_rows`, batch by batch; ``indices`` are places in ``catalogue``."""
        keys = self.counted(customers_until, customers_cap)
        if len(keys) == 0:
            return
        with self._events.scanning() as connection:
            yield from stream(
                connection,
                self._events.relation(),
                customers=keys,
                items=np.array([item.key for item in catalogue], np.int64),
                concepts=np.arange(len(catalogue)),
                since=since,
                until=until,
                batch=batch,
            )

    def shelf(self, vocabulary: Vocabulary, *, since: int, until: int) -> Shelf:
        """What was on the shelves in a window: see ``records_shelf``."""
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with reading(self._engine) as connection:
            files, categories = shelf_files(connection, self._data), item_categories(connection)
        with self._events.scanning() as work:
            return load_shelf(
                work,
                files,
                items=item_keys,
                concepts=concepts,
                categories=categories,
                n_concepts=len(vocabulary),
                since=since,
                until=until,
            )

    def journeys(
        self,
        vocabulary: Vocabulary,
        shelf: Shelf,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int = 0,
        batch: int = BATCH,
    ) -> Iterator[JourneyBatch]:
        """What the customers of :meth:`taste_rows` bought and saw; those who bought nothing in the window left out."""
        keys = self.counted(customers_until, customers_cap)
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            yield from stream_journeys(
                connection,
                self._events.journeys_relation(),
                shelf,
                customers=keys,
                items=item_keys,
                concepts=concepts,
                since=since,
                until=until,
                batch=batch,
            )

    def visits(
        self,
        vocabulary: Vocabulary,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int = 0,
        batch: int = BATCH,
    ) -> Iterator[VisitBatch]:
        """When and in which surroundings the customers of :meth:`taste_rows` bought what, batch by batch."""
        keys = self.counted(customers_until, customers_cap)
        if len(keys) == 0:
            return
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            yield from stream_visits(
                connection,
                self._events.journeys_relation(),
                calendar=self.calendar,
                surroundings=load(self._engine),
                customers=keys,
                items=item_keys,
                concepts=concepts,
                since=since,
                until=until,
                batch=batch,
            )

    def bands_at(self, seconds: int, store: str = "") -> Ints:
        """The bands of one moment at one store, shape (len(FACETS),), UNKNOWN where nothing is known."""
        day = int(self.calendar.local(np.array([seconds]))[0]) // DAY_S
        with reading(self._engine) as connection:
            known = load_for(connection, day, store)
        place = known.stores.index(store) + 1 if store in known.stores else 0
        return bands_of(np.array([seconds]), np.array([place]), self.calendar, known)[:, 0]

    def history(self, external_id: str, vocabulary: Vocabulary) -> History:
        """Everything one customer bought here.

        Raises:
            UnknownCustomer: no such customer.
        """
        query = select(customers.c.customer_key, customers.c.opted_out).where(
            customers.c.external_id == external_id
        )
        with self._events.held():
            with reading(self._engine) as database:
                found = database.execute(query).first()
                if found is None:
                    raise unknown()
                events = self._events.relation_in(database)
                mapped_items, mapped_concepts = self.catalogue.mapping_in(database, vocabulary)
            one = [int(found.customer_key)]
            wanted = f"SELECT DISTINCT item_key FROM {events} WHERE customer_key = ?"
            bought = self._events.lookup().execute(wanted, one).fetchnumpy()
        item_keys = np.asarray(bought["item_key"], np.int64)
        at = np.searchsorted(mapped_items, item_keys)
        inside = at < len(mapped_items)
        known = at[inside][mapped_items[at[inside]] == item_keys[inside]]
        return History(
            opted_out=bool(found.opted_out),
            concepts=np.unique(mapped_concepts[known]),
            item_keys=item_keys,
            customer_key=int(found.customer_key),
        )

    def starter_products(self, vocabulary: Vocabulary, *, until: int) -> dict[int, Product]:
        """The shop's own best starter product of every concept it sells: see ``records_products``."""
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            best = starter_products(
                connection, self._events.relation(), items=item_keys, concepts=concepts, until=until
            )
        return self.catalogue.products(best)

    def habits(self, vocabulary: Vocabulary, *, until: int, customers_until: int, obvious: Ints) -> Habits:
        """How the customers of :meth:`taste_rows` explore: see ``records_habits``; ``obvious`` are concepts."""
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            return habits(
                connection,
                self._events.relation(),
                customers=self.counted(customers_until, 0),
                items=item_keys,
                concepts=concepts,
                obvious=obvious,
                until=until,
            )

    def on_sale(self, vocabulary: Vocabulary, *, until: int, customers_until: int) -> NDArray[np.float64]:
        """How much of the shop's discovering each concept was on sale for: see ``records_habits``."""
        item_keys, concepts = self.catalogue.mapping(vocabulary)
        with self._events.scanning() as connection:
            return on_sale(
                connection,
                self._events.relation(),
                customers=self.counted(customers_until, 0),
                items=item_keys,
                concepts=concepts,
                n_concepts=len(vocabulary),
                until=until,
            )

    def counted(self, customers_until: int, customers_cap: int) -> Ints:
        """Sorted keys of the customers of :meth:`taste_rows`: first seen before, not opted out, within the cap."""
        query = (
            select(customers.c.customer_key, customers.c.external_id)
            .where(customers.c.first_seen < customers_until, customers.c.opted_out.is_(False))
            .order_by(customers.c.customer_key)
        )
        place = self._order.places() if customers_cap else _nowhere
        with reading(self._engine) as database:
            rows = ((int(row[0]), place(row[1])) for row in database.execute(query))
            found = np.fromiter(rows, [("key", np.int64), ("place", np.uint64)])
        keys: Ints = found["key"]
        if 0 < customers_cap < len(keys):
            keys = np.sort(keys[np.argsort(found["place"], kind="stable")[:customers_cap]])
        return np.ascontiguousarray(keys)


def _nowhere(_external_id: str) -> int:
    return 0


def unknown() -> UnknownCustomer:
    """The error, in words that hold no id."""
    return UnknownCustomer(
        expected="a customer who has bought here",
        came="an id that is in no import",
        do="compare it with the ids in the shop's data; nothing is stored under this one",
    )
