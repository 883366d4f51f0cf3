"""The floor: lexbor parses, and nothing is done with the tree. Every page must at least be parsed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from bench.variants import Count, Step
from bench.variants.convert import work


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    for name, bodies in work(spec):
        yield name, partial(_parse, bodies)


def _parse(bodies: list[str]) -> Count:
    parsed = 0
    for body in bodies:
        parsed += LexborHTMLParser(body, is_fragment=True).root is not None
    return lambda: parsed
