"""dlt as its documentation shows it: its REST client and paginator, a resource with a primary key, merged.

``spec['destination']`` is ``sqlite`` (its SQLAlchemy destination) or ``duckdb`` (loaded from Parquet, by far its
fastest way). A second pull takes it minutes over SQLite: it is made only when ``again`` asks for it. Its workers keep
their defaults; telemetry is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}

import dlt  # reads its settings from the environment when it is imported
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

from bench.variants import Count, Step


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    folder = Path(spec["folder"]).absolute()
    sqlite = spec["destination"] == "sqlite"
    to = dlt.destinations.sqlalchemy if sqlite else dlt.destinations.duckdb
    file = folder / "articles.db"
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=str(folder / "pipelines"), dataset_name="bench",
        destination=to(f"sqlite:///{file}" if sqlite else str(file)),
    )  # fmt: skip

    def articles() -> Iterator[Any]:
        paginator = PageNumberPaginator(base_page=1, page_param="page", total_path=None, stop_after_empty_page=True)
        client = RESTClient(spec["url"], paginator=paginator)
        yield from client.paginate("/articles", params={"size": spec["page"]}, data_selector="rows")

    def pull() -> Count:
        pipeline.run(
            dlt.resource(articles, name="article", primary_key="id", write_disposition="merge"),
            loader_file_format=None if sqlite else "parquet",
        )
        return count

    def count() -> int:
        with pipeline.sql_client() as client:
            rows = client.execute_sql(f"SELECT count(*) FROM {client.make_qualified_table_name('article')}")
        return int(rows[0][0])

    yield "first", pull
    if spec["again"]:
        yield "unchanged", pull
