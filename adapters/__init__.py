"""Upstream: engines that carry bytes, and descriptors that say how each system is spoken to.

Of the core it imports ``records``, ``ports``, ``errors`` and ``yamlfile``. ``open_system`` is the door; a new system
is a YAML file under ``systems/``, not code. (A distribution on PyPI also calls itself ``adapters``: ours must be the
one that is imported, and a test says so.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.vocabulary import Descriptor
from weigov.ports import Connection, SourceSystem


def open_system(
    name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (), **options: Any
) -> SourceSystem:
    """The engine for ``descriptor``, called ``name`` in messages, bound to ``connection``.

    ``options`` go to the engine (``session``, ``sleep``, ``limits``, ``meter``; SOAP also ``wsdl_dir``). Nothing is
    sent yet; a WSDL is read at the first request. Raises ConfigError for a connection that lacks a part.
    """
    return ENGINES[descriptor.engine](name, descriptor, connection, media_hosts=media_hosts, **options)


def _rest(*args: Any, **options: Any) -> SourceSystem:
    from adapters.rest import RestSystem

    return RestSystem(*args, **options)


def _soap(*args: Any, **options: Any) -> SourceSystem:
    from adapters.soap.system import SoapSystem  # zeep takes a while to import, and not every site speaks SOAP

    return SoapSystem(*args, **options)


def _table(*args: Any, **options: Any) -> SourceSystem:
    from adapters.exchange.table import TableSystem

    return TableSystem(*args, **options)


def _files(*args: Any, **options: Any) -> SourceSystem:
    from adapters.exchange.files import FilesSystem

    return FilesSystem(*args, **options)


#: Descriptor's ``engine`` → what speaks it.
ENGINES: Mapping[str, Callable[..., SourceSystem]] = {"rest": _rest, "soap": _soap, "table": _table, "files": _files}
