"""What the first two pages show of how a list goes on: above all whether it would be cut short. Pure.

A list that ends too early loses records in silence, and no later pull notices. So what the descriptor takes for the
end is not believed: the next page was asked for all the same, and whatever new it brings contradicts the descriptor.
"""

from __future__ import annotations

from adapters.look.found import Findings, Loc
from adapters.look.observe import Page, Seen
from adapters.vocabulary import Paging


def judge_pages(seen: Seen, found: Findings, at: Loc) -> None:
    """``at`` is the stream's place in the descriptor."""
    rule, first, second = seen.stream.paging, seen.first, seen.second
    if rule is None:
        found.facts["paging"] = "none: one answer is the whole list"
        return
    here = (*at, "paging")
    told = [word for word in ("total", "pages", "has_more", "next") if getattr(first.told, word) is not None]
    stops = f"it says {', '.join(told)}" if told else f"it says nothing of its end: on until a page is {rule.until}"
    if first.count > rule.size:
        what = f"{first.count} rows came though {rule.size} were asked for"
        found.no((*here, "size"), what, "does the request carry {size}?")
    elif not first.turn.done and first.count < rule.size:
        what = f"{rule.size} rows were asked for, {first.count} came, and there are more: it lowers the size"
        found.no((*here, "size"), what, f"set it to {first.count}")
    if first.turn.done:
        if first.turn.incomplete:
            found.no(here, first.turn.incomplete)
        elif not _cut(rule, first, second, found, here):
            found.facts["paging"] = f"the list ends with the first page; {stops}"
        return
    if second is None:
        return
    if second.turn.incomplete:
        found.no(here, second.turn.incomplete)
    again = len(set(first.keys) & set(second.keys))
    if not again:
        found.facts["paging"] = f"the second page brings other rows; {stops}"
    elif not second.turn.incomplete:
        what = f"{again} rows of the first page came again on the second"
        found.no((*at, "request"), what, "ask for an order that does not change while one reads")


def _cut(rule: Paging, first: Page, second: Page | None, found: Findings, here: Loc) -> bool:
    """Whether rows stand behind what the descriptor takes for the end."""
    more = len({key for key in second.keys if key} - set(first.keys)) if second else 0
    if not more:
        return False
    word, hint = _taken_for_the_end(rule, first)
    found.no(
        (*here, word), f"the list would end after page 1, and page 2 brings {more} more row{'s' * (more > 1)}", hint
    )
    return True


def _taken_for_the_end(rule: Paging, first: Page) -> tuple[str, str]:
    """The word that ended the list, and what to do about it; in the order in which they are believed."""
    token = rule.kind == "cursor"
    if not token:
        for word in ("pages", "pages_header"):
            if getattr(rule, word):
                return word, f"is {getattr(rule, word)} the number of all pages?"
        for word in ("total", "total_header"):
            if getattr(rule, word):
                return word, f"is {getattr(rule, word)} the number of all rows, and not of those on the page?"
    if rule.has_more:
        return "has_more", f"does {rule.has_more} say whether there is more?"
    if first.count < rule.size:
        return "size", f"the system lowers the size: set it to {first.count}, or say until: empty"
    return "until", "say until: empty"
