"""The CMS on its first day: columns, articles and files from ``sandbox/content``, dated back from the clock's now."""

import re
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from sandbox.cms import files, store
from sandbox.cms.paste import paste
from sandbox.content import Text, articles, columns, dated
from sandbox.upstream import wall
from sandbox.world import World

# Ids as such systems hand them out: 19 digits, never consecutive.
FIRST_ID, ID_STEP = 1893021547810004993, 4096013
_IMAGE = re.compile(r"^!(\S+)", re.MULTILINE)
_DATA = re.compile(r"!(data-\S+)")


def seed(world: World) -> None:
    _seed_channels(world)
    texts = articles()
    _seed_files(world, texts)
    now = world.clock.beijing()
    for number, text in enumerate(texts):
        store.add(world, _article(world, FIRST_ID + number * ID_STEP, text, now))


def _seed_channels(world: World) -> None:
    ids = {column.code: 1000 + number for number, column in enumerate(columns())}
    with world.transaction() as db:
        for column in columns():
            parent = ids.get(column.code[:-2], 0)
            sort = int(column.code[-2:])
            db.execute(
                "INSERT INTO cms_channel VALUES (?, ?, ?, ?, ?, ?)",
                (column.code, ids[column.code], parent, column.name, sort, column.path),
            )


def _article(world: World, article_id: int, text: Text, now: datetime) -> store.Article:
    moment = _moment(text, now)
    updated = moment + timedelta(hours=float(text.get("edited_h") or 0))
    lines = _DATA.sub(lambda match: "!" + files.data_address(match[1]), dated(text.body, moment))
    cover = text.get("cover")
    return store.Article(
        id=article_id,
        title=dated(text.get("title"), moment),
        short_title=dated(text.get("short"), moment),
        channel_code=text.get("column"),
        published_at=wall(moment),
        updated_at=wall(min(updated, now)),
        status=0 if text.get("withdrawn") else 1,
        url=store.address(world, text.get("column"), article_id),
        source=text.get("source"),
        doc_number=dated(text.get("doc"), moment),
        index_number=dated(text.get("index"), moment),
        written_on=(moment - timedelta(days=2)).strftime("%Y-%m-%d") if text.get("doc") else "",
        author=text.get("author") or "市融媒体中心",
        summary=_summary(lines),
        cover=store.HOST_MARK + store.FILES + cover if cover else "",
        html=paste(lines, text.listed("paste")),
        attachments=[_attachment(world, part) for part in text.listed("files", ";")],
    )


def _moment(text: Text, now: datetime) -> datetime:
    """``at: 3 09:30`` is 09:30 three days ago; ``at: 0.5h`` half an hour ago."""
    days, _, clock = text.get("at").partition(" ")
    if not clock:
        return now - timedelta(hours=float(days.removesuffix("h")))
    hour, minute = clock.split(":")
    day = now - timedelta(days=int(days))
    moment = day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return moment if moment <= now else moment - timedelta(days=1)


def _summary(lines: str) -> str:
    plain = [line for line in lines.splitlines() if line and line[0] not in "!|<#>"]
    return plain[0][:110] if plain else ""


def _seed_files(world: World, texts: list[Text]) -> None:
    pictures = {name for text in texts for name in _IMAGE.findall(text.body) if ":" not in name}
    pictures |= {text.get("cover") for text in texts if text.get("cover")}
    # ``dead-…`` stands in an article and nowhere else; ``data-…`` is within it.
    stored = sorted(name for name in pictures if not name.startswith(("dead-", "data-")))
    documents = {part: _stored_name(part) for text in texts for part in text.listed("files", ";")}
    with world.transaction() as db:
        for name in stored:
            db.execute("INSERT INTO cms_file VALUES (?, ?, ?)", (name, files.mime(name), files.picture(name)))
        for title, name in documents.items():
            body = files.document(name, PurePosixPath(title).stem)
            db.execute("INSERT OR REPLACE INTO cms_file VALUES (?, ?, ?)", (name, files.mime(name), body))


def _attachment(world: World, title: str) -> dict[str, str | int]:
    name = _stored_name(title)
    stored = store.file(world, name)
    return {"name": title, "url": store.HOST_MARK + store.FILES + name, "size": len(stored[1]) if stored else 0}


def _stored_name(title: str) -> str:
    """``W`` and a number, as publishing systems rename what is attached."""
    number = sum(ord(c) * (place + 7) for place, c in enumerate(title))
    return f"W0{number:012d}{PurePosixPath(title).suffix}"
