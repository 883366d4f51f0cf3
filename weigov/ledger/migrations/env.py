"""What Alembic runs: the migrations, on the connection (and in the transaction) ``weigov.ledger.migrate`` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from weigov.ledger.tables import Utc, metadata


def _render(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """A migration says what the database has, so it stays true when our own types change."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Utc) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_render,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
context.run_migrations()
