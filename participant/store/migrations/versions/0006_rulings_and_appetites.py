"""What the officer ruled about sensitive categories, and what customers said of their own appetite"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rulings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("named", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rulings")),
    )
    op.create_table(
        "appetites",
        sa.Column(
            "customer_key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("consented_at", sa.BigInteger(), nullable=True),
        sa.Column("uniqueness", sa.Float(), nullable=True),
        sa.Column("openness", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("customer_key", name=op.f("pk_appetites")),
    )


def downgrade() -> None:
    op.drop_table("appetites")
    op.drop_table("rulings")
