"""What was on the shelves"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shelves",
        sa.Column("shelf_id", sa.Integer(), nullable=False),
        sa.Column("source_digest", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=80), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shelf_id", name=op.f("pk_shelves")),
        sa.UniqueConstraint("source_digest", name=op.f("uq_shelves_source_digest")),
    )


def downgrade() -> None:
    op.drop_table("shelves")
