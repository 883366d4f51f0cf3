"""What the words of exchange tables and exchange folders must agree with each other about. Pure.

As ``consistency`` for the engines that make requests: every fault of a stream or an operation, each where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from adapters.exchange.table_words import carriers, sortable
from adapters.paths import slashed
from adapters.template import holes
from adapters.times import needs_zone
from adapters.vocabulary import Operation, RenameDone, Stream, TableSource, TimeRule, Vanished, Withdrawn, XmlStep
from weigov.yamlfile import Loc, did_you_mean

Found = tuple[Loc, str, str]

ENGINES = ("table", "files")

#: Words of streams that ask, with their engines; nobody asks a table or a folder.
_ASKING = ("request", "paging", "cursor", "for_each", "detail", "attachments", "outcome")


def stream(it: Stream, engine: Any, time: TimeRule | None, decode: Any) -> Iterator[Found]:
    """Faults of one stream, for whichever engine the descriptor names."""
    for word in ENGINES:
        if getattr(it, word) is not None and engine != word:
            yield (word,), f"belongs to engine {word}", ""
    if engine not in ENGINES:
        return
    for word in _ASKING:
        if word in it.model_fields_set:
            yield (word,), "belongs to engines that ask; a table or a folder is read", ""
    for i, rule in enumerate(it.withdrawn):
        if not isinstance(rule, Withdrawn):
            word = "vanished" if isinstance(rule, Vanished) else "tombstones"
            yield ("withdrawn", i), f"`{word}` belongs to engines that ask", "name the column that says so"
    if getattr(it, engine) is None:
        yield (engine,), f"is missing: engine {engine} reads from there", ""
    elif it.table is not None:
        if it.records != ".":
            yield ("records",), "belongs to other engines: every row is a record", ""
        if it.decode:
            yield ("decode",), "belongs to other engines", "name a `charset` in `table`"
        for loc, message, hint in _table(it.table, it, time):
            yield ("table", *loc), message, hint
    elif it.files is not None:
        for word in ("done", "failed"):
            action = getattr(it.files, word)
            if isinstance(action, RenameDone) and fnmatchcase(f"x.xml{action.rename}", it.files.pattern):
                yield ("files", word), "the renamed file would fit `pattern` and be read again", ""
        yield from _records(it.records, (it.decode or decode or ("xml",))[-1])


def operation(it: Operation, engine: Any) -> Iterator[Found]:
    """Faults of one operation of engine table or files; for the other engines only what does not belong there."""
    if engine == "files":
        yield (), "a folder accepts no operations", ""
        return
    if engine != "table":
        if it.table is not None:
            yield ("table",), "belongs to engine table", ""
        return
    for word in ("request", "query", "decode", "outcome", "success", "remote_id", "message"):
        if word in it.model_fields_set:
            yield (word,), "belongs to engines that ask", ""
    write = it.table
    if write is None:
        yield ("table",), "is missing: what is written where?", "write {insert: TABLE, values: {COLUMN: …}}"
        return
    given = [word for word in ("insert", "update", "upsert") if getattr(write, word) is not None]
    if len(given) != 1:
        yield ("table",), "needs one of `insert`, `update`, `upsert`", ""
        return
    for word in ("values",) if given == ["insert"] else ("key", "set"):
        if not getattr(write, word):
            yield ("table",), f"`{given[0]}` needs `{word}`", ""
    for word in ("set",) if given == ["insert"] else ("values",):
        if getattr(write, word):
            yield ("table", word), f"does not belong to `{given[0]}`", ""
    used = {part: holes(getattr(write, part)) for part in ("values", "key", "set")}
    allowed = {*it.params, "idempotency_key", "now"}
    for part, names in used.items():
        for hole in sorted(names - allowed):
            yield ("table", part), f"{{{hole}}} is unknown here", did_you_mean(hole, allowed)
    for i, param in enumerate(it.params):
        if not any(param in names for names in used.values()):
            yield ("params", i), f"{param} is not used in `table`", ""
    yield from _idempotency(it)


def _idempotency(it: Operation) -> Iterator[Found]:
    assert it.table is not None
    if it.idempotency == "key" and (it.table.insert is None or not carriers(it.table)):
        yield ("idempotency",), "`key` needs an `insert` with a unique column that takes {idempotency_key}", ""
    if it.idempotency == "overwrite" and it.table.insert is not None:
        yield ("idempotency",), "an `insert` twice is two rows", "say upsert, or idempotency: key"
    if it.idempotency == "query_first" and not it.table.key:
        yield ("idempotency",), "`query_first` needs `key`, by which the row is found", ""


def _table(rule: TableSource, it: Stream, time: TimeRule | None) -> Iterator[Found]:
    if rule.sign is not None and rule.cursor is not None:
        yield ("cursor",), "with a `sign` there is nothing for it to do", "leave one of them out"
    if rule.cursor is not None and rule.order:
        yield ("order",), "with a `cursor` rows come in its order", ""
    if rule.sign is not None:
        unread = {_same(value) for value in rule.sign.unread}
        for word in ("read", "failed"):
            if (value := getattr(rule.sign, word)) is not None and _same(value) in unread:
                yield ("sign", word), f"{value!r} is one of `unread`: it would be read for ever", ""
    for name in rule.with_:
        if name in (it.key, *rule.key_then, *rule.where, *rule.order):
            yield ("with", name), "is also the name of a column", ""
    if rule.cursor is None:
        return
    around = it.time or time
    formats = rule.cursor.format or (around.format if around else ())
    zone = rule.cursor.zone or (around.zone if around else "")
    if rule.cursor.kind == "number":
        for word in ("format", "zone", "overlap"):
            if word in rule.cursor.model_fields_set:
                yield ("cursor", word), "belongs to `kind: time`", "say `back`, in numbers"
        if "back" not in rule.cursor.model_fields_set:
            how = "0 where numbers are given in the order of commits; else as many as may be open at once"
            yield ("cursor",), "needs `back`: a lower number may be committed after a higher one was read", how
        return
    if rule.cursor.back:
        yield ("cursor", "back"), "belongs to `kind: number`", "say `overlap`, as in PT10M"
    if not formats:
        yield ("cursor",), "is a time: how does this system write times?", "add time: {format: …, zone: …}"
    elif not zone and any(needs_zone(form) or form == "iso" for form in formats):
        yield ("cursor",), "which zone do its times mean?", "add zone: Asia/Shanghai"
    if rule.cursor.format and not all(form == "iso" or sortable(form) for form in rule.cursor.format):
        yield ("cursor", "format"), "texts of this format do not sort by time: rows would be skipped", ""


def _records(records: str, last: Any) -> Iterator[Found]:
    xml = last in ("xml", "soap") or isinstance(last, XmlStep) or (isinstance(last, dict) and "xml" in last)
    if xml:
        try:
            slashed(records)
        except ValueError as error:
            yield ("records",), str(error), ""
    elif records.startswith("/"):
        yield ("records",), f"{records} is a path into XML, and the files are JSON", "write it with dots: data.rows"


def _same(value: Any) -> str:
    return "" if value is None else str(value)
