"""The audit log as lines to be taken away: JSON lines, which can be verified later, or CSV to be read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from weigov.ledger.audit_log import Entry

#: A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(rows: Iterator[dict[str, Any]], form: str) -> Iterator[str]:
    """The rows of an export, each with its line end."""
    if form == "jsonl":
        for row in rows:
            yield json.dumps(row, ensure_ascii=False) + "\n"
        return
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(Entry.__dataclass_fields__))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
