"""All that the web pages show: the board, page by page, and what Airflow's own pages are made of, its REST API.

For ``make leaks``. Read with an administrator's log-in, who sees most. The board is walked along its own links; of
Airflow come the lists (runs, tasks with their rendered fields, questions, XComs, events, connections) and each task's
log. Only texts are given out: what is looked for in them is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import unescape
from typing import Any

import httpx

from ops.clients import Airflow
from ops.home import OpsError

#: An address → what stands there.
Get = Callable[[str], str]
Page = tuple[str, str]  # where, and its text

BOARD = "/weigov/"
_LINK = re.compile(r'(?:href|src)="(/weigov/[^"#]*)')
_MOST_PAGES = 4000
#: Lists of Airflow's API → what the rows are called there.
LISTS = {
    "/dags": "dags",
    "/dags/~/dagRuns": "dag_runs",
    "/dags/~/dagRuns/~/taskInstances": "task_instances",
    "/dags/~/dagRuns/~/hitlDetails": "hitl_details",
    "/dags/~/dagRuns/~/taskInstances/~/xcomEntries": "xcom_entries",
    "/assets": "assets",
    "/assets/events": "asset_events",
    "/connections": "connections",
    "/variables": "variables",
    "/pools": "pools",
    "/eventLogs": "event_logs",
    "/importErrors": "import_errors",
    "/plugins": "plugins",
}


def board(get: Get, start: str = BOARD) -> Iterator[Page]:
    """Every page of the board that a link leads to, each once, in one language. Raises OpsError for too many."""
    waiting, seen = [start], {start}
    while waiting:
        here = waiting.pop()
        text = get(here)
        yield here, text
        for found in _LINK.findall(text):
            link = unescape(found)
            if link not in seen and "lang=" not in link:
                seen.add(link)
                waiting.append(link)
                if link.startswith(f"{BOARD}preview/"):  # the review form's picture of the same; no page links to it
                    waiting.append(f"{BOARD}item/{link.rpartition('/')[2]}/phone.svg")
        if len(seen) > _MOST_PAGES:
            raise OpsError(f"the board has more than {_MOST_PAGES} pages; search a smaller demo")


def airflow(api: Airflow) -> Iterator[Page]:
    """What Airflow's API says, list by list, then each XCom's value and each task's log."""
    for path, name in LISTS.items():
        rows = _rows(api, path, name)
        for row in rows:
            yield path, _text(row)
        if name == "xcom_entries":
            for row in rows:
                where = f"{_task(row)}/xcomEntries/{row['key']}"
                yield where, _text(api.get(where, map_index=row["map_index"]))
        if name == "task_instances":
            for row in rows:
                for attempt in range(1, int(row["try_number"]) + 1):
                    where = f"{_task(row)}/logs/{attempt}"
                    yield where, _text(api.get(where, map_index=row["map_index"], full_content="true"))


class Browser:
    """Reads pages as an administrator who is logged in. Raises OpsError for a page that cannot be read."""

    def __init__(self, airflow_url: str, token: str) -> None:
        cookies = {"_token": token}
        self._http = httpx.Client(
            base_url=airflow_url, timeout=60, trust_env=False, cookies=cookies, follow_redirects=True
        )
        self._origin = airflow_url

    def get(self, address: str) -> str:
        return self._text(address, self._http.get(address))

    def why(self, words: str) -> Page:
        """What the board says to whoever asks why a citizen got nothing."""
        address = f"{BOARD}why"
        answer = self._http.post(address, data={"words": words}, headers={"Origin": self._origin})
        return f"{address} for {words}", self._text(address, answer)

    def _text(self, address: str, answer: httpx.Response) -> str:
        if answer.is_error:
            raise OpsError(f"the page {address} answers {answer.status_code}; see log/airflow-api-server.log")
        return answer.text


def found_in(pages: Iterable[Page], needles: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """(where, what): as it is written, or as the page shows it."""
    for where, text in pages:
        shown = text + unescape(text)
        for what, value in needles.items():
            if value.decode() in shown:
                yield where, what


def _rows(api: Airflow, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, limit=100, offset=len(found))
        found += page[name]
        if not page[name] or len(found) >= page["total_entries"]:
            return found


def _task(row: dict[str, Any]) -> str:
    run = row.get("dag_run_id") or row["run_id"]
    return f"/dags/{row['dag_id']}/dagRuns/{run}/taskInstances/{row['task_id']}"


def _text(value: Any) -> str:
    """Everything in it, keys and values, without JSON's escapes."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return str(value)
