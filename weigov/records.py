"""The shape of what a stream yields, whatever system it came from.

A record has a kind; a kind has named fields of a known type. What a descriptor does not name stays in ``extra``,
as text, and may be read as ``extra.NAME``. Ids are text always: upstream numbers pass 2^53. Times are aware UTC
datetimes; dates are dates. Nothing here knows a file format, a protocol or a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal, get_args

import msgspec

Kind = Literal["article", "column", "case", "question", "answer", "guide"]
FieldType = Literal["text", "html", "time", "date", "number", "list"]

#: kind → field → type. ``list`` is a list of {name, url} (attachments).
KINDS: Mapping[Kind, Mapping[str, FieldType]] = {
    "article": {
        "title": "text",
        "short_title": "text",
        "summary": "text",
        "html": "html",
        "author": "text",
        "publisher": "text",
        "source": "text",
        "document_number": "text",
        "index_number": "text",
        "written_on": "date",
        "published_at": "time",
        "updated_at": "time",
        "url": "text",
        "cover": "text",
        "attachments": "list",
        "column": "text",
    },
    "column": {"name": "text", "parent": "text", "position": "number", "url": "text"},
    "case": {
        "case_id": "text",
        "item_name": "text",
        "item_short_name": "text",
        "item_code": "text",
        "applicant": "text",
        "applicant_name": "text",
        "status": "text",
        "stdver": "text",
        "office": "text",
        "accepted_at": "time",
        "updated_at": "time",
        "promised_on": "date",
        "url": "text",
    },
    "question": {
        "question": "text",
        "short_question": "text",
        "category": "text",
        "asker": "text",
        "asked_at": "time",
        "status": "text",
        "url": "text",
    },
    "answer": {
        "question": "text",
        "short_question": "text",
        "html": "html",
        "category": "text",
        "asker": "text",
        "asked_at": "time",
        "answered_at": "time",
        "url": "text",
    },
    "guide": {
        "title": "text",
        "short_title": "text",
        "html": "html",
        "item_code": "text",
        "office": "text",
        "updated_at": "time",
        "url": "text",
    },
}

assert set(KINDS) == set(get_args(Kind))

_TIMES = {kind: [name for name, shape in fields.items() if shape == "time"] for kind, fields in KINDS.items()}


class Record(msgspec.Struct, frozen=True):
    """One upstream thing in canonical shape.

    ``fields`` holds only names of its kind; an absent value is ``None`` or missing. ``row_digest`` is the digest of
    the raw list row it was read from: the next pull compares it to know whether a detail call is due.
    """

    kind: Kind
    key: str
    fields: Mapping[str, Any]
    extra: Mapping[str, str] = {}
    partition: str = ""
    withdrawn: bool = False
    row_digest: str = ""

    def __repr__(self) -> str:
        """Without its values, which may be a citizen's."""
        return f"Record({self.kind!r}, {self.key!r}, partition={self.partition!r}, withdrawn={self.withdrawn!r})"

    def get(self, name: str) -> Any:
        """The value of ``name`` (``key``, a field of the kind, or ``extra.NAME``); ``None`` when absent."""
        if name == "key":
            return self.key
        if name.startswith("extra."):
            return self.extra.get(name.removeprefix("extra."))
        return self.fields.get(name)


def with_texts(record: Record, texts: Mapping[str, str]) -> Record:
    """``record`` with other values of these fields (``title``, ``extra.NAME``); '' is none."""
    fields, extra = dict(record.fields), dict(record.extra)
    for name, text in texts.items():
        if name.startswith("extra."):
            extra[name.removeprefix("extra.")] = text
        else:
            fields[name] = text or None
    return msgspec.structs.replace(record, fields=fields, extra=extra)


_encoder = msgspec.json.Encoder(order="sorted")


def encode(value: Any) -> bytes:
    """Canonical JSON (UTF-8, sorted keys, RFC 3339 times): equal values give equal bytes."""
    return _encoder.encode(value)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, as 64 hex digits."""
    return hashlib.sha256(encode(value)).hexdigest()


def digest_of(record: Record, names: Iterable[str]) -> str:
    """The digest of those of ``record``'s values that ``names`` lists: what decides whether a flow sees a change."""
    return digest({name: _utc(record.get(name)) for name in names})


def dump(record: Record) -> bytes:
    """``record``'s values as canonical JSON, for the mirror."""
    fields = record.fields
    for name in _TIMES[record.kind]:
        value = fields.get(name)
        if value is not None and value.tzinfo is not UTC:
            fields = {name: _utc(value) for name, value in fields.items()}
            break
    return encode({"fields": fields, "extra": record.extra})


def digest_of_dump(payload: bytes, withdrawn: bool) -> str:
    """SHA-256 of what ``dump`` gave and a byte for ``withdrawn``: what decides whether the mirror sees a change."""
    return hashlib.sha256(payload + (b"-" if withdrawn else b"+")).hexdigest()


def load(kind: Kind, key: str, payload: bytes, *, partition: str = "", withdrawn: bool = False) -> Record:
    """The record that ``dump`` wrote; times and dates come back as such."""
    raw = msgspec.json.decode(payload)
    shape = KINDS[kind]
    fields = {name: _revive(value, shape[name]) for name, value in raw["fields"].items()}
    return Record(kind, key, fields, raw["extra"], partition=partition, withdrawn=withdrawn)


def _utc(value: Any) -> Any:
    """One moment has one text, in whatever zone an engine gave it: else reading it again would look like a change."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _revive(value: Any, field_type: FieldType) -> Any:
    if isinstance(value, str):
        if field_type == "time":
            return datetime.fromisoformat(value).astimezone(UTC)
        if field_type == "date":
            return date.fromisoformat(value)
    return value
