"""Keep when WeChat closed a citizen's window, and find those who left long ago."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closed_window",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("openid_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_window")),
        sa.UniqueConstraint("appid", "openid_hash", name=op.f("uq_closed_window_appid_openid_hash")),
    )
    op.create_index("ix_citizen_gone", "citizen", ["appid", "gone", "gone_at"])


def downgrade() -> None:
    op.drop_index("ix_citizen_gone", "citizen")
    op.drop_table("closed_window")
