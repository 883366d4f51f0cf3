"""Count the calls to each upstream and its failures, for all workers; keep what a collect noticed."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: As 0001 made it: read back from SQLite, a default would come in brackets.
_BEFORE = sa.Table(
    "stream_state",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
    sa.Column("site", sa.String(length=64), nullable=False),
    sa.Column("system", sa.String(length=64), nullable=False),
    sa.Column("stream", sa.String(length=64), nullable=False),
    sa.Column("version", sa.Integer(), server_default="0", nullable=False),
    sa.Column("first_completed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("last_started_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("last_completed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("last_problem", sa.Text(), server_default="", nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_stream_state"),
    sa.UniqueConstraint("site", "system", "stream", name="uq_stream_state_site_system_stream"),
)


def upgrade() -> None:
    # SQLite would append the column to the end of its text of the table; made anew, it is as tables.py says.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    before = "first_completed_at" if recreate == "always" else None
    with op.batch_alter_table("stream_state", recreate=recreate, copy_from=_BEFORE) as stream_state:
        stream_state.add_column(
            sa.Column("first_started_at", sa.DateTime(timezone=True), nullable=True), insert_before=before
        )
        stream_state.add_column(sa.Column("last_notes", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "upstream",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), server_default="", nullable=False),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shut_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream")),
        sa.UniqueConstraint("site", "system", name=op.f("uq_upstream_site_system")),
    )
