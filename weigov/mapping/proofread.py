"""Look a text through before anybody is asked: forbidden and doubtful words, numbers of persons. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from weigov import personal
from weigov.mapping.words import Level, Word, WordBank

Kind = Literal["word", "id_card", "bank_card", "mobile", "link"]

_AROUND = 8  # characters shown on both sides of a word
_NAMES: Mapping[Kind, str] = {"id_card": "身份证号", "bank_card": "银行卡号", "mobile": "手机号"}
_PERSONAL: tuple[tuple[Kind, Callable[[str], Iterator[str]]], ...] = (
    ("id_card", personal.id_numbers),
    ("bank_card", personal.bank_cards),
    ("mobile", personal.mobiles),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, as a reviewer reads it. ``field`` is the target's; a personal number is shown masked."""

    level: Level
    kind: Kind
    field: str
    said: str


def proofread(bank: WordBank, fields: Mapping[str, str], *, numbers: bool = True) -> list[Finding]:
    """Everything in ``fields`` (name → plain text) that the bank names: what blocks first, each thing once a field.

    ``numbers``: also look for those of persons, which a message to the person it is about may hold.
    """
    banks: tuple[tuple[Level, tuple[Word, ...]], ...] = (("block", bank.block), ("warn", bank.warn))
    found = [
        Finding(level, "word", field, _shown(word, text, at))
        for level, words in banks
        for word in words
        for field, text in fields.items()
        if (at := _place(word, text)) is not None
    ]
    if numbers:
        found += _numbers(bank, fields)
    return sorted(dict.fromkeys(found), key=lambda one: one.level)


def blocking(found: list[Finding]) -> list[str]:
    """Why it may not go out at all, a line for each."""
    return [f"{one.field}: {one.said}" for one in found if one.level == "block"]


def _numbers(bank: WordBank, fields: Mapping[str, str]) -> Iterator[Finding]:
    for kind, numbers in _PERSONAL:
        level = getattr(bank.personal_data, kind)
        if level == "off":
            continue
        for field, text in fields.items():
            for number in numbers(text):
                yield Finding(
                    level, kind, field, f"像是{_NAMES[kind]} looks like a person's number: {personal.masked(number)}"
                )


def _place(word: Word, text: str) -> int | None:
    """Where the word stands outside of the longer words it may be part of."""
    at = text.find(word.word)
    if at < 0 or not word.except_:
        return at if at >= 0 else None
    allowed = [
        range(match.start(), match.end()) for longer in word.except_ for match in re.finditer(re.escape(longer), text)
    ]
    while at >= 0:
        if not any(at in span and at + len(word.word) <= span.stop for span in allowed):
            return at
        at = text.find(word.word, at + 1)
    return None


def _shown(word: Word, text: str, at: int) -> str:
    around = " ".join(text[max(0, at - _AROUND) : at + len(word.word) + _AROUND].split())
    better = f"，应为 say: {word.say}" if word.say else ""
    return f"“{word.word}”{better}（…{around}…）"
