"""wechatpy as its documentation shows it: one call a message, its answer committed to SQLite (WAL, FULL) by itself.

``spec["threads"]``: 1 sends one after the other; more, so many at once, each with a client of its own.
It remembers what was answered, and nothing else: a message whose answer is lost is lost or sent twice.
"""

# mypy: disable-error-code="no-untyped-call"
# wechatpy ships no types.

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wechatpy import WeChatClient

from bench.variants import Count, Step

_DATA = {
    "thing1": {"value": "不动产登记"}, "phrase2": {"value": "受理"}, "character_string3": {"value": "SF000000000001"},
    "time4": {"value": "2026年3月5日 10:00"},
}  # fmt: skip


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    file = Path(spec["folder"]) / "sent.db"
    lock, here = threading.Lock(), threading.local()
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE sent (n INTEGER, msgid TEXT)"):
        database.execute(line)

    def client() -> Any:
        if not hasattr(here, "client"):
            WeChatClient.API_BASE_URL = spec["url"] + "/cgi-bin/"
            here.client = WeChatClient("wx0123456789abcdef", "s" * 32, access_token="bench-token")
            here.client._http.trust_env = False
        return here.client

    def send(number: int) -> None:
        answer = client().message.send_template(
            f"o{number:027d}", "TM00123", _DATA, url="https://town.example/?case=1"
        )
        with lock:
            database.execute("INSERT INTO sent VALUES (?, ?)", (number, str(answer["msgid"])))

    def work() -> Count:
        if spec["threads"] == 1:
            for number in range(spec["n"]):
                send(number)
        else:
            with ThreadPoolExecutor(spec["threads"]) as threads:
                list(threads.map(send, range(spec["n"])))
        return lambda: int(database.execute("SELECT COUNT(*) FROM sent").fetchone()[0])

    yield "first", work
