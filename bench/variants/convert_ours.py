"""Our whole conversion, called as composing calls it: a body, its pictures, its address; the collector as there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.pages import resolve
from bench.variants import Count, Step
from bench.variants.convert import BASE_URL, whole, work
from weigov.flow import heap
from weigov.mapping.html import convert


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    for name, bodies in work(spec):
        yield name, partial(_convert, bodies)


def _convert(bodies: list[str]) -> Count:
    with heap.set_aside():
        made = [convert(body, resolve, BASE_URL).html for body in bodies]
    return lambda: whole(made)
