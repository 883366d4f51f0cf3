"""From one page of a list to the next: when to go on, when to stop, and when something is not right. Pure.

A list that changes while it is read loses rows in silence. So every page is compared with what the system itself
said: how many there are, whether there is more, whether the page or the token is new. Whatever does not add up makes
the run ``incomplete``: what was read is kept, the cursor is not moved, and the next run reads again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.vocabulary import Paging


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer said about its list, as it said it."""

    total: Any = None
    pages: Any = None
    has_more: Any = None
    next: Any = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do after a page. ``incomplete`` only when ``done``."""

    done: bool
    incomplete: str = ""


class PageWalk:
    """One list being read: ``page`` or ``next`` say what to ask for, ``turn`` takes what came."""

    def __init__(self, rule: Paging | None, start: str | None = None) -> None:
        self._rule = rule
        self.page = rule.first if rule else 1
        self.next: str | None = start
        self._pages_read = 0
        self._last: tuple[str, ...] = ()
        self._keys: set[str] = set()
        self._rows = 0
        self._keyless = 0
        self._total: int | None = None

    def turn(self, keys: Sequence[str], told: Told) -> Turn:
        """``keys`` of the page just read ('' for rows without one), and what came with it."""
        rule = self._rule
        if rule is None:
            return Turn(True)
        page = tuple(keys)
        self._pages_read += 1
        self._rows += len(page)
        self._keys.update(key for key in page if key)
        self._keyless += page.count("")
        if page and page == self._last:
            return Turn(True, f"page {self.page} repeated the one before it: does the system ignore the page number?")
        self._last = page
        if self._pages_read >= rule.max_pages:
            return Turn(True, f"stopped after {rule.max_pages} pages (max_pages)")
        return self._by_token(rule, page, told) if rule.kind == "cursor" else self._by_page(rule, page, told)

    def _by_token(self, rule: Paging, page: tuple[str, ...], told: Told) -> Turn:
        before, token = self.next, _token(told.next)
        if token is not None:
            self.next = token
        if rule.has_more is not None:
            more = _truth(told.has_more)
        else:
            more = token is not None and (bool(page) if rule.until == "empty" else len(page) >= rule.size)
        if not more:
            return Turn(True)
        if token is None:
            return Turn(True, "the system says there is more but gives no token for it")
        if token == before:
            return Turn(True, "the system says there is more but its token did not move")
        return Turn(False)

    def _by_page(self, rule: Paging, page: tuple[str, ...], told: Told) -> Turn:
        number = self.page
        self.page += 1
        try:
            total = _count(told.total)
            pages = _count(told.pages)
        except ValueError:
            return Turn(True, f"page {number} gave no count of rows where the descriptor says it does")
        if (rule.total or rule.total_header) and total is None:
            return Turn(True, f"page {number} gave no count of rows where the descriptor says it does")
        if rule.pages_header and pages is None:
            return Turn(True, f"page {number} gave no count of pages where the descriptor says it does")
        if total is not None and self._total is not None and total < self._total:
            # Rows that vanish shift the later ones forward, past the page we are about to ask for.
            return Turn(True, f"the list shrank from {self._total} to {total} rows while it was read")
        self._total = total if total is not None else self._total
        if self._goes_on(rule, page, number, total, pages, told):
            return Turn(False)
        seen = len(self._keys) + self._keyless
        if self._total is not None and seen < self._total:
            return Turn(
                True, f"only {seen} of {self._total} rows came: a page is missing, or rows moved while it was read"
            )
        return Turn(True)

    def _goes_on(
        self, rule: Paging, page: tuple[str, ...], number: int, total: int | None, pages: int | None, told: Told
    ) -> bool:
        if not page:
            return False  # whatever was promised: the check of the total says what is missing
        if pages is not None:
            return number - rule.first + 1 < pages
        if total is not None:
            return self._rows < total
        if rule.has_more is not None:
            return _truth(told.has_more)
        return rule.until == "empty" or len(page) >= rule.size


def _token(value: Any) -> str | None:
    return None if value is None or value == "" or value is False else str(value)


def _count(value: Any) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    return int(value)


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("1", "true", "yes", "y")
