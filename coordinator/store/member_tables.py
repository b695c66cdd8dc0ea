"""Tables of who takes part: the consortium itself, invites, members, rosters, vocabularies, tokens.

Times are unix seconds UTC; ids and hashes are fixed bytes; signed things are kept as their exact
canonical bytes, so that a signature can be verified for ever.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from coordinator.store.metadata import metadata

consortium = Table(
    "consortium",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("consortium", LargeBinary(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("coordinator_key", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

invites = Table(
    "invites",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_by", LargeBinary(16)),
    Column("used_at", BigInteger),
)
"""Single-use: ``used_by`` is set once, in the transaction that makes the member."""

members = Table(
    "members",
    metadata,
    Column("partner", LargeBinary(16), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("identity_key", LargeBinary(32), nullable=False, unique=True),
    Column("courier_key", LargeBinary, nullable=False, unique=True),
    Column("certificate", Text, nullable=False),
    Column("certificate_hash", LargeBinary(32), nullable=False),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("flower_node", String(20), unique=True),
    Column("joined_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
)
"""Everybody who ever enrolled; whose sums count is in the roster. A removed member's requests are refused."""

rosters = Table(
    "rosters",
    metadata,
    Column("roster_hash", LargeBinary(32), primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("version", LargeBinary, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("in_force_at", BigInteger),
    Column("withdrawn", Boolean, nullable=False, default=False),
)

roster_approvals = Table(
    "roster_approvals",
    metadata,
    Column("roster_hash", LargeBinary(32), ForeignKey("rosters.roster_hash"), nullable=False),
    Column("partner", LargeBinary(16), nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("roster_hash", "partner"),
)

vocabularies = Table(
    "vocabularies",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("version", BigInteger, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("published_at", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("token_id", String(32), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("scope", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)
