"""The first tables of the coordinator."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entries")),
    )
    op.create_table(
        "consortium",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("consortium", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("coordinator_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_consortium_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consortium")),
    )
    op.create_table(
        "courier_errors",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courier_errors")),
    )
    op.create_table(
        "equivocations",
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=False),
        sa.Column("second", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "round", "attempt", "partner", "phase", "sha256", name=op.f("pk_equivocations")
        ),
    )
    op.create_table(
        "invites",
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_by", sa.LargeBinary(length=16), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_invites")),
    )
    op.create_table(
        "leases",
        sa.Column("lease", sa.String(length=32), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lease", name=op.f("pk_leases")),
        sa.UniqueConstraint("round", "attempt", "run_id", name=op.f("uq_leases_round")),
    )
    op.create_table(
        "members",
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identity_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("courier_key", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("certificate_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("flower_node", sa.String(length=20), nullable=True),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("partner", name=op.f("pk_members")),
        sa.UniqueConstraint("courier_key", name=op.f("uq_members_courier_key")),
        sa.UniqueConstraint("flower_node", name=op.f("uq_members_flower_node")),
        sa.UniqueConstraint("identity_key", name=op.f("uq_members_identity_key")),
        sa.UniqueConstraint("name", name=op.f("uq_members_name")),
    )
    op.create_table(
        "rosters",
        sa.Column("roster_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("in_force_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("roster_hash", name=op.f("pk_rosters")),
    )
    op.create_table(
        "rounds",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("retries_left", sa.Integer(), nullable=False),
        sa.Column("phase_seconds", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("round", name=op.f("pk_rounds")),
    )
    op.create_table(
        "tokens",
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_id", name=op.f("uq_tokens_token_id")),
    )
    op.create_table(
        "vocabularies",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_vocabularies")),
        sa.UniqueConstraint("version", name=op.f("uq_vocabularies_version")),
    )
    op.create_table(
        "attempts",
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("config_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("expected", sa.LargeBinary(), nullable=False),
        sa.Column("u1", sa.LargeBinary(), nullable=False),
        sa.Column("u2", sa.LargeBinary(), nullable=False),
        sa.Column("u3", sa.LargeBinary(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blamed", sa.LargeBinary(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["round"], ["rounds.round"], name=op.f("fk_attempts_round_rounds")),
        sa.PrimaryKeyConstraint("round", "attempt", name=op.f("pk_attempts")),
        sa.UniqueConstraint("config_hash", name=op.f("uq_attempts_config_hash")),
    )
    op.create_table(
        "roster_approvals",
        sa.Column("roster_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["roster_hash"], ["rosters.roster_hash"], name=op.f("fk_roster_approvals_roster_hash_rosters")
        ),
        sa.PrimaryKeyConstraint("roster_hash", "partner", name=op.f("pk_roster_approvals")),
    )
    op.create_table(
        "messages",
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("submission", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round", "attempt"],
            ["attempts.round", "attempts.attempt"],
            name=op.f("fk_messages_round_attempts"),
        ),
        sa.PrimaryKeyConstraint("round", "attempt", "partner", "phase", name=op.f("pk_messages")),
    )
    op.create_table(
        "phase_changes",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("recipients", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round", "attempt"],
            ["attempts.round", "attempts.attempt"],
            name=op.f("fk_phase_changes_round_attempts"),
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_phase_changes")),
        sa.UniqueConstraint("round", "attempt", "phase", name=op.f("uq_phase_changes_round")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("phase_changes", schema=None) as batch_op:
        batch_op.create_index("ix_phase_changes_round", ["round", "attempt"], unique=False)

    op.create_table(
        "releases",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("release", sa.LargeBinary(length=32), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round", "attempt"],
            ["attempts.round", "attempts.attempt"],
            name=op.f("fk_releases_round_attempts"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_releases")),
        sa.UniqueConstraint("release", name=op.f("uq_releases_release")),
        sa.UniqueConstraint("round", name=op.f("uq_releases_round")),
    )
    op.create_table(
        "vectors",
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("route", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round", "attempt"],
            ["attempts.round", "attempts.attempt"],
            name=op.f("fk_vectors_round_attempts"),
        ),
        sa.PrimaryKeyConstraint("round", "attempt", "partner", name=op.f("pk_vectors")),
    )
    op.create_table(
        "votes",
        sa.Column("release", sa.LargeBinary(length=32), nullable=False),
        sa.Column("voter", sa.LargeBinary(length=16), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["releases.release"], name=op.f("fk_votes_release_releases")),
        sa.PrimaryKeyConstraint("release", "voter", name=op.f("pk_votes")),
    )


def downgrade() -> None:
    op.drop_table("votes")
    op.drop_table("vectors")
    op.drop_table("releases")
    with op.batch_alter_table("phase_changes", schema=None) as batch_op:
        batch_op.drop_index("ix_phase_changes_round")

    op.drop_table("phase_changes")
    op.drop_table("messages")
    op.drop_table("roster_approvals")
    op.drop_table("attempts")
    op.drop_table("vocabularies")
    op.drop_table("tokens")
    op.drop_table("rounds")
    op.drop_table("rosters")
    op.drop_table("members")
    op.drop_table("leases")
    op.drop_table("invites")
    op.drop_table("equivocations")
    op.drop_table("courier_errors")
    op.drop_table("consortium")
    op.drop_table("audit_entries")
