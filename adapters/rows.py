"""Rows → canonical records, by a plan made once per stream. Pure; this is the hot path of every pull.

Types follow ``weigov.records.KINDS``: texts stay as they came (numbers become their exact text), empty texts are
absent, times become aware UTC datetimes. Columns no field names go to ``extra`` as text. A row with a fault is
rejected with all its reasons, which name columns and never quote values.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from adapters import paths, times
from adapters.cursors import formats_of
from adapters.outcome import plain
from adapters.vocabulary import Attachments, Descriptor, FieldRule, Step, Stream, Withdrawn
from weigov.errors import RecordRejected
from weigov.records import KINDS, Record, digest

Row = Mapping[str, Any]
Convert = Callable[[Any], Any]

_TAG = re.compile(r"<(?:/?[a-zA-Z]|[!?])[^>]*>")  # as browsers see it: <文明> and 1 < 2 are text
#: Tags that stand inside a word or sentence: taking them away leaves no gap, as it must not in Chinese.
_INLINE = re.compile(r"</?(?:a|b|code|em|font|i|mark|small|span|strong|sub|sup|u)(?:\s[^>]*)?>", re.IGNORECASE)


class Unfit(ValueError):
    """A value that cannot become what its field needs. The message does not quote it."""


class RowPlan:
    """How one stream's rows become records."""

    def __init__(self, stream: Stream, descriptor: Descriptor, base_url: str = "") -> None:
        self.kind = stream.kind
        self._key = paths.dotted(stream.key)
        self._texts: list[tuple[str, str]] = []  # plain texts of one column: the common case, kept out of the loop
        self._plain: list[tuple[str, str, Convert]] = []
        self._others: list[tuple[str, str, paths.Getter, Convert]] = []
        self._from_parent: list[tuple[str, str]] = []
        self._into_extra = [name for name in stream.fields if name.startswith("extra.")]
        used = {stream.key, *stream.leave_out}
        for name, rule in stream.fields.items():
            if rule.parent is not None:
                self._from_parent.append((name, rule.parent))
                continue
            path = rule.from_ or ""
            used.add(path.partition(".")[0])
            convert = _converter(name, rule, stream, descriptor, base_url)
            if convert is text and "." not in path:
                self._texts.append((name, path))
            elif path and "." not in path:
                self._plain.append((name, path, convert))
            else:
                self._others.append((name, path, paths.dotted(path), convert))
        flags = [rule for rule in stream.withdrawn if isinstance(rule, Withdrawn)]
        self._flags = [(paths.dotted(rule.field), frozenset(rule.values)) for rule in flags]
        self._flag = (flags[0].field, self._flags[0][1]) if len(flags) == 1 and "." not in flags[0].field else None
        self.used = self._used = frozenset(used)  #: the columns some word of the descriptor names
        # What a row's digest also depends on: a changed mapping must read the details again.
        self._signature = digest(
            stream.model_dump(mode="json", by_alias=True, exclude={"schedule"}, exclude_defaults=True)
        )

    def key(self, row: Row) -> str:
        """The row's key as text; '' when it has none."""
        value = self._key(row)
        if type(value) is str:
            return value.strip()
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""

    def withdrawn(self, row: Row) -> bool:
        if self._flag is not None:  # one column, as nearly always
            value = row.get(self._flag[0])
            return (value if type(value) is str else plain(value)) in self._flag[1]
        return any(plain(flag(row)) in values for flag, values in self._flags)

    def digest(self, row: Row) -> str:
        return digest([self._signature, row])

    def record(
        self, row: Row, key: str, partition: str = "", parent: Record | None = None, row_digest: str = "",
        damaged: bool = False, files: Any = None,
    ) -> Record:  # fmt: skip
        """Raises RecordRejected with every reason. A withdrawn row is never rejected: what it lost is left out."""
        fields: dict[str, Any] = {}
        extra: dict[str, str] = {}
        faults: list[str] = []
        for name, column in self._texts:
            value = row.get(column)
            if type(value) is str:
                if value:
                    fields[name] = value
            elif value is not None:
                self._convert(name, column, text, value, fields, faults)
        for name, column, convert in self._plain:
            value = row.get(column)
            if value is not None:
                try:
                    converted = convert(value)
                except (ValueError, TypeError) as error:
                    faults.append(_fault(name, column, error))
                else:
                    if converted is not None:
                        fields[name] = converted
        for name, column, get, convert in self._others:
            value = get(row)
            if value is not None:
                self._convert(name, column, convert, value, fields, faults)
        for name, field in self._from_parent:
            value = parent.get(field) if parent is not None else None
            if value is not None:
                fields[name] = value
        if files is not None:
            fields["attachments"] = files
        used = self._used
        for column, value in row.items():
            if column in used:
                continue
            if type(value) is str:
                if value:
                    extra[column] = value
            elif value is not None and not isinstance(value, (dict, list)):
                extra[column] = plain(value)
        for name in self._into_extra:
            if name in fields:
                extra[name[6:]] = fields.pop(name)
        withdrawn = bool(self._flags) and self.withdrawn(row)
        if damaged and any("\ufffd" in value for value in (*fields.values(), *extra.values()) if type(value) is str):
            faults.append("some characters could not be decoded: is the charset in `decode` right?")
        if faults and not withdrawn:
            raise RecordRejected(key, *faults)
        return Record(self.kind, key, fields, extra, partition, withdrawn, row_digest)

    @staticmethod
    def _convert(
        name: str, column: str, convert: Convert, value: Any, fields: dict[str, Any], faults: list[str]
    ) -> None:
        try:
            converted = convert(value)
        except (ValueError, TypeError) as error:
            faults.append(_fault(name, column, error))
        else:
            if converted is not None:
                fields[name] = converted


def _fault(name: str, column: str, error: Exception) -> str:
    reason = str(error) if isinstance(error, ValueError) else "has another type"
    return f"{name} (column {column}): {reason}"


def text(value: Any) -> str | None:
    if isinstance(value, (dict, list)):
        raise Unfit("is no text but a structure")
    return plain(value) or None


def number(value: Any) -> int | float | None:
    if isinstance(value, bool) or isinstance(value, (dict, list)):
        raise Unfit("is no number")
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]  # JSON has no other scalar left
    if not value.strip():
        return None
    try:
        return int(value)
    except ValueError:
        try:
            found = float(value)
        except ValueError:
            raise Unfit("is no number") from None
        if not math.isfinite(found):  # nan, inf, 1e999: JSON has no such number
            raise Unfit("is no number") from None
        return found


def files(name: str, url: str, base_url: str) -> Convert:
    """A converter of lists of attachments: dicts with the two columns, or bare addresses."""
    get_name, get_url = paths.dotted(name), paths.dotted(url)

    def convert(value: Any) -> list[dict[str, str]] | None:
        if value == "":
            return None
        found = []
        for item in value if isinstance(value, list) else [value]:
            address = item if isinstance(item, str) else plain(get_url(item))
            if not address:
                raise Unfit(f"an item has no {url}")
            title = "" if isinstance(item, str) else plain(get_name(item))
            found.append({
                "name": title or urlsplit(address).path.rpartition("/")[2],
                "url": urljoin(base_url, address),
            })  # fmt: skip
        return found or None

    return convert


def attachments(rule: Attachments, base_url: str) -> Convert:
    return files(rule.name, rule.url, base_url)


def _converter(name: str, rule: FieldRule, stream: Stream, descriptor: Descriptor, base_url: str) -> Convert:
    field_type = "text" if name.startswith("extra.") else KINDS[stream.kind][name]
    formats, zone = formats_of(rule, stream.time, descriptor.time)
    if field_type == "time":
        return times.reader(formats, zone)
    if field_type == "date":
        return times.date_reader(formats, zone)
    if field_type == "number":
        return number
    if field_type == "list":
        return files(rule.name, rule.url, base_url)
    return _stepped([_step(step, base_url) for step in rule.steps]) if rule.steps else text


def _stepped(steps: list[Callable[[str], str]]) -> Convert:
    def convert(value: Any) -> str | None:
        done = text(value) or ""
        for step in steps:
            done = step(done)
        return done or None

    return convert


def _step(step: Step, base_url: str) -> Callable[[str], str]:
    steps: dict[Step, Callable[[str], str]] = {
        "strip": str.strip,
        "unescape": html.unescape,  # a title stored with &#038; in it
        "text_only": lambda value: " ".join(html.unescape(_TAG.sub(" ", _INLINE.sub("", value))).split()),
        # A text that was never HTML, for a field that is.
        "paragraphs": lambda value: "".join(
            f"<p>{html.escape(line)}</p>" for line in value.splitlines() if line.strip()
        ),
        "absolute_url": lambda value: urljoin(base_url, value) if value else "",
        # Codes that grow by two characters a level (0102 stands under 01): all but the last two.
        "parent_code_2": lambda value: value[:-2],
        "zero_is_none": lambda value: "" if value == "0" else value,  # how many say: it stands at the top
    }
    return steps[step]
