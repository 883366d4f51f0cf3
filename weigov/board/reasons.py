"""The ledger's reasons in the reader's language, and what to do about them.

What writes a reason writes it in English, mostly put together out of parts: ``title: short_title has 40 characters,
at most 32 fit; content: html is empty``. So a reason is taken apart the same way: at ``; `` into several, at ``: ``
into where and what, at ``, `` into alternatives, and what a ``{}`` of a sentence stands for is taken apart again. The
sentences are in words/reasons/, in Chinese and with the name of an advice; what is in none is quoted as it is.
WeChat's own codes come the other way round: the ledger has them in Chinese (weigov/wechat/errcodes.csv).

tests/weigov/board/test_reasons.py walks the code and finds what no sentence fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from weigov.board.wordfiles import load
from weigov.flow.reach import lies_with_receiver
from weigov.wechat.errcodes import ERRCODES

FILES = ("deliveries", "records", "systems", "people", "configuration")
#: A reason longer than this, or with more parts, is shown as it is: nobody writes one on purpose.
_MOST_CHARS = 4000
_MOST_PARTS = 40
_JOINTS = re.compile("[;:,] ")
#: A character of one part: what stands for ``{}`` goes over no joint; for ``{*}`` it may.
_PART = "(?:(?![;:,] ).)"
#: So many words, lists of names not counted, make a sentence of somebody else's and no name: alone, and in a hole.
_FOREIGN, _FOREIGN_IN_HOLE = 2, 3
_WORD = re.compile(r"(?<!\S)\(?[A-Za-z][A-Za-z'/-]+[).:;]?(?!\S)")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ARTICLE = re.compile(r"article (\d+)")
_WECHAT = re.compile(r"(-?\d{1,6}) ([^。]{1,200})。([^\[]{1,200}) \[")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One row of the files. ``anchor``: the longest fixed part, without which nothing needs to be matched."""

    english: str
    chinese: str
    advice: str
    pattern: re.Pattern[str]
    anchor: str


@dataclass(frozen=True, slots=True)
class Said:
    """A reason in Chinese, and the name of an advice ('' where there is none)."""

    chinese: str
    advice: str


def in_chinese(text: str) -> str:
    """``text`` as far as its sentences are known."""
    return _parts(text).chinese


def in_english(text: str) -> str:
    """``text``; where it quotes one of WeChat's codes, with that code's meaning and advice in English."""

    def said(match: re.Match[str]) -> str:
        row = ERRCODES.get(int(match[1]))
        if row is None or row.zh != match[2]:
            return match[0]
        return f"{row.code} {row.meaning}. {load('advice')[row.advice]} ["

    return _WECHAT.sub(said, text)


def advice(text: str) -> str:
    """The name of the advice for ``text``: that of its first part that has one."""
    return _parts(text).advice


@cache
def sentences() -> tuple[Sentence, ...]:
    """All rows, those with most fixed text first: they say most exactly what happened."""
    rows = [row for name in FILES for row in load(f"reasons/{name}")]
    made = [_sentence(*row) for row in rows]
    return tuple(sorted(made, key=lambda one: -len(re.sub(r"\{\*?\}", "", one.english))))


def _sentence(english: str, chinese: str, advice: str) -> Sentence:
    fixed = re.split(r"(\{\*?\})", english.removeprefix("…").removeprefix(" "))
    holes = {"{}": f"({_PART}+?)", "{*}": "(.+)"}
    pattern = "".join(holes.get(part) or re.escape(part) for part in fixed)
    if english.startswith("…"):  # a subject may stand before it
        pattern = f"(?:({_PART}+?) )?{pattern}"
    return Sentence(english, chinese, advice, re.compile(pattern, re.DOTALL), max(fixed[::2], key=len))


def _parts(text: str, foreign: int = _FOREIGN) -> Said:
    """Several reasons in one: each in Chinese where it is known, else quoted where it is a sentence."""
    if not text or len(text) > _MOST_CHARS or len(_JOINTS.findall(text)) > _MOST_PARTS:
        return Said(text, "")
    found: list[Said] = []
    advice, unknown = "", ""
    for said, is_known in [*_runs(text.split("; "), "; "), (Said("", ""), True)]:
        if not is_known:
            unknown = f"{unknown}; {said.chinese}" if unknown else said.chinese
            continue
        if unknown:
            found.append(Said(_quoted(unknown, foreign), ""))
            unknown = ""
        found.append(said)
        advice = advice or said.advice
    return Said("；".join(said.chinese for said in found[:-1]), advice)


def _quoted(text: str, foreign: int) -> str:
    """What nobody translated: a sentence between quotation marks, a name as it is."""
    is_sentence = len(_WORD.findall(text)) >= foreign and not _CHINESE.search(text)
    return f"原文“{text}”" if is_sentence else text


def _runs(parts: list[str], joint: str, most: int | None = None) -> Iterator[tuple[Said, bool]]:
    """The parts, as many together (at most ``most``) as make one sentence with a joint in it: (said, is it known)."""
    at = 0
    while at < len(parts):
        for end in range(min(len(parts), at + (most or len(parts))), at, -1):
            said = _one(joint.join(parts[at:end]))
            if said is not None:
                yield said, True
                at = end
                break
        else:
            yield Said(parts[at], ""), False
            at += 1


@lru_cache(maxsize=4096)
def _one(text: str) -> Said | None:
    """One reason; None where no sentence fits."""
    return _sentence_of(text) or _of_wechat(text) or _behind_a_place(text) or _alternatives(text)


def _sentence_of(text: str) -> Said | None:
    for one in sentences():
        if one.anchor not in text:
            continue
        match = one.pattern.fullmatch(text)
        if match is None:
            continue
        groups = [_hole(group) for group in match.groups()]
        chinese = one.chinese
        if one.english.startswith("…"):
            subject = groups.pop(0)
            chinese = chinese.replace("…", f"{subject} " if subject else "", 1)
        return Said(chinese.format(*groups), one.advice)
    return None


def _hole(text: str | None) -> str:
    if not text:
        return ""
    states = load("states")
    return str(states[text]["zh"]["name"]) if text in states else _parts(text, _FOREIGN_IN_HOLE).chinese


def _of_wechat(text: str) -> Said | None:
    """A code of WeChat's: Chinese already, with its advice in it; but for what only the citizen can change."""
    if _WECHAT.match(text) is None:
        return None
    return Said(text, "citizen" if lies_with_receiver(text) else "")


def _behind_a_place(text: str) -> Said | None:
    """``place: reason``: a field, a system and its call."""
    at = text.find(": ")
    while at > 0 and "; " not in text[:at]:
        said = _one(text[at + 2 :])
        if said is not None:
            return Said(f"{_place(text[:at])}：{said.chinese}", said.advice)
        at = text.find(": ", at + 2)
    return None


def _place(name: str) -> str:
    known = load("ui").get(f"field.{name}")
    number = _ARTICLE.fullmatch(name)
    if number is not None:
        return str(load("ui")["field.article"][0].format(n=number[1]))
    return str(known[0]) if known else name


def _alternatives(text: str) -> Said | None:
    """``one, another``, where each is known."""
    parts = text.split(", ")
    if len(parts) < 2:
        return None
    found = list(_runs(parts, ", ", len(parts) - 1))
    if not all(known for _, known in found):
        return None
    return Said("，".join(said.chinese for said, _ in found), found[0][0].advice)
