"""The privacy ledger, and what this company found that the answer of an attempt costs"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = "the ledger is append-only: lines are never changed"


def upgrade() -> None:
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("concepts", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("loss", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("customers_cap", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("rows_since", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("rows_until", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("answer_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("questions", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("quarter", sa.BigInteger(), nullable=False),
        sa.Column("loss", sa.BigInteger(), nullable=True),
        sa.Column("customers_cap", sa.BigInteger(), nullable=True),
        sa.Column("rows_since", sa.BigInteger(), nullable=False),
        sa.Column("rows_until", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('debit', 'returned')", name=op.f("ck_ledger_kind")),
        sa.CheckConstraint("(loss IS NULL) = (customers_cap IS NULL)", name=op.f("ck_ledger_priced")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("round", "attempt", "kind", name=op.f("uq_ledger_round")),
    )
    _refuse_changes()


def _refuse_changes() -> None:
    """No program that uses this database changes a line, whatever its mistake; both databases say so."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_no_{change.lower()} BEFORE {change} ON ledger "
                f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
    )


def downgrade() -> None:
    op.drop_table("ledger")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_is_append_only()")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        for name in ("rows_until", "rows_since", "customers_cap", "loss", "concepts"):
            batch_op.drop_column(name)
