"""The CMS's tables, and the changes editors make to them."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.upstream import stamp_after, wall
from sandbox.world import World

SCHEMA = """
CREATE TABLE IF NOT EXISTS cms_channel (
    code TEXT PRIMARY KEY, id INTEGER NOT NULL, parent_id INTEGER NOT NULL, name TEXT NOT NULL,
    sort INTEGER NOT NULL, path TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cms_article (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, short_title TEXT NOT NULL, channel_code TEXT NOT NULL,
    published_at TEXT NOT NULL, updated_at TEXT NOT NULL, status INTEGER NOT NULL, url TEXT NOT NULL,
    source TEXT NOT NULL, doc_number TEXT NOT NULL, index_number TEXT NOT NULL, written_on TEXT NOT NULL,
    author TEXT NOT NULL, summary TEXT NOT NULL, cover TEXT NOT NULL, html TEXT NOT NULL, attachments TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS cms_article_order ON cms_article (updated_at, id);
CREATE TABLE IF NOT EXISTS cms_file (name TEXT PRIMARY KEY, mime TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cms_token (token TEXT PRIMARY KEY, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS cms_writeback (
    n INTEGER PRIMARY KEY AUTOINCREMENT, article_id INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cms_reads (
    article_id INTEGER NOT NULL, day TEXT NOT NULL, reads INTEGER NOT NULL, shares INTEGER NOT NULL,
    at TEXT NOT NULL, written INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (article_id, day));
"""

APP_ID, APP_SECRET = "weigov", "demo-cms-secret"
TOKEN_TTL_S = 1800
SITE = "https://www.shifan.example"
FILES = "/cms/files/"
# Stands in stored HTML for the sandbox's own address, which changes with its port.
HOST_MARK = "{{host}}"


@dataclass
class Article:
    id: int
    title: str
    short_title: str
    channel_code: str
    published_at: str
    updated_at: str
    status: int
    url: str
    source: str
    doc_number: str = ""
    index_number: str = ""
    written_on: str = ""
    author: str = ""
    summary: str = ""
    cover: str = ""
    html: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)


class NotThere(LookupError):
    """No such article or column."""


def address(world: World, channel_code: str, article_id: int) -> str:
    row = world.db.execute("SELECT path FROM cms_channel WHERE code = ?", (channel_code,)).fetchone()
    if row is None:
        raise NotThere(f"no column {channel_code}")
    return f"{SITE}{row['path']}{article_id}.html"


def channels(world: World) -> list[dict[str, Any]]:
    with world.lock:
        return [dict(row) for row in world.db.execute("SELECT * FROM cms_channel ORDER BY code")]


def article(world: World, article_id: int) -> Article:
    with world.lock:
        row = world.db.execute("SELECT * FROM cms_article WHERE id = ?", (article_id,)).fetchone()
    if row is None:
        raise NotThere(f"no article {article_id}")
    return _article(row)


def articles(
    world: World, *, under: str = "", updated_after: str = "", limit: int = -1, offset: int = 0
) -> tuple[list[Article], int]:
    """One page in the order of change, and how many there are in all."""
    where, values = "WHERE channel_code LIKE ? AND updated_at >= ?", (f"{under}%", updated_after)
    with world.lock:
        total = world.db.execute(f"SELECT count(*) FROM cms_article {where}", values).fetchone()[0]
        rows = world.db.execute(
            f"SELECT * FROM cms_article {where} ORDER BY updated_at, id LIMIT ? OFFSET ?", (*values, limit, offset)
        ).fetchall()
    return [_article(row) for row in rows], total


def add(world: World, new: Article) -> None:
    values = asdict(new) | {"attachments": json.dumps(new.attachments, ensure_ascii=False)}
    marks = ", ".join("?" * len(values))
    with world.transaction() as db:
        db.execute(f"INSERT INTO cms_article ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def newest_stamp(world: World) -> str:
    with world.lock:
        return str(world.db.execute("SELECT max(updated_at) FROM cms_article").fetchone()[0])


def next_id(world: World) -> int:
    with world.lock:
        highest = world.db.execute("SELECT max(id) FROM cms_article").fetchone()[0]
    return int(highest) + 8191


def change(world: World, article_id: int, **fields: str | int) -> Article:
    """Set the fields and stamp the change; the names are columns of ``cms_article``."""
    with world.lock:
        before = article(world, article_id)
        fields["updated_at"] = stamp_after(world, before.updated_at, newest_stamp(world))
        sets = ", ".join(f"{name} = ?" for name in fields)
        with world.db:
            world.db.execute(f"UPDATE cms_article SET {sets} WHERE id = ?", (*fields.values(), article_id))
        return article(world, article_id)


def new_token(world: World) -> str:
    token = secrets.token_hex(32)
    with world.transaction() as db:
        db.execute("INSERT INTO cms_token VALUES (?, ?)", (token, world.clock.timestamp() + TOKEN_TTL_S))
    return token


def token_lives(world: World, token: str) -> bool:
    with world.lock:
        row = world.db.execute("SELECT expires_at FROM cms_token WHERE token = ?", (token,)).fetchone()
    return row is not None and row["expires_at"] > world.clock.timestamp()


def write_back(world: World, article_id: int, body: dict[str, Any]) -> None:
    article(world, article_id)
    with world.transaction() as db:
        db.execute(
            "INSERT INTO cms_writeback (article_id, at, body) VALUES (?, ?, ?)",
            (article_id, wall(world.clock.now()), json.dumps(body, ensure_ascii=False)),
        )


def write_backs(world: World) -> list[dict[str, Any]]:
    with world.lock:
        rows = world.db.execute("SELECT * FROM cms_writeback ORDER BY n").fetchall()
    return [{"id": str(row["article_id"]), "at": row["at"], **json.loads(row["body"])} for row in rows]


def write_reads(world: World, article_id: int, day: str, reads: int, shares: int) -> None:
    """Reading figures of a day; writing them again replaces them."""
    article(world, article_id)
    with world.transaction() as db:
        db.execute(
            "INSERT INTO cms_reads (article_id, day, reads, shares, at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET reads = excluded.reads, shares = excluded.shares, at = excluded.at,"
            " written = written + 1",
            (article_id, day, reads, shares, wall(world.clock.now())),
        )


def reads(world: World) -> list[dict[str, Any]]:
    """Per article and day, and how often each was written."""
    with world.lock:
        rows = world.db.execute("SELECT * FROM cms_reads ORDER BY day, article_id").fetchall()
    return [{**dict(row), "article_id": str(row["article_id"])} for row in rows]


def file(world: World, name: str) -> tuple[str, bytes] | None:
    with world.lock:
        row = world.db.execute("SELECT mime, body FROM cms_file WHERE name = ?", (name,)).fetchone()
    return (row["mime"], row["body"]) if row else None


def _article(row: Any) -> Article:
    values = dict(row)
    return Article(**(values | {"attachments": json.loads(values["attachments"])}))
