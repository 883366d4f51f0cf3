"""Where the documents of a WSDL come from: the descriptor's folder, an offline bundle, our schemas, or live hosts.

It reads and does not interpret. A WSDL is a document of strangers: it reaches no file outside its folder, and no host
that the system does not list. A bundle is a folder with ``manifest.json``::

    {"wsdl": "service.wsdl", "documents": {"http://10.1.2.3/x?xsd=1": "x-1.xsd", "../common.xsd": "common.xsd"}}

whose keys are addresses as they are imported, or paths relative to the WSDL where it was a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.exchange.folder import read_within
from adapters.soap.normal import BUNDLED, XML_NS
from weigov.errors import ConfigError

MANIFEST = "manifest.json"
SCHEMAS = Path(__file__).parent / "schemas"
_PORTS = {"http": 80, "https": 443}
_MAX_BYTES = 16 * 1024 * 1024  # of one document; the largest of the trade have two or three
_ALIASES = {
    BUNDLED[XML_NS]: ("www.w3.org/2001/xml.xsd", "www.w3.org/2001/03/xml.xsd", "www.w3.org/2009/01/xml.xsd"),
}

Fetch = Callable[[str], bytes]  # raises RemoteError


class Unreachable(Exception):
    """A document that cannot be had; the message says why."""

    def __init__(self, location: str, why: str) -> None:
        self.location = location
        self.why = why
        super().__init__(f"it imports {location}: {why}")


@dataclass
class Source:
    """The documents of one WSDL. ``root`` is the location imports are relative to; ``held`` is what was read."""

    root: str
    folder: Path | None = None  # local files are read in here only
    base: Path | None = None  # the manifest's relative paths begin here
    manifest: Mapping[str, Path] = field(default_factory=dict)
    hosts: Collection[str] = ()
    fetch: Fetch | None = None
    held: dict[str, bytes] = field(default_factory=dict)

    def read(self, location: str) -> bytes:
        """The document at ``location``. Raises Unreachable, RemoteError."""
        bundled = _bundled(location)
        if bundled is not None:
            return bundled.read_bytes()
        if location not in self.held:
            self.held[location] = self._read(location)
        return self.held[location]

    def _read(self, location: str) -> bytes:
        if location in self.manifest:
            return self._bundled(self.manifest[location], location)
        parts = urlsplit(location)
        if parts.scheme in ("http", "https"):
            if not listed(location, self.hosts):
                raise Unreachable(
                    location, f"{parts.netloc.rpartition('@')[2]} is not among the hosts allowed for it"
                )
            if self.fetch is None:
                raise Unreachable(location, "nothing is fetched here")
            return self.fetch(location)
        if self.folder is None or (parts.scheme and len(parts.scheme) > 1 and not Path(location).exists()):
            raise Unreachable(location, "only http and https are followed")
        from_wsdl = os.path.relpath(location, self.base or self.folder).replace(os.sep, "/")
        if from_wsdl in self.manifest:
            return self._bundled(self.manifest[from_wsdl], from_wsdl)
        relative = os.path.relpath(location, self.folder).replace(os.sep, "/")
        return _file(self.folder, Path(location), relative)

    def _bundled(self, path: Path, location: str) -> bytes:
        return _file(path.parent, path, location)


def from_file(
    file: Path, bundle: Path | None = None, *, hosts: Collection[str] = (), fetch: Fetch | None = None,
    folder: Path | None = None,
) -> Source:  # fmt: skip
    """The source whose WSDL is ``file``, with the documents of ``bundle``. Raises ConfigError for a bad manifest."""
    file = Path(os.path.abspath(file))
    manifest = read_manifest(bundle) if bundle else {}
    address = next((at for at, path in manifest.items() if "://" in at and path == file), None)
    return Source(address or str(file), folder or file.parent, file.parent, manifest, hosts, fetch)


def read_manifest(bundle: Path) -> dict[str, Path]:
    """Location → file of a bundle. Raises ConfigError."""
    path = Path(os.path.abspath(bundle)) / MANIFEST
    try:
        documents = json.loads(path.read_text("utf-8"))["documents"]
        files = {str(at): path.parent / str(name) for at, name in documents.items()}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror} (weigov doctor wsdl --out writes one)") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f'{path}: is no manifest {{"wsdl": FILE, "documents": {{ADDRESS: FILE}}}}') from None
    outside = [at for at, file in files.items() if Path(os.path.normpath(file)).parent != path.parent]
    if outside:
        raise ConfigError(f"{path}: {outside[0]} is not in the bundle's folder")
    return files


def listed(location: str, hosts: Collection[str]) -> bool:
    """Whether ``hosts`` (``HOST`` for ports 80 and 443, or ``HOST:PORT``) allow an address."""
    try:
        parts = urlsplit(location)
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return False
    allowed = {one.lower() for one in hosts}
    return f"{host}:{port}" in allowed or (port in _PORTS.values() and host in allowed)


def _file(folder: Path, path: Path, location: str) -> bytes:
    """A file of ``folder``. Links may lead from place to place in it, as in mounted configuration, and not out."""
    root = os.path.realpath(folder)
    inside = Path(os.path.relpath(os.path.realpath(path), root))
    if ".." in inside.parts:
        raise Unreachable(location, "it is outside the folder of the WSDL")
    try:
        return read_within(Path(root), inside, _MAX_BYTES)
    except OSError as error:
        raise Unreachable(location, f"{path.name} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unreachable(location, f"{path.name} {error}") from None


def _bundled(location: str) -> Path | None:
    if location in BUNDLED:
        return SCHEMAS / BUNDLED[location]
    bare = unquote(location.partition("://")[2])
    return next((SCHEMAS / name for name, known in _ALIASES.items() if bare in known), None)
