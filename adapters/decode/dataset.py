"""Answers of .NET services that return a DataSet: ``xs:schema`` and a ``diffgr:diffgram`` with the tables.

Rows are where they stand now: ``//NewDataSet/Table``. What a diffgram keeps beside them is left out: rows as they
were before (``diffgr:before``), errors, rows marked as deleted, and the attributes by which it tells them apart. A
column that is null is not there at all. Rules: the DiffGram format of ADO.NET.
"""

from __future__ import annotations

from typing import Any

from adapters.decode.rows import row

_DIFFGRAM = "{urn:schemas-microsoft-com:xml-diffgram-v1}"
_BESIDE = frozenset({f"{_DIFFGRAM}before", f"{_DIFFGRAM}errors", "{http://www.w3.org/2001/XMLSchema}schema"})


def current_row(element: Any, above: tuple[str, ...]) -> dict[str, Any] | None:
    """The element as a row; None where it is no current row of the set."""
    if element.get(f"{_DIFFGRAM}hasChanges") == "deleted":
        return None
    if not _BESIDE.isdisjoint(above):
        return None
    return row(element)
