"""What an import writes about customers and items, in one transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from participant.store.record_tables import customers, imports, items, rejected, shelves
from protocols.service.unit_of_work import reading, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    """A customer's key, id in the shop's own files, and first purchase (unix seconds)."""

    key: int
    external_id: str
    first_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """An item of the catalogue; ``is_new`` tells an insert from an update."""

    key: int
    external_id: str
    name: str
    brand: str
    category: str
    concept_name: str | None
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRecord:
    """One row of ``imports`` with its rejected counts."""

    source_digest: str
    folder: str | None
    rows_read: int
    kept: int
    already_stored: int
    unmapped_share: float
    first: int
    last: int
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfRecord:
    """One row of ``shelves``."""

    source_digest: str
    folder: str
    rows_read: int
    kept: int


class RecordsWriter:
    """Writes imports; the only writer of customers and items besides an opt-out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def visible_folders(self) -> frozenset[str]:
        """Event folders that a committed import names."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(imports.c.folder).where(imports.c.folder.is_not(None)))
            return frozenset(str(row.folder) for row in rows)

    def replace_folders(self, replaced: Mapping[str, str | None]) -> None:
        """Make other event folders visible in the place of those that are named; None: none, it held nothing else."""
        with transaction(self._engine) as connection:
            for old, new in replaced.items():
                connection.execute(update(imports).where(imports.c.folder == old).values(folder=new))

    def import_of(self, source_digest: str) -> bool:
        """Whether these very files were imported before with these settings."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(imports.c.import_id).where(imports.c.source_digest == source_digest)
            )
            return found.first() is not None

    def known_customers(self, batch: int) -> Iterator[list[tuple[int, str, int]]]:
        """(key, external id, first seen) of every customer, in batches."""
        query = select(customers.c.customer_key, customers.c.external_id, customers.c.first_seen)
        with reading(self._engine) as connection:
            for rows in connection.execute(query).partitions(batch):
                yield [(int(r[0]), str(r[1]), int(r[2])) for r in rows]

    def known_items(self, batch: int) -> Iterator[list[tuple[int, str]]]:
        """(key, external id) of every item, in batches."""
        with reading(self._engine) as connection:
            for rows in connection.execute(select(items.c.item_key, items.c.external_id)).partitions(batch):
                yield [(int(r[0]), str(r[1])) for r in rows]

    def store(
        self,
        record: ImportRecord,
        *,
        customers: Iterable[list[CustomerRow]],
        seen_earlier: Iterable[list[CustomerRow]],
        items: Iterable[list[ItemRow]],
        before_commit: Callable[[], None],
        at: int,
    ) -> None:
        """Write everything of one import; ``before_commit`` runs last and may still refuse it all."""
        with transaction(self._engine) as connection:
            for batch in customers:
                _insert_customers(connection, batch)
            for batch in seen_earlier:
                _move_first_seen(connection, batch)
            for rows in items:
                _write_items(connection, rows)
            _insert_import(connection, record, at)
            before_commit()

    def shelf_of(self, source_digest: str) -> bool:
        """Whether these very shelf files were imported before with these settings."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(shelves.c.shelf_id).where(shelves.c.source_digest == source_digest)
            )
            return found.first() is not None

    def store_shelf(
        self,
        record: ShelfRecord,
        *,
        items: Iterable[list[ItemRow]],
        before_commit: Callable[[], None],
        at: int,
    ) -> None:
        """Write everything of one shelf import; ``before_commit`` runs last and may still refuse it all."""
        with transaction(self._engine) as connection:
            for rows in items:
                _write_items(connection, rows)
            connection.execute(
                insert(shelves).values(
                    source_digest=record.source_digest,
                    folder=record.folder,
                    rows_read=record.rows_read,
                    kept=record.kept,
                    at=at,
                )
            )
            before_commit()


def _insert_customers(connection: Connection, batch: list[CustomerRow]) -> None:
    connection.execute(
        insert(customers),
        [
            {
                "customer_key": c.key,
                "external_id": c.external_id,
                "first_seen": c.first_seen,
                "opted_out": False,
            }
            for c in batch
        ],
    )


def _move_first_seen(connection: Connection, batch: list[CustomerRow]) -> None:
    connection.execute(
        update(customers)
        .where(customers.c.customer_key == bindparam("key"))
        .values(first_seen=bindparam("seen")),
        [{"key": c.key, "seen": c.first_seen} for c in batch],
    )


def _write_items(connection: Connection, rows: list[ItemRow]) -> None:
    def values(row: ItemRow) -> dict[str, str | int | None]:
        return {
            "name": row.name,
            "brand": row.brand,
            "category": row.category,
            "concept_name": row.concept_name,
        }

    new = [row for row in rows if row.is_new]
    if new:
        connection.execute(
            insert(items), [{"item_key": r.key, "external_id": r.external_id, **values(r)} for r in new]
        )
    known = [row for row in rows if not row.is_new]
    if known:
        statement = update(items).where(items.c.item_key == bindparam("key"))
        connection.execute(statement, [{"key": r.key, **values(r)} for r in known])


def _insert_import(connection: Connection, record: ImportRecord, at: int) -> None:
    result = connection.execute(
        insert(imports).values(
            source_digest=record.source_digest,
            folder=record.folder,
            rows_read=record.rows_read,
            kept=record.kept,
            already_stored=record.already_stored,
            unmapped_share=record.unmapped_share,
            first=record.first,
            last=record.last,
            at=at,
        )
    )
    key = result.inserted_primary_key
    if key is not None and record.rejected:
        connection.execute(
            insert(rejected),
            [{"import_id": key[0], "reason": why, "rows": rows} for why, rows in record.rejected.items()],
        )
