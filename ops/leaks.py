"""``make leaks``: search everything the demo wrote, and all its web pages show, for its secrets and its citizens.

After ``make demo`` and ``make demo-change`` a real scheduler has run every kind of task. Whatever opens a door
(secrets, tokens, keys) and whoever is told something (openids, and names outside of what was published) must then be
found in no log, no XCom, no rendered template and no table of Airflow's. Secrets and openids must not stand in the
ledger either, where they are sealed. Nor may any of them be shown to an administrator, on the board or by Airflow
(``shown``); for that a connection is made as a person would make it, full of secrets of its own, and taken away.
That the search can find what it looks for is proved first.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ops import connections, services, shown
from ops.clients import Airflow, Sandbox
from ops.home import Home, OpsError

#: Shorter names are words of the language too.
_SHORTEST_NAME = 3
_SHORTEST_SECRET = 6
_NOT_SECRET = {"conn_type", "host", "login", "port", "schema"}

#: The other side knows its own, and the demo's judge counts who got what; the secrets file is where secrets belong.
_NOT_OURS = {"sandbox", "demo"}

Needles = Mapping[str, bytes]  # what it is → the bytes to look for


def secrets(home: Home) -> dict[str, bytes]:
    """Whatever opens a door."""
    found: dict[str, bytes] = {}
    for name, connection in connections.read(home).items():
        parts: dict[str, Any] = {**connection, **connection.get("extra", {})}
        for part, value in parts.items():
            if part not in _NOT_SECRET and isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
                found[f"{name}.{part}"] = value.encode()
    for n, (token,) in enumerate(_other_side(home, "SELECT token FROM wx_token")):
        found[f"access token {n + 1}"] = str(token).encode()
    return found


def people(home: Home, sandbox: Sandbox) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """(openids, names) of every citizen; a name also as JSON writes it."""
    citizens = _other_side(home, "SELECT openid, name FROM wx_follower ORDER BY openid")
    published = json.dumps(sandbox.get("/cms/articles"), ensure_ascii=False)
    openids = {f"openid of citizen {n + 1}": str(openid).encode() for n, (openid, _) in enumerate(citizens)}
    names: dict[str, bytes] = {}
    for n, (_, name) in enumerate(citizens):
        if len(name) >= _SHORTEST_NAME and name not in published:
            names[f"name of citizen {n + 1}"] = name.encode()
            names[f"name of citizen {n + 1} as JSON"] = json.dumps(name)[1:-1].encode()
    return openids, names


def _other_side(home: Home, query: str) -> list[Any]:
    """What the sandbox knows and tells nobody: its tokens, its citizens."""
    file = home.var / "sandbox" / "sandbox.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def search(home: Home, doors: Needles, openids: Needles, names: Needles) -> Iterator[str]:
    """Where something was found: one line each, which says what and not its value."""
    everywhere = {**doors, **openids, **names}
    for file in sorted(home.var.rglob("*")):
        where = file.relative_to(home.var)
        if not file.is_file() or _NOT_OURS & set(where.parts) or file.name == home.secrets_file.name:
            continue  # ``make demo-cli`` has a home of its own in this one
        if file.suffix in (".db-wal", ".db-shm"):
            continue  # read through their database
        if file.suffix == ".db":
            wanted = everywhere if where.parts[0] == "airflow" else {**doors, **openids}
            yield from (f"{where}: {found}" for found in _in_database(file, wanted))
        else:
            content = file.read_bytes()
            yield from (f"{where}: {what}" for what, value in everywhere.items() if value in content)


def _in_database(file: Path, wanted: Needles) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = database.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            seen: set[tuple[str, str]] = set()
            for row in cursor:
                for column, value in zip(columns, row, strict=True):
                    content = value.encode() if isinstance(value, str) else value
                    if not isinstance(content, bytes):
                        continue
                    for what, needle in wanted.items():
                        if needle in content and (column, what) not in seen:
                            seen.add((column, what))
                            yield f"table {table}, column {column}: {what}"


#: One text of each kind of page that a demo surely leaves.
KNOWN = {
    "the board's items": '<iframe class="phone"',
    "the picture of a phone": "<foreignObject ",
    "a question": "第 1 / 2 人",
    "a task's log": "发起审核 start reviews",
    "an XCom": "key: return_value",
    "a task's rendered fields": "rendered_fields: ",
    "a connection": "weigov_leaks_canary",
}
#: How many cases the board is asked about.
_CASES = 20
_MASKED = ("token", "encoding_aes_key", "previous_encoding_aes_key", "appsecret")
#: A connection full of secrets, as a person would make it in Airflow's form.
_CANARY = {
    "connection_id": "weigov_leaks_canary",
    "conn_type": "wechat_account",
    "host": "https://api.weixin.qq.com",
    "login": "wxcanary",
    "password": "canary-in-the-password",
    "port": 443,
    "extra": json.dumps({name: f"canary-in-{name}" for name in _MASKED}),
}


@contextmanager
def canary(api: Airflow) -> Iterator[dict[str, bytes]]:
    """A connection made over Airflow's API, there while the block lasts; its secrets."""
    here = f"/connections/{_CANARY['connection_id']}"
    api.write("POST", "/connections", _CANARY)
    try:
        yield {
            "canary.password": str(_CANARY["password"]).encode(),
            **{f"canary.{name}": value.encode() for name, value in json.loads(str(_CANARY["extra"])).items()},
        }
    finally:
        api.write("DELETE", here, {})


def search_shown(pages: Iterable[shown.Page], needles: Needles, known: Mapping[str, str]) -> Iterator[str]:
    """Where one of ``pages`` shows one of ``needles``, a line each.

    Raises OpsError unless each of ``known`` (what it is → a text) was shown somewhere: then the walk missed a part.
    """
    wanted = {**needles, **{f"known: {what}": value.encode() for what, value in known.items()}}
    missed = set(known)
    for where, what in shown.found_in(pages, wanted):
        if what.startswith("known: "):
            missed.discard(what.removeprefix("known: "))
        else:
            yield f"shown at {where}: {what}"
    if missed:
        raise OpsError(f"the walk through the pages is blind: it did not see {', '.join(sorted(missed))}")


def prove(home: Home, needles: Needles) -> None:
    """Raises OpsError unless the search finds everything it looks for when it is there."""
    place = home.log / "leaks-proof.txt"
    place.write_bytes(b"\n".join(needles.values()))
    try:
        found = list(search(home, needles, {}, {}))
    finally:
        place.unlink()
    missed = [what for what in needles if not any(line == f"log/leaks-proof.txt: {what}" for line in found)]
    if missed:
        raise OpsError(f"the search is blind: it did not find {', '.join(missed)} where it was put")


def _pages(home: Home, api: Airflow, sandbox: Sandbox) -> Iterator[shown.Page]:
    browser = shown.Browser(home.airflow_url, api.token())
    yield from shown.board(browser.get)
    for case in sandbox.get("/cases/cases")[:_CASES]:
        yield browser.why(str(case["case_no"]))
    yield from shown.airflow(api)


def run(home: Home) -> int:
    sandbox = Sandbox(home.sandbox_url)
    if not all(services.status(home).values()):
        raise OpsError("the demo is not running; say make demo, then make demo-change")
    doors, (openids, names) = secrets(home), people(home, sandbox)
    prove(home, {**doors, **openids, **names})
    api = services.admin(home)
    with canary(api) as canaries:
        doors |= canaries
        found = list(search(home, doors, openids, names))
        found += search_shown(_pages(home, api, sandbox), {**doors, **openids, **names}, KNOWN)
    for line in dict.fromkeys(found):
        print(f"leaks: {line}")
    looked = sum(file.is_file() for file in home.var.rglob("*"))
    print(
        f"leaks: {len(found)} found; {looked} files, the board and Airflow's pages looked at for {len(doors)} secrets"
        f" and {len(openids)} citizens"
    )
    return 1 if found else 0


def main() -> int:
    try:
        return run(Home.from_environ())
    except OpsError as error:
        print(f"leaks: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
