"""Bold, colours and their like that a parser would open again and again.

HTML opens formatting that was never closed once more in each block that follows, with all its attributes: a page of
70 kB becomes a tree of 1.6 GB. A page that could cost that much loses its formatting before it is parsed, and keeps
its text.
What it could cost is counted too high, never too low: what closes a tag only a parser knows.
"""

from __future__ import annotations

import re
from collections import Counter

_NODE = 200  # bytes an element takes, without its attributes
_BUDGET = 400_000_000  # bytes that formatting may take; that of the largest honest pages takes a hundredth
#: Bytes of all tags and attributes. At worst half of the tags is opened again by each of the other half: a tree of
#: 0.4 GB at 400,000, of 2 GB at a million. Honest pages of 250 kB weigh as much, and are to cost a count only.
_WEIGHT = 1_000_000
_SMALL = 14_000  # characters, which cannot weigh more, whatever they are
_ALIKE = 3  # formatting that is the same in all is opened again so often at most

_NAMES = "b|big|code|em|font|i|kbd|nobr|s|samp|small|strike|strong|tt|u"
_START = re.compile(rf"<(?=[bcefiknstu])(?:{_NAMES})(?=[\s/>])[^>]*", re.IGNORECASE)
_NAME = re.compile(rf"<(?=(?:{_NAMES})[\s/>])", re.IGNORECASE)
#: It ends where it seems to: no quote in it hides a ``>``.
_WHOLE = re.compile(r"""<\w+(?:\s+[\w-]+(?:=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*\s*/?""", re.ASCII)


def too_much(html: str, tags: int | None = None) -> bool:
    """Whether formatting opened again could make ``html`` a tree beyond all measure.

    ``tags``: there are not more than that, where it is known. To count them takes a fiftieth of a conversion.
    """
    if len(html) < _SMALL:
        return False
    if tags is None:
        tags = html.count("<")
    if _NODE * tags + len(html) <= _WEIGHT:
        return False  # nearly all pages
    cost, hidden = 0, False
    for start, times in Counter(_START.findall(html)).items():
        if _WHOLE.fullmatch(start) is None:
            hidden = True
        else:
            cost += min(times, _ALIKE) * (_NODE + len(start))
    if hidden:  # such a start tag goes on to the next one at most
        at = len(html)
        for found in reversed(list(_START.finditer(html))):
            if _WHOLE.fullmatch(found[0]) is None:
                cost += _NODE + at - found.start()
            at = found.start()
    return tags * cost > _BUDGET


def without_formatting(html: str) -> str:
    """``html`` with formatting under names that mean nothing."""
    return _NAME.sub("<x-", html)
