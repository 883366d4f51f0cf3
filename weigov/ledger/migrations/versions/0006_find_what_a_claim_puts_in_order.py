"""Find what a claim first puts in order without looking at all that waits: what was deferred, what was retired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WHERE = {"ix_delivery_deferred": "state = 'deferred'", "ix_delivery_retired": "retire != ''"}
_COLUMNS = {"ix_delivery_deferred": ["target", "due_at"], "ix_delivery_retired": ["target", "state"]}


def upgrade() -> None:
    for name, where in _WHERE.items():
        op.create_index(
            name, "delivery", _COLUMNS[name], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
