"""One system by itself: its connection, descriptor and engine; without a ledger, so that nothing can be stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weigov.commands.console import names
from weigov.ports import Connection, SourceSystem
from weigov.settings import Settings

if TYPE_CHECKING:
    from adapters.vocabulary import Descriptor


@dataclass(frozen=True, slots=True)
class ByHand:
    """A system ready to be asked."""

    system: SourceSystem
    descriptor: Descriptor
    connection: Connection = field(repr=False)
    now: datetime
    zone: ZoneInfo


@contextmanager
def one_system(name: str) -> Iterator[ByHand]:
    """The system called ``name`` in the site; closed at the end. Raises ConfigError."""
    from adapters.descriptor import load_descriptor
    from weigov.credentials import FileCredentials
    from weigov.wiring import clock, open_source, usable_site

    settings = Settings.from_environ()
    site, faults = usable_site(settings.site)
    for fault in faults:
        print(fault, file=sys.stderr)
    names(site.systems, name, "system")
    credentials = FileCredentials(settings.secrets_file)
    config = site.systems[name]
    system = open_source(site, credentials, name)
    try:
        descriptor = load_descriptor(site.shapes[name].file)
        yield ByHand(system, descriptor, credentials.get(config.connection), clock(settings)(), site.zone)
    finally:
        system.close()
