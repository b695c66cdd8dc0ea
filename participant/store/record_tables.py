"""Tables about customers, items and imports: read and written only by the record repositories.

Events themselves are Parquet files; a row of ``imports`` is the switch that makes one file visible.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
)

from participant.store.metadata import metadata

customers: Final = Table(
    "customers",
    metadata,
    Column(
        "customer_key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    Column("external_id", String(255), nullable=False, unique=True),
    Column("opted_out", Boolean, nullable=False, default=False, server_default=false()),
    Column("first_seen", BigInteger, nullable=False),
    Index("ix_customers_first_seen", "first_seen"),
)
"""One account at this company. ``first_seen`` is the unix second (UTC) of its first purchase here."""

items: Final = Table(
    "items",
    metadata,
    Column("item_key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("external_id", String(255), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("concept_name", Text, nullable=True),
    Index("ix_items_concept_name", "concept_name"),
)
"""The catalogue. ``concept_name`` is mapped to an index by the vocabulary in force, when it is read."""

imports: Final = Table(
    "imports",
    metadata,
    Column("import_id", Integer, primary_key=True),
    Column("source_digest", String(64), nullable=False, unique=True),
    Column("folder", String(80), nullable=True),
    Column("rows_read", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("already_stored", BigInteger, nullable=False),
    Column("unmapped_share", Float, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""One import each. ``folder`` is null when an import brought nothing that was not stored already."""

rejected: Final = Table(
    "rejected_rows",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.import_id"), primary_key=True),
    Column("reason", String(40), primary_key=True),
    Column("rows", BigInteger, nullable=False),
)
"""How many rows an import refused, by reason; the rows themselves are in its rejected file."""

shelves: Final = Table(
    "shelves",
    metadata,
    Column("shelf_id", Integer, primary_key=True),
    Column("source_digest", String(64), nullable=False, unique=True),
    Column("folder", String(80), nullable=False),
    Column("rows_read", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""One import each of what was on the shelves; its rows are a Parquet file, visible by this row alone."""

surroundings: Final = Table(
    "surroundings",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("store", String(255), primary_key=True),
    Column("band", String(32), nullable=False),
)
"""Weather, kind of place or event on a local day (since 1970, -1: every day) at a store ("": every store)."""

erasures: Final = Table(
    "erasures",
    metadata,
    Column("keyed", LargeBinary(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("customer_key", BigInteger, nullable=True),
    Column("scrubbed_at", BigInteger, nullable=True),
    Column("finished_at", BigInteger, nullable=True),
    Column("receipt", Text, nullable=False),
)
"""Customers who were erased, by a keyed hash of their id: purchases up to ``at`` are not read in again.

``customer_key`` is there only until every copy is gone; ``receipt`` is JSON and names no customer.
"""

appetites: Final = Table(
    "appetites",
    metadata,
    Column(
        "customer_key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    Column("removed_at", BigInteger, nullable=True),
    Column("consented_at", BigInteger, nullable=True),
    Column("uniqueness", Float, nullable=True),
    Column("openness", Float, nullable=True),
)
"""What a customer said of their own appetite: a questionnaire, with the second of consent, or that there be none."""
