"""The parameters of an operation, as a flow's ``with`` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import mirror
from weigov.ledger.streams import StreamRef
from weigov.mapping.times import format_time
from weigov.records import Record
from weigov.site.models import Constant, Flow, Formatted, SyncSource


def filled(
    ctx: Context,
    connection: Connection,
    flow: Flow,
    record: str,
    with_: Mapping[str, SyncSource],
    known: Mapping[str, Any],
) -> dict[str, str]:
    """Each parameter's text: from ``known``, else from the record as it is mirrored now. What is absent is empty."""
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    key = record.removeprefix(ref.record_ref(""))

    @cache
    def mirrored() -> Record | None:
        found = mirror.get(connection, ref, key)
        return found[1] if found else None

    def value_of(name: str) -> Any:
        if name == "key":
            return key
        if name in known or name.startswith(("receipt.", "figures.")):
            return known.get(name)
        record = mirrored()
        return record.get(name) if record else None

    def text(source: SyncSource) -> str:
        if isinstance(source, Constant):
            return source.value
        value = value_of(source.from_ if isinstance(source, Formatted) else source)
        if isinstance(source, Formatted):
            return format_time(value, source.format, ctx.site.zone) if isinstance(value, date) else ""
        if isinstance(value, datetime):
            return value.astimezone(ctx.site.zone).isoformat(timespec="seconds")
        return "" if value is None else str(value)

    return {name: text(source) for name, source in with_.items()}
