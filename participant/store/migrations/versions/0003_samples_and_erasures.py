"""Rounds on samples of customers in the ledger, and which customers were erased"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("attempts", "ledger"):  # a plain new column: neither database touches the ledger's triggers
        op.add_column(table, sa.Column("sample_rate", sa.BigInteger(), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("keyed", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.BigInteger(), nullable=True),
        sa.Column("scrubbed_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("keyed", name=op.f("pk_erasures")),
    )


def downgrade() -> None:
    op.drop_table("erasures")
    for table in ("ledger", "attempts"):
        op.drop_column(table, "sample_rate")
