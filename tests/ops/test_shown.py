"""The walk through what web pages show reaches every page, once, and sees what stands there in whatever writing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ops import shown
from ops.home import OpsError
from ops.leaks import search_shown

PAGES = {
    "/weigov/": '<a href="/weigov/deliveries?state=a&amp;flow=b">x</a><a href="/weigov/?lang=en">en</a>',
    "/weigov/deliveries?state=a&flow=b": '<a href="/weigov/item/7">7</a><a href="/weigov/">b</a><a href="/o/">o</a>',
    "/weigov/item/7": '<iframe class="phone" src="/weigov/preview/7"></iframe><a href="#life">x</a>',
    "/weigov/preview/7": "geheim&amp;lang",
    "/weigov/item/7/phone.svg": "<svg/>",
}


class Api:
    """As much of Airflow as the walk asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, path: str, **params: Any) -> Any:
        self.asked.append(path)
        task = {"dag_id": "d", "dag_run_id": "r", "task_id": "t", "map_index": -1, "try_number": 2}
        rows: dict[str, list[dict[str, Any]]] = {
            "/dags/~/dagRuns/~/taskInstances": [task],
            "/dags/~/dagRuns/~/taskInstances/~/xcomEntries": [
                {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "key": "k"}
            ],
            "/dags": [{"n": n} for n in range(150)],
        }
        if path in shown.LISTS:
            found = rows.get(path, [])
            return {
                shown.LISTS[path]: found[params["offset"] : params["offset"] + params["limit"]],
                "total_entries": len(found),
            }
        if "/logs/" in path:
            return {"content": [{"event": f"log {path[-1]}"}]}
        return {"value": {"name": "欧阳明"}}


def test_every_page_of_the_board_is_read_once_and_none_of_others() -> None:
    read: list[str] = []

    def get(address: str) -> str:
        read.append(address)
        return PAGES[address]

    list(shown.board(get))
    assert sorted(read) == sorted(PAGES)


def test_a_board_without_end_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "_MOST_PAGES", 20)
    with pytest.raises(OpsError, match="more than 20 pages"):
        list(shown.board(lambda address: f'<a href="{address}x">'))


def test_every_row_value_and_log_of_airflow_is_read() -> None:
    api = Api()
    pages = list(shown.airflow(api))  # type: ignore[arg-type]
    assert sum(where == "/dags" for where, _ in pages) == 150
    text = "\n".join(text for _, text in pages)
    assert "event: log 1" in text and "event: log 2" in text and "name: 欧阳明" in text
    assert set(shown.LISTS) <= set(api.asked)


def everything() -> Iterator[shown.Page]:
    yield from shown.board(PAGES.__getitem__)
    yield from shown.airflow(Api())  # type: ignore[arg-type]


def test_what_is_shown_is_found_as_written_and_as_read_and_the_walk_proves_itself() -> None:
    needles = {"cms.password": b"geheim&lang", "name of citizen 1": "欧阳明".encode()}
    known = {"a log": "event: log 1", "a page": "iframe"}
    found = list(search_shown(everything(), needles, known))
    assert found == [
        "shown at /weigov/preview/7: cms.password",
        "shown at /dags/d/dagRuns/r/taskInstances/t/xcomEntries/k: name of citizen 1",
    ]
    with pytest.raises(OpsError, match="did not see what is nowhere"):
        list(search_shown(everything(), {}, {**known, "what is nowhere": "nowhere"}))
