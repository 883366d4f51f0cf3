"""What those that convert share: the pages, and what shows that one was converted whole and cleaned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bench.pages import ending, pages

BASE_URL = "https://www.town.gov.example/art/1.html"
_TAGS = re.compile(r"<[^>]*>")


def work(spec: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """(step, pages): ``first`` is the mixture, then each kind by itself."""
    for name in ("first", *spec["kinds"]):
        yield name, pages(spec["n"], "mixed" if name == "first" else name)


def whole(made: list[str]) -> int:
    """How many of ``made`` have the last words of their page, and nothing of what must go."""
    return sum(
        ending(number) in _TAGS.sub("", html) and "mso-" not in html and "class=" not in html
        for number, html in enumerate(made)
    )
