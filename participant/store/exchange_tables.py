"""Tables of everything that a node keeps about the exchange: who it is, what it saw, what left it.

Nothing here refers to a customer: those tables are in ``record_tables``, on the same metadata.
Times are unix seconds UTC; ids and hashes are fixed bytes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from participant.store.metadata import metadata

membership = Table(
    "membership",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("partner", LargeBinary(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("consortium", LargeBinary(16), nullable=False),
    Column("coordinator_url", Text, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

rosters = Table(
    "rosters",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("approved_at", BigInteger),
    Column("in_force_at", BigInteger),
)
"""Versions this node has signed (``approved_at``) or seen valid (``in_force_at``)."""

seen = Table(
    "seen",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("audit_size", BigInteger, nullable=False),
    Column("audit_head", LargeBinary(32), nullable=False),
    Column("counter", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
"""The highest audit log this node has seen, and its own counter of advertisements."""

vocabularies = Table(
    "vocabularies",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("in_use", Boolean, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("answer_id", LargeBinary(32), primary_key=True),
    Column("questions", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("vector_bytes", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("voided_at", BigInteger),
    Column("bound_to", LargeBinary),
    Column("bound_at", BigInteger),
)
"""Sealed vectors; ``bound_to`` is the one set of survivors each was unmasked for, once and for ever."""

attempts = Table(
    "attempts",
    metadata,
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("answer_id", LargeBinary(32), nullable=False),
    Column("config", LargeBinary, nullable=False),
    Column("config_hash", LargeBinary(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("sealed_state", LargeBinary, nullable=False),
    Column("transcript", LargeBinary, nullable=False),
    Column("survivors", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("concepts", BigInteger, nullable=False, server_default="0"),
    Column("loss", BigInteger),
    Column("customers_cap", BigInteger),
    Column("rows_since", BigInteger, nullable=False, server_default="0"),
    Column("rows_until", BigInteger, nullable=False, server_default="0"),
    Column("sample_rate", BigInteger),
)
"""``loss`` and ``customers_cap`` are this company's own price of the answer; without noise there is none. With a
``sample_rate`` it is a round on a sample of customers."""

checks = Table(
    "checks",
    metadata,
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("release", LargeBinary, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
)
"""Linear checks that have not ended; ``until`` is when silence counts as silence."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("answer_id", LargeBinary(32), nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("questions", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("quarter", BigInteger, nullable=False),
    Column("loss", BigInteger),
    Column("customers_cap", BigInteger),
    Column("rows_since", BigInteger, nullable=False),
    Column("rows_until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sample_rate", BigInteger),
    UniqueConstraint("round", "attempt", "kind"),
    CheckConstraint("kind IN ('debit', 'returned')", name="kind"),
    CheckConstraint("(loss IS NULL) = (customers_cap IS NULL)", name="priced"),
)
"""Lines are added and never changed: triggers refuse it. A ``returned`` line has its debit's numbers, and the
``reason`` of it; that of a debit is its note."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("round", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("input_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("questions", Text, nullable=False),
    Column("shape", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("privacy", Text, nullable=False),
    Column("committed_at", BigInteger, nullable=False),
    Column("handed_at", BigInteger),
    UniqueConstraint("round", "attempt", "kind"),
)
"""Every payload that left or may leave, committed before its first byte moves."""

releases = Table(
    "releases",
    metadata,
    Column("release", LargeBinary(32), primary_key=True),
    Column("round", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("questions", Text, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("file", Text, nullable=False),
    Column("witnessed", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("trained_at", BigInteger),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release", LargeBinary(32)),
    Column("folder", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("deployed_at", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("token_id", String(16), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("scope", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""Issued bearer tokens: only the hash of the text is kept."""

rulings = Table(
    "rulings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("subject", String(255), nullable=False),
    Column("named", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
)
"""What the officer ruled about sensitive categories, in order; the newest of a ``subject`` counts, none is changed."""
