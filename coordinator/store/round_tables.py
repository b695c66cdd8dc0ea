"""Tables of rounds: attempts, their phases, what members sent, and what became of it.

The database is the whole state of a round: whoever restarts the daemon resumes from these rows.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from coordinator.store.metadata import metadata

BIG_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of type INTEGER."""

rounds = Table(
    "rounds",
    metadata,
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("question", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("retries_left", Integer, nullable=False),
    Column("phase_seconds", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)
"""``state`` is open, released or failed; ``phase_seconds`` five numbers, space-separated."""

attempts = Table(
    "attempts",
    metadata,
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("config", LargeBinary, nullable=False),
    Column("config_hash", LargeBinary(32), nullable=False, unique=True),
    Column("phase", String(24), nullable=False),
    Column("expected", LargeBinary, nullable=False),
    Column("u1", LargeBinary, nullable=False, default=b""),
    Column("u2", LargeBinary, nullable=False, default=b""),
    Column("u3", LargeBinary, nullable=False, default=b""),
    Column("cause", String(64), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("blamed", LargeBinary, nullable=False, default=b""),
    Column("next_step", Text, nullable=False, default=""),
    PrimaryKeyConstraint("round", "attempt"),
    ForeignKeyConstraint(["round"], ["rounds.round"]),
)
"""``expected``, ``u1`` .. ``u3`` and ``blamed`` are sets of members: their ids one after another,
in roster order. ``expected`` is who the current phase waits for."""

phase_changes = Table(
    "phase_changes",
    metadata,
    Column("sequence", BIG_ID, primary_key=True, autoincrement=True),
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("phase", String(24), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("recipients", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    UniqueConstraint("round", "attempt", "phase"),
    ForeignKeyConstraint(["round", "attempt"], ["attempts.round", "attempts.attempt"]),
    sqlite_autoincrement=True,
)

messages = Table(
    "messages",
    metadata,
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("phase", String(24), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("submission", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("round", "attempt", "partner", "phase"),
    ForeignKeyConstraint(["round", "attempt"], ["attempts.round", "attempts.attempt"]),
)
"""One submission a member and phase, verified before it is stored."""

equivocations = Table(
    "equivocations",
    metadata,
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("phase", String(24), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("first", LargeBinary, nullable=False),
    Column("second", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("round", "attempt", "partner", "phase", "sha256"),
)
"""Evidence: two validly signed submissions where one was allowed."""

vectors = Table(
    "vectors",
    metadata,
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("route", String(16), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("round", "attempt", "partner"),
    ForeignKeyConstraint(["round", "attempt"], ["attempts.round", "attempts.attempt"]),
)
"""Masked vectors that are whole, verified and durable in the spool; the first one counts."""

leases = Table(
    "leases",
    metadata,
    Column("lease", String(32), primary_key=True),
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run_id", String(40), nullable=False),
    Column("done", Boolean, nullable=False, default=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("round", "attempt", "run_id"),
)

courier_errors = Table(
    "courier_errors",
    metadata,
    Column("id", BIG_ID, primary_key=True, autoincrement=True),
    Column("round", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("code", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("number", BIG_ID, primary_key=True, autoincrement=True),
    Column("release", LargeBinary(32), nullable=False, unique=True),
    Column("round", BigInteger, nullable=False, unique=True),
    Column("attempt", Integer, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    ForeignKeyConstraint(["round", "attempt"], ["attempts.round", "attempts.attempt"]),
)
"""One release a round, for ever: the unique key is what keeps anything from being summed twice."""

votes = Table(
    "votes",
    metadata,
    Column("release", LargeBinary(32), nullable=False),
    Column("voter", LargeBinary(16), nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("release", "voter"),
    ForeignKeyConstraint(["release"], ["releases.release"]),
)

check_messages = Table(
    "check_messages",
    metadata,
    Column("release", LargeBinary(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("release", "kind", "partner"),
    ForeignKeyConstraint(["release"], ["releases.release"]),
)
"""The fifth and sixth messages, of a linear check: one of each a survivor, verified before it is stored."""

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("body_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
)
"""Append-only. ``body`` is what was hashed; ``head`` the signed tree head after this entry."""

Index("ix_phase_changes_round", phase_changes.c.round, phase_changes.c.attempt)
