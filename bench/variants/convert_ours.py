"""Our whole conversion, called as composing an article calls it: a body of HTML, its pictures, its address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.pages import resolve
from bench.variants import Count, Step
from bench.variants.convert import BASE_URL, whole, work
from weigov.mapping.html import convert


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    for name, bodies in work(spec):
        yield name, partial(_convert, bodies)


def _convert(bodies: list[str]) -> Count:
    made = [convert(body, resolve, BASE_URL).html for body in bodies]
    return lambda: whole(made)
