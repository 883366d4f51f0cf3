"""Keep what varies in an incident's line, and how often it came, for the board to say in the reader's language.

And find what is to be taken down without looking at every article that waits or failed.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: As 0011 made it. SQLite says a default of false otherwise once it was read back from there.
_BEFORE = sa.Table(
    "incident",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
    sa.Column("site", sa.String(length=64), nullable=False),
    sa.Column("key", sa.String(length=256), nullable=False),
    sa.Column("open_key", sa.String(length=330), nullable=True),
    sa.Column("said", sa.Text(), nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("gone_since", sa.DateTime(timezone=True), nullable=True),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("told", sa.Text(), server_default="", nullable=False),
    sa.Column("told_over", sa.Text(), server_default="", nullable=False),
    sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_incident"),
    sa.UniqueConstraint("open_key", name="uq_incident_open_key"),
    sa.Index("ix_incident_untold", "site", "id", sqlite_where=sa.text("NOT settled")),
)


def upgrade() -> None:
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("incident", recreate=recreate, copy_from=_BEFORE) as incident:
        incident.add_column(sa.Column("why", sa.Text(), server_default="", nullable=False))
        incident.add_column(sa.Column("times", sa.Integer(), server_default="1", nullable=False))
    op.create_index("ix_incident_closed", "incident", ["site", "closed_at"])
    op.create_index(
        "ix_delivery_remove", "delivery", ["site", "state"],
        sqlite_where=sa.text("effect = 'remove'"), postgresql_where=sa.text("effect = 'remove'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_delivery_remove", table_name="delivery")
    op.drop_index("ix_incident_closed", table_name="incident")
    op.drop_column("incident", "times")
    op.drop_column("incident", "why")
