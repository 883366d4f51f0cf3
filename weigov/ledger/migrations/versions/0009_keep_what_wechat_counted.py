"""Keep what WeChat counted, which articles it counted, and which days were asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def upgrade() -> None:
    op.create_table(
        "figure",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("msgid", sa.String(length=64), server_default="", nullable=False),
        sa.Column("metric", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure")),
        sa.UniqueConstraint("appid", "kind", "day", "msgid", "metric", name="uq_figure_appid_kind_day_msgid_metric"),
    )
    op.create_table(
        "counted_article",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("msgid", sa.String(length=64), nullable=False),
        sa.Column("published_on", sa.String(length=10), server_default="", nullable=False),
        sa.Column("title", sa.String(length=400), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_counted_article_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_article")),
        sa.UniqueConstraint("appid", "msgid", name="uq_counted_article_appid_msgid"),
    )
    with op.batch_alter_table("counted_article") as counted_article:
        counted_article.create_index("ix_counted_article_delivery", ["delivery_id"])
    op.create_table(
        "figure_pull",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_pull")),
        sa.UniqueConstraint("appid", "kind", "day", name="uq_figure_pull_appid_kind_day"),
    )
