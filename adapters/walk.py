"""One list being read, page after page: what is asked for, what came, and what the system said about it.

What becomes of the rows is the caller's business. Nothing here carries bytes: ``read`` does, and raises what a read
raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from requests.utils import parse_header_links

from adapters import decode, outcome, paging
from adapters.vocabulary import OutcomeRule, Paging, Request
from adapters.wire import Reply
from weigov.errors import RemoteRefused, RemoteUnavailable

Get = Callable[[str], Any]

#: What a request may ask of the walk it is part of.
HOLES = ("page", "offset", "last", "next", "size")


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call, ready to be filled in and sent."""

    name: str  # for messages
    request: Request
    chain: Sequence[Any]
    rules: Sequence[OutcomeRule]
    records: str = "."
    values: frozenset[str] = frozenset()  # the places in the answer that will be asked for
    url: str = ""  # instead of the request's path and query: a next page, as the system itself wrote it


#: Sends a call filled by ``Get``; None when the outcome is ``empty``.
Read = Callable[[Call, Get], tuple[decode.Answer, Reply] | None]


def make_call(
    name: str, request: Request, chain: Sequence[Any], rules: Sequence[OutcomeRule], records: str = ".",
    values: Sequence[str | None] = (),
) -> Call:  # fmt: skip
    wanted = {path for path in values if path} | outcome.paths(rules)
    return Call(name, request, chain, rules, records, frozenset(wanted))


def list_call(
    name: str, request: Request, chain: Sequence[Any], rules: Sequence[OutcomeRule], records: str, rule: Paging | None
) -> Call:
    """A call for a page of a list that goes on by ``rule``."""
    told = (rule.total, rule.pages, rule.has_more, rule.next) if rule else ()
    return make_call(name, request, chain, rules, records, (*told, _around(records)))


class Walk(paging.PageWalk):
    """``PageWalk`` over real answers. Take a page, go through its rows, ``saw`` each, then ``end`` it."""

    def __init__(
        self, system: str, it: Call, rule: Paging | None, read: Read, start: str | None = None, *,
        before: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(rule, start, before=before)
        self._system, self._it, self._read = system, it, read
        self._answer: decode.Answer | None = None
        self._reply: Reply | None = None
        self.pages_read = 0
        self.certain = True  #: that a list without rows is one: an error in the guise of an answer has none either
        self.began: datetime | None = None  #: when the first page was answered, by the other side's clock

    def take(self, get: Get) -> Iterator[Any] | None:
        """The rows of the next page, to be read to their end; None when the system says that there is nothing.

        They may still be arriving: RemoteUnavailable, when they break off.
        """
        size = self._rule.size if self._rule else None

        def filled(name: str) -> Any:
            if name in HOLES:
                return size if name == "size" else getattr(self, name)
            return get(name)

        self._answer = self._reply = None  # two pages at once need twice the memory
        found = self._read(replace(self._it, url=self.link) if self.link else self._it, filled)
        if found is None:
            return None
        self._answer, self._reply = found
        self.pages_read += 1
        if self.pages_read == 1:
            self.began = _date_of(self._reply)
        return self._arriving(self._answer)

    @property
    def damaged(self) -> bool:
        """Whether some characters of the page could not be decoded."""
        return self._answer is not None and self._answer.damaged

    @property
    def repairs(self) -> set[str]:
        """What of the page had to be mended before it could be read, by name (``decode.repair``)."""
        return self._answer.repairs if self._answer is not None else set()

    def end(self) -> paging.Turn:
        """The page was gone through: what now?"""
        told = self._told()
        if not self.row and self.pages_read == 1 and self._answer is not None:
            self.certain = self._shows_a_list(told, self._answer)
        return self.turn(told)

    def _shows_a_list(self, told: paging.Told, answer: decode.Answer) -> bool:
        """Whether an answer without rows says of itself that it is an empty list."""
        if str(told.total) == "0" or told.has_more is not None or isinstance(answer.value(self._it.records), list):
            return True
        if (around := _around(self._it.records)) and answer.value(around) is not None:
            return True
        flags = [outcome.parse(rule.when) for rule in self._it.rules]
        return any(c.sign == "!=" and not c.about_http and answer.value(c.path) is not None for c in flags)

    def _arriving(self, answer: decode.Answer) -> Iterator[Any]:
        came = False
        try:
            for row in answer.rows():
                came = True
                yield row
        except decode.Undecodable as error:
            if came:  # in the midst of them: the answer is broken, not the descriptor
                raise RemoteUnavailable(self._system, self._it.name, f"broke off: {error}") from None
            raise RemoteRefused(self._system, self._it.name, f"{error}: is the descriptor right about it?") from None
        except RecursionError:
            raise RemoteRefused(self._system, self._it.name, "its rows are nested too deeply to be read") from None

    def _told(self) -> paging.Told:
        rule, answer, reply = self._rule, self._answer, self._reply
        if rule is None or answer is None or reply is None:
            return paging.Told()
        return paging.Told(
            total=answer.value(rule.total) if rule.total else reply.headers.get(rule.total_header or ""),
            pages=answer.value(rule.pages) if rule.pages else reply.headers.get(rule.pages_header or ""),
            has_more=answer.value(rule.has_more) if rule.has_more else None,
            next=answer.value(rule.next) if rule.next else _next_of(reply.headers.get(rule.next_header or "")),
        )


def _around(records: str) -> str:
    """The element in which rows of XML stand; '' where the descriptor does not say."""
    parts = records.removeprefix("//").removeprefix("/").split("/")
    return records.rpartition("/")[0] if records.startswith("/") and len(parts) > 1 else ""


def only_row(system: str, it: Call, found: tuple[decode.Answer, Reply] | None) -> tuple[Any, bool]:
    """The one row of an answer about one thing, and whether it is damaged. Raises RemoteRefused when it has none."""
    if found is not None:
        try:
            first = next(iter(found[0].rows()), None)
        except decode.Undecodable as error:
            raise RemoteRefused(system, it.name, f"{error}: is the descriptor right about it?") from None
        if first is not None:
            return first, found[0].damaged
    raise RemoteRefused(system, it.name, "came back empty")


def _date_of(reply: Reply) -> datetime | None:
    """What the answer says of its time; None where it says nothing, or no zone."""
    try:
        date = parsedate_to_datetime(reply.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None
    return date if date.tzinfo is not None else None


def _next_of(header: str | None) -> str | None:
    """The address in a header: of ``Link``'s entries the one with rel=next, else the whole."""
    if not header or "<" not in header:
        return header
    return next((link["url"] for link in parse_header_links(header) if link.get("rel") == "next"), None)
