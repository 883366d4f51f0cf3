"""From one page of a list to the next: when to go on, when to stop, and when something is not right. Pure.

A list that changes while it is read loses rows in silence. So every page is compared with what the system itself
said: how many there are, whether there is more, whether the page or the token is new. Whatever does not add up makes
the run ``incomplete``: what was read is kept, the cursor is not moved, and the next run reads again.

Memory does not grow with rows but by one number for each distinct key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.tally import Tally
from adapters.vocabulary import Paging

_MAX_EMPTY = 20
_KEYS_AT_ONCE = 1000  # noting each by itself takes four times as long


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer said about its list, as it said it."""

    total: Any = None
    pages: Any = None
    has_more: Any = None
    next: Any = None  # a token, or the address of the next page


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do after a page. ``incomplete`` and ``again`` only when ``done``."""

    done: bool
    incomplete: str = ""
    note: str = ""
    again: bool = False  # rows came twice: whether they moved, or stand in the list twice, a second reading tells


class PageWalk:
    """One list being read. What to ask for is in ``page``, ``offset``, ``last``, ``next`` or ``link``."""

    def __init__(self, rule: Paging | None, start: str | None = None, *, before: int | None = None) -> None:
        """``start`` is the token to begin with; ``before`` the ``fingerprint`` of a reading this one repeats."""
        self._rule = rule
        self.page = 1 if rule is None or rule.first is None else rule.first
        self.offset = 0 if rule is None or rule.first is None else rule.first
        self.next: str | None = start
        self.link: str | None = None
        self._before = before
        self._pages_read = 0
        self._page_rows = 0
        self._page_print = 0
        self._page_keys: list[str] = []  # not yet part of ``_page_print``
        self._prints: set[int] = set()
        self._distinct = Tally()
        self._rows = 0
        self._keyless = 0
        self._total: int | None = None
        self._empty_in_a_row = 0
        self._more = False  # the last page promised another
        self.fingerprint = 0  #: of all keys so far, in order

    @property
    def last(self) -> int:
        """The number of the last row of the page at ``offset``."""
        return self.offset + (self._rule.size if self._rule else 1) - 1

    @property
    def row(self) -> int:
        """The number of the row last seen, on its page."""
        return self._page_rows

    def saw(self, key: str) -> None:
        """One row of the page being read, in order; ``key`` is '' when it has none."""
        self._page_rows += 1
        if self._rule is not None:  # else one answer is the whole list: nothing of it can move
            self._page_keys.append(key)
            if len(self._page_keys) >= _KEYS_AT_ONCE:
                self._note_keys()

    def _note_keys(self) -> None:
        keys = self._page_keys
        self._page_print = hash((self._page_print, *keys))
        self._keyless += keys.count("")
        self._distinct.add(filter(None, keys))
        keys.clear()

    def turn(self, told: Told) -> Turn:
        """The page is over; ``told`` came with it."""
        rule = self._rule
        self._note_keys()
        rows, page_print = self._page_rows, self._page_print
        self._page_rows = self._page_print = 0
        self._rows += rows
        self.fingerprint = hash((self.fingerprint, page_print))
        if rule is None:
            return Turn(True)
        self._pages_read += 1
        if rows and page_print in self._prints:
            return Turn(True, f"{self._here()} repeated one before it: does the system ignore the page number?")
        self._prints.add(page_print)
        if self._pages_read >= rule.max_pages:
            return Turn(True, f"stopped after {rule.max_pages} pages (max_pages)")
        wrong = self._counted(rule, told)
        if wrong:
            return Turn(True, wrong)
        self._empty_in_a_row = 0 if rows else self._empty_in_a_row + 1
        if self._empty_in_a_row > _MAX_EMPTY and self._promised(rule, told):
            return Turn(True, f"the system says there is more, but {self._empty_in_a_row} pages in a row were empty")
        self._more = self._promised(rule, told)
        moved = self._moved_on(rule, rows, told)
        if isinstance(moved, Turn):
            return moved
        return Turn(False) if moved else self._end(rule.kind)

    def nothing(self) -> Turn:
        """Instead of a page the system said that there is nothing: it must agree with what it said before."""
        if self._more:
            return Turn(True, "the system said that there is more, and then that there is nothing")
        return self._end(self._rule.kind) if self._rule else Turn(True)

    def _promised(self, rule: Paging, told: Told) -> bool:
        """Whether the answer itself says that another page follows."""
        if rule.has_more is not None:
            return _truth(told.has_more)
        if rule.pages or rule.pages_header:
            return self._pages_read < (_count(told.pages) or 0)
        return False

    def _here(self) -> str:
        kind = self._rule.kind if self._rule else "page"
        if kind == "page":
            return f"page {self.page}"
        return f"the page at offset {self.offset}" if kind == "offset" else f"page {self._pages_read}"

    def _counted(self, rule: Paging, told: Told) -> str:
        """Take note of the total; what is wrong with it, if anything."""
        try:
            total, pages = _count(told.total), _count(told.pages)
        except (ValueError, TypeError):
            total = pages = None
        if (rule.total or rule.total_header) and total is None:
            return f"{self._here()} gave no count of rows where the descriptor says it does"
        if (rule.pages or rule.pages_header) and pages is None:
            return f"{self._here()} gave no count of pages where the descriptor says it does"
        if total is not None:
            if self._total is not None and total < self._total:
                # Rows that vanish shift the later ones forward, past the page we are about to ask for.
                return f"the list shrank from {self._total} to {total} rows while it was read"
            self._total = total
        return ""

    def _moved_on(self, rule: Paging, rows: int, told: Told) -> bool | Turn:
        """Whether there is a next page, which is then what we ask for."""
        if rule.kind == "cursor":
            return self._by_token(rule, rows, told)
        if rule.kind == "link":
            return self._by_link(rule, told)
        more = self._goes_on(rule, rows, told)
        self.page += 1
        # What came, not what was asked for: some lower the size without a word. Of an empty page nothing came.
        self.offset += rows or rule.size
        return more

    def _by_token(self, rule: Paging, rows: int, told: Told) -> bool | Turn:
        before, token = self.next, _token(told.next)
        if token is not None:
            self.next = token
        if rule.has_more is not None:
            more = _truth(told.has_more)
        else:
            more = token is not None and (rows > 0 if rule.until == "empty" else rows >= rule.size)
        if not more:
            return False
        if token is None:
            return Turn(True, "the system says there is more but gives no token for it")
        if token == before:
            return Turn(True, "the system says there is more but its token did not move")
        return True

    def _by_link(self, rule: Paging, told: Told) -> bool | Turn:
        before, link = self.link, _token(told.next)
        if rule.has_more is not None and _truth(told.has_more) and link is None:
            return Turn(True, "the system says there is more but gives no link to it")
        if link is None or (rule.has_more is not None and not _truth(told.has_more)):
            return False
        if link == before:
            return Turn(True, "the system says there is more but its link did not move")
        self.link = link
        return True

    def _goes_on(self, rule: Paging, rows: int, told: Told) -> bool:
        if rule.pages or rule.pages_header or (rule.has_more is not None and self._total is None):
            return self._promised(rule, told)  # a page may be empty: some filter after they cut
        if not rows:
            return False  # the check of the total says what is missing
        if self._total is not None and (rule.total or rule.total_header):
            return self._rows < self._total
        if rule.has_more is not None:
            return _truth(told.has_more)
        return rule.until == "empty" or rows >= rule.size

    def _end(self, kind: str) -> Turn:
        seen = len(self._distinct) + self._keyless
        twice = self._rows - seen
        if self._total is not None and self._rows < self._total:
            return Turn(
                True, f"only {seen} of {self._total} rows came: a page is missing, or rows moved while it was read"
            )
        if not twice or kind == "cursor" or (self._total is not None and seen >= self._total):
            return Turn(True)  # a token means one place for ever: what moves comes again behind it
        if self.fingerprint == self._before:
            return Turn(True, note=f"the system lists {twice} rows twice")
        of = f"only {seen} of {self._total} rows came" if self._total is not None else f"{twice} rows came twice"
        return Turn(True, f"{of}: rows moved while it was read", again=self._before is None)


def _token(value: Any) -> str | None:
    return None if value is None or value == "" or value is False else str(value)


def _count(value: Any) -> int | None:
    if value is None or isinstance(value, bool) or value == "":
        return None
    return int(value)


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("1", "true", "yes", "y")
