"""What an integrator writes by hand: requests, its ``json()``, an upsert by SQLAlchemy Core, one commit a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from bench.variants import Count, Step
from bench.variants.sql import CoreTable


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    table = CoreTable(spec["folder"])

    def pull() -> Count:
        with requests.Session() as session:
            page, read, total = 1, 0, 1
            while read < total:
                asked = {"page": page, "size": spec["page"]}
                found = session.get(f"{spec['url']}/articles", params=asked, timeout=60).json()
                table.upsert(found["rows"])
                page, read, total = page + 1, read + len(found["rows"]), found["total"]
        return table.count

    yield "first", pull
    yield "unchanged", pull
