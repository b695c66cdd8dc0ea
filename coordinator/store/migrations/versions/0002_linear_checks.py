"""What survivors say of a release in its linear check"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_messages",
        sa.Column("release", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("partner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"], ["releases.release"], name=op.f("fk_check_messages_release_releases")
        ),
        sa.PrimaryKeyConstraint("release", "kind", "partner", name=op.f("pk_check_messages")),
    )


def downgrade() -> None:
    op.drop_table("check_messages")
