"""What an answer means, decided from its body, its headers and its status: rules in, one meaning out. Pure.

HTTP 200 says nothing in this trade: half the systems answer it with the error inside. The descriptor's rules are
tried in order; where none fits, HTTP's own meaning holds.

    ok            read on                          empty          nothing there, and that is fine
    retry         it could not just now            rate_limited   it asks us to wait
    relogin       our token is no longer good      refuse         it said no
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Meaning = Literal["ok", "empty", "retry", "relogin", "rate_limited", "refuse"]

_CONDITION = re.compile(
    r"\s*(?P<path>[^\s=!'\"]+)\s*(?:(?P<sign>==|!=|(?<=\s)has(?=[\s']))\s*(?:'(?P<q>[^']*)'|(?P<bare>[^\s'\"]+)))?\s*"
)
_MAX_MESSAGE = 200
_MUCH = 10 * _MAX_MESSAGE  # of a message that is looked at: some answer with a page
_LONGEST_ID = 200
#: Identity numbers, mobile phones and addresses of mail, standing by themselves.
_OF_PEOPLE = re.compile(r"(?<!\d)(?:\d{17}[\dXx]|1[3-9]\d{9})(?![\dXx])|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class Rule(Protocol):
    """As ``vocabulary.OutcomeRule``."""

    @property
    def when(self) -> str: ...
    @property
    def is_(self) -> Meaning: ...
    @property
    def message(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """``path`` compared to ``value``, or holding it somewhere in its text; without a sign: is there and not empty."""

    path: str
    sign: Literal["==", "!=", "has", ""]
    value: str = ""

    @property
    def about_http(self) -> bool:
        return self.path.startswith("http.")

    def holds(self, found: Any) -> bool:
        text = plain(found)
        if not self.sign:
            return text not in ("", "false")
        if self.sign == "has":
            return self.value in text
        return (text == self.value) if self.sign == "==" else (text != self.value)


@dataclass(frozen=True, slots=True)
class Verdict:
    meaning: Meaning
    message: str = ""
    code: str = ""
    by_rule: bool = False


def parse(text: str) -> Condition:
    """Read a condition. Raises ValueError saying how to write one."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no condition (write PATH == 'x', PATH != 'x', PATH has 'x' or PATH)")
    path, sign = match["path"], match["sign"] or ""
    if path.startswith("http.") and path != "http.status" and not path.startswith("http.header."):
        raise ValueError(f"{path!r} is unknown (http.status or http.header.NAME)")
    value = match["q"] if match["q"] is not None else match["bare"] or ""
    return Condition(path, sign, value)  # type: ignore[arg-type]  # the pattern admits no other sign


def paths(rules: Iterable[Rule]) -> set[str]:
    """The places in an answer's body these rules look at."""
    return conditions(rules) | {rule.message for rule in rules if rule.message}


def conditions(rules: Iterable[Rule]) -> set[str]:
    """Those of them a meaning depends on."""
    return {c.path for rule in rules if not (c := parse(rule.when)).about_http}


def judge(
    rules: Iterable[Rule], value: Callable[[str], Any] | None, status: int, headers: Mapping[str, str], *,
    fault: bool = False,
) -> Verdict:  # fmt: skip
    """The meaning of an answer. ``value`` looks into its body; None when the body could not be read.

    A success flag that is missing is no success; except in a SOAP fault or a gateway's own error, which have none.
    """
    flagless = fault or not 200 <= status < 300
    for rule in rules:
        condition = parse(rule.when)
        if condition.about_http:
            found: Any = status if condition.path == "http.status" else headers.get(condition.path[12:])
        elif value is None:
            continue
        else:
            found = value(condition.path)
            if found is None and condition.sign == "!=" and flagless:
                continue
        if condition.holds(found):
            message = said(value(rule.message)) if rule.message and value is not None else ""
            code = plain(found) if condition.sign else ""
            return Verdict(rule.is_, message, code if len(code) <= 20 else "", by_rule=True)
    return Verdict(_by_status(status), "", "" if 200 <= status < 300 else str(status))


def said(value: Any) -> str:
    """An upstream's own words, on one line and short, without the numbers of people it likes to quote."""
    text = _OF_PEOPLE.sub("***", _seen(" ".join(plain(value)[:_MUCH].split())))
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def identifier(value: Any) -> str:
    """What an upstream calls a thing, as a ledger can keep it: what does not print is left out, and what is no name
    any more is cut off."""
    return "".join(letter for letter in plain(value) if letter.isprintable())[:_LONGEST_ID]


def whole(value: Any) -> str:
    """A text that is the point of a call, without the characters no database and no terminal takes."""
    return "".join(one for one in plain(value) if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))


def _seen(text: str) -> str:
    """Without what is not seen: a control character moves a terminal's cursor, a format character turns the line."""
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))


def plain(value: Any) -> str:
    """A JSON or XML value as the text a condition compares: true and 1 and 'x' are 'true', '1' and 'x'."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _by_status(status: int) -> Meaning:
    if status == 204:
        return "empty"  # done, and there is nothing to read
    if 200 <= status < 300:
        return "ok"
    if status == 401:
        return "relogin"
    if status == 429:
        return "rate_limited"
    if status >= 500 or status == 408:
        return "retry"
    return "refuse"
