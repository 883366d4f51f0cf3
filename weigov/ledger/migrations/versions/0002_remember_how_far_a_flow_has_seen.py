"""Remember until when a flow has seen its stream change, and by which fields: it may be away, or altered."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite would append the columns to the end of its text of the table; made anew, it is as tables.py says.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("position", recreate=recreate) as position:
        position.add_column(sa.Column("reads", sa.String(length=64), server_default="", nullable=False))
        position.add_column(sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
