"""Weather, kind of place and local events of days and stores"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "surroundings",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.String(length=255), nullable=False),
        sa.Column("band", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", "store", name=op.f("pk_surroundings")),
    )


def downgrade() -> None:
    op.drop_table("surroundings")
