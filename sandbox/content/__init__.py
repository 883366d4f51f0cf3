"""The texts of the invented city 示范市: columns, articles, services, questions and answers, all written for it.

They are plain text files beside this module. A record begins with a line ``===``, then ``name: value`` lines, then
(after a line ``---``) its text; lines before the first ``===`` count for every record of the file. Dates in them
are relative to the day of the record, so that nothing ages:
``{y}`` year, ``{ymd}`` 2026年1月5日, ``{md}`` 1月5日, ``{m}`` month; ``{md+7}`` is a week later.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

_HERE = Path(__file__).parent
_DATE = re.compile(r"\{(ymd|md|y|m)([+-]\d+)?\}")


@dataclass(frozen=True)
class Column:
    code: str
    name: str
    path: str


@dataclass(frozen=True)
class Service:
    """One item (事项) citizens apply for."""

    code: str
    name: str
    short_name: str
    office: str
    promised_days: int


@dataclass(frozen=True)
class Text:
    """One record of a text file: its header and its body."""

    header: dict[str, str]
    body: str

    def get(self, name: str) -> str:
        return self.header.get(name, "")

    def listed(self, name: str, separator: str = " ") -> list[str]:
        return [part.strip() for part in self.get(name).split(separator) if part.strip()]


def columns() -> list[Column]:
    """The tree of columns; a code is its parent's and two digits more."""
    return [Column(*line.split()) for line in _lines("columns.txt")]


def services() -> list[Service]:
    found = []
    for line in _lines("services.txt"):
        code, name, short_name, office, days = (part.strip() for part in line.split("|"))
        found.append(Service(code, name, short_name, office, int(days)))
    return found


def articles() -> list[Text]:
    return [text for path in sorted((_HERE / "articles").glob("*.txt")) for text in _texts(path)]


def answers() -> list[Text]:
    return [text for path in sorted((_HERE / "answers").glob("*.txt")) for text in _texts(path)]


def dated(text: str, day: datetime) -> str:
    """``text`` with its relative dates written out as of ``day``."""

    def written(match: re.Match[str]) -> str:
        date = day + timedelta(days=int(match[2] or 0))
        year, month = f"{date.year}年", f"{date.month}月"
        return {"y": f"{date.year}", "m": f"{date.month}", "md": f"{month}{date.day}日"}.get(
            match[1], f"{year}{month}{date.day}日"
        )

    return _DATE.sub(written, text)


def _texts(path: Path) -> list[Text]:
    shared, *blocks = re.split(r"^===\s*$", path.read_text("utf-8"), flags=re.MULTILINE)
    found = []
    for block in blocks:
        head, _, body = block.partition("\n---\n")
        found.append(Text(_header(shared) | _header(head), body.strip()))
    return found


def _header(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.strip().splitlines())


def _lines(name: str) -> list[str]:
    return [line for line in (_HERE / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
