"""zeep as its documentation shows it: the operation called, the objects it returns, an upsert by SQLAlchemy Core."""

# mypy: disable-error-code="no-untyped-call"
# zeep ships no types.

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import zeep

from bench import upstream
from bench.upstream.articles import COLUMNS
from bench.variants import Count, Step
from bench.variants.sql import CoreTable

_WSDL = Path(upstream.__file__).parent / "articles.wsdl"
_ROWS = 1000  # in one statement


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    table = CoreTable(spec["folder"])

    def pull() -> Count:
        client = zeep.Client(str(_WSDL), settings=zeep.Settings(xml_huge_tree=True))
        service = client.create_service("{urn:articles}ArticlesBinding", f"{spec['url']}/soap")
        page, read, total = 1, 0, 1
        while read < total:
            found = service.ListArticles(page=page, size=spec["page"])
            for at in range(0, len(found.article), _ROWS):
                rows = found.article[at : at + _ROWS]
                table.upsert({name: _text(getattr(row, name)) for name in COLUMNS} for row in rows)
            page, read, total = page + 1, read + len(found.article), found.total
        return table.count

    yield "first", pull
    yield "unchanged", pull


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
