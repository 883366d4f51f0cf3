"""Reads the YAML of a site and of the systems once per content: parsing it for each test took a third of all time.

Only what is sound is remembered; a faulty site is read each time, for its faults name the file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from adapters.descriptor import find_descriptor, load_descriptor
from weigov import wiring
from weigov.errors import Fault
from weigov.site.load import load_site_parts
from weigov.site.site import Site

_SYSTEMS = ("demo_cms", "demo_cases", "demo_qa")
_sites: dict[tuple[tuple[str, bytes], ...], Site] = {}
_descriptor = functools.cache(load_descriptor)


def _site_parts(folder: Path, shapes: Callable[[str], Any]) -> tuple[Site, list[Fault]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    key = tuple((str(path.relative_to(folder)), path.read_bytes()) for path in files)
    if key in _sites:
        return _sites[key], []
    site, faults = load_site_parts(folder, shapes)
    if not faults:
        _sites[key] = site
    return site, faults


def warm() -> None:
    """Read what every deployment needs, before processes are forked."""
    for name in _SYSTEMS:
        _descriptor(find_descriptor(name))


@contextmanager
def reading() -> Iterator[None]:
    with (
        mock.patch.object(wiring, "load_descriptor", _descriptor),
        mock.patch.object(wiring, "load_site_parts", _site_parts),
    ):
        yield
