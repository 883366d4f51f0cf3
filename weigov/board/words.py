"""Every sentence of the board, in Chinese and English, from the data files beside this module.

states.yaml    what each state is called, means, and who must do what
advice.yaml    the advice of ``weigov/wechat/errcodes.csv`` in English
reasons/       the ledger's reasons in Chinese (weigov/board/reasons.py)
ui.yaml        everything else
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

from weigov.board import reasons
from weigov.board.wordfiles import load as _load
from weigov.wechat.errcodes import ERRCODES, ErrCode, look_up

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Said:
    """A name, what it means, and what to do about it. ``needs``: person | wait | nothing."""

    name: str
    says: str
    do: str
    needs: str = ""


class Words:
    """The board's words in one language."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self._place = LANGS.index(lang)

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence called ``key``. Raises KeyError for one that nobody wrote."""
        sentence: str = _load("ui")[key][self._place]
        return sentence.format(**values) if values else sentence

    def state(self, name: str) -> Said:
        """A delivery's state; one that is not in the file is shown by its own name."""
        found = _load("states").get(name)
        if found is None:
            return Said(name, "", "")
        return Said(**found[self.lang], needs=found["needs"])

    def word(self, kind: str, name: str) -> str:
        """A closed word (a channel, an effect, an audit log's verb); its own name where nobody wrote another."""
        found = _load("ui").get(f"{kind}.{name}")
        return found[self._place] if found else name

    def step(self, name: str) -> str:
        """A step of a delivery, which may have a place: ``cover:2`` of a digest."""
        kind, _, place = name.replace(":", " ").partition(" ")
        return f"{self.word('step', kind)} {place}".rstrip()

    def reason(self, text: str) -> str:
        """A reason of the ledger's; as it is where no sentence fits."""
        return reasons.in_english(text) if self.lang == "en" else reasons.in_chinese(text)

    def advice(self, text: str) -> str:
        """What to do about a reason of the ledger's; '' where nobody wrote it."""
        name = reasons.advice(text)
        return self(f"advice.{name}") if name else ""

    def errcode(self, code: int) -> Said:
        """What a code of WeChat's means and what to do about it."""
        return self._errcode(look_up(code))

    def errcodes(self) -> list[tuple[ErrCode, Said]]:
        """All of them, by number."""
        return [(row, self._errcode(row)) for _, row in sorted(ERRCODES.items())]

    def in_text(self, text: str) -> list[tuple[int, Said]]:
        """The codes of WeChat's that ``text`` names, explained."""
        codes = dict.fromkeys(int(found) for found in re.findall(r"(?<![\w.])(-1|\d{5,9})(?!\w)", text))
        return [(code, self.errcode(code)) for code in codes if code in ERRCODES]

    def _errcode(self, row: ErrCode) -> Said:
        if self.lang == "zh":
            return Said(str(row.code), row.zh, row.advice)
        says = row.meaning[:1].upper() + row.meaning[1:]
        return Said(str(row.code), says, _load("advice")[row.advice])

    def count(self, n: int, cap: int) -> str:
        """``n``, or that it is more than what is counted."""
        return f"{cap:,}+" if n > cap else f"{n:,}"

    def moment(self, at: datetime | None, zone: tzinfo) -> str:
        """``2026-11-26 18:20`` in ``zone``."""
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "—"

    def span(self, length: timedelta) -> str:
        """About how long: minutes, hours or days."""
        minutes = int(length.total_seconds() // 60)
        if minutes < 1:
            return self("span.now")
        if minutes < 120:
            return self("span.minutes", n=minutes)
        if minutes < 48 * 60:
            return self("span.hours", n=minutes // 60)
        return self("span.days", n=minutes // (24 * 60))


def choose(asked: str, cookie: str, accept: str) -> Lang:
    """The language: what was asked for, else what was chosen before, else what the browser prefers; Chinese."""
    for wish in (asked, cookie):
        if wish in LANGS:
            return "zh" if wish == "zh" else "en"
    ranked = []
    for place, part in enumerate(accept.split(",")[:20]):
        name, _, q = part.strip().partition(";q=")
        try:
            ranked.append((-float(q or 1), place, name.lower()[:2]))
        except ValueError:
            continue
    for _, _, name in sorted(ranked):
        if name in LANGS:
            return "zh" if name == "zh" else "en"
    return "zh"
