"""A WSDL, loaded: zeep's client on patched documents, and what it offers in words of our own.

Loading takes from 14 ms (2 KB) to 130 ms (300 KB) of CPU, so that what was loaded is kept as long as the process and
the files live. Nothing is sent to the service. Source: measurements of zeep 4.3.3, which reads the documents.
"""

# mypy: disable-error-code="no-untyped-call"
# zeep ships no types.

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zeep
import zeep.exceptions
import zeep.loader
import zeep.transports
import zeep.wsdl.bindings  # which zeep itself imports with its first WSDL
from lxml import etree

from adapters.soap.normal import XSD_NS, Bound, normal, operations, parse, schemas_of
from adapters.soap.patches import PATCHES, Around
from adapters.soap.source import Fetch, Source, Unreachable, from_file
from adapters.vocabulary.wsdl import Wsdl
from weigov.errors import ConfigError

_DEEP = 6  # levels of a structure that are described; recursive ones never end


class Unloadable(Exception):
    """The WSDL cannot be used; the message is one line saying why."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an operation takes under ``name``. ``type_`` as the WSDL says it; ``parts`` are those of a structure."""

    name: str
    type_: str
    required: bool
    many: bool
    parts: tuple[Parameter, ...] = ()
    open: bool = False  # takes anything inside


@dataclass(frozen=True, slots=True)
class Offer:
    """One operation at one port. ``style`` is ``document/literal``, ``rpc/encoded`` or ``rpc/literal``."""

    service: str
    port: str
    soap: str
    name: str
    style: str
    parameters: tuple[Parameter, ...]


@dataclass
class Loaded:
    """``client`` builds requests; ``offers`` says what; ``lost`` names operations zeep left out, with its reason."""

    client: Any
    offers: tuple[Offer, ...]
    lost: tuple[str, ...]
    patched: tuple[str, ...]  # those of the patches that found something to change
    bound: dict[tuple[str, str], Bound] = field(default_factory=dict)

    def port(self, rule: Wsdl, asked: Collection[str]) -> Any:
        """The port to speak to: of those named, the one that lacks the fewest operations; SOAP 1.1 before 1.2.

        Raises LookupError saying what there is instead.
        """
        ports = [
            port
            for service, port in self.ports()
            if rule.service in (None, service) and rule.port in (None, port.name)
        ]
        if not ports:
            there = ", ".join(f"{service} {port.name}" for service, port in self.ports())
            raise LookupError(f"has no such port: it has {there}" if there else "describes no service over SOAP")
        ports.sort(key=lambda port: (len(set(asked) - set(port.binding._operations)), _soap(port) != "1.1"))
        return ports[0]

    def ports(self) -> Iterator[tuple[str, Any]]:
        """(service name, zeep's port) of every port that speaks SOAP."""
        for service in self.client.wsdl.services.values():
            for port in service.ports.values():
                yield service.name, port


def load(source: Source, patches: Sequence[str] = ()) -> Loaded:
    """Read the WSDL of ``source``. Raises Unloadable; RemoteError where an import is fetched live and fails."""
    reader = _Reader(source, patches)
    # raw_response hands back whatever the transport returned: here, the request.
    settings = zeep.Settings(raw_response=True, strict=True, force_https=False)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            client = zeep.Client(source.root, transport=reader, settings=settings)
            loaded = Loaded(client, (), (), tuple(p for p in PATCHES if p in reader.patched), reader.bound)
            loaded.offers = tuple(_offers(loaded))
    except Unreachable as error:
        raise Unloadable(str(error) if reader.opened else error.why) from None
    except (etree.XMLSyntaxError, zeep.exceptions.Error, LookupError, ValueError, TypeError, AttributeError,
            NotImplementedError, AssertionError, RecursionError) as error:  # fmt: skip
        raise Unloadable(f"{reader.at}{_plain(error)}") from None
    overloaded = (f"{name}: described more than once; only the last can be called" for name in reader.overloaded)
    loaded.lost = (*_lost(loaded, [_plain(one.message) for one in said]), *sorted(overloaded))
    return loaded


def load_rule(rule: Wsdl, folder: Path, fetch: Fetch | None = None) -> Loaded:
    """What a descriptor in ``folder`` names, from the cache where no file has changed.

    Raises ConfigError naming the file; RemoteError.
    """
    file = folder / rule.file
    bundle = folder / rule.bundle if rule.bundle else None
    key = (str(file.absolute()), rule.model_dump_json(exclude={"service", "port"}), _state(file.parent, bundle))
    with _lock:
        found = _cache.get(key)
    if found is None:
        source = from_file(file, bundle, hosts=rule.hosts, fetch=fetch, folder=folder)
        try:
            found = load(source, rule.patches)
        except Unloadable as error:
            raise ConfigError(
                f"{file}: {error} (weigov doctor wsdl {rule.file} says which patch or bundle mends it)"
            ) from None
        source.held.clear()
        source.fetch = None  # it belongs to one system, and what is kept here outlives it
        with _lock:
            _cache[key] = found
    return found


def _state(folder: Path, bundle: Path | None) -> tuple[Any, ...]:
    """Changes whenever a file does that the WSDL may be made of."""
    files = [*folder.glob("*.wsdl"), *folder.glob("*.xsd"), *(bundle.iterdir() if bundle and bundle.is_dir() else ())]
    return tuple(sorted((str(f), s.st_mtime_ns, s.st_size) for f in files if f.is_file() for s in [f.stat()]))


_cache: dict[Any, Loaded] = {}
_lock = threading.Lock()


class _Reader(zeep.transports.Transport):
    """Hands zeep mended documents; where it would send, hands back what it built."""

    def __init__(self, source: Source, patches: Sequence[str]) -> None:
        self._close_session = False  # zeep's own beginning opens a session to the network, which nothing here needs
        self.patched: set[str] = set()
        self.bound: dict[tuple[str, str], Bound] = {}
        self.overloaded: set[str] = set()
        self.opened = False
        self.at = ""  # the document at hand, where it is not the WSDL itself
        self._source = source
        self._patches = [(name, PATCHES[name]) for name in PATCHES if name in patches]
        self._included_by: dict[str, str] = {}

    def load(self, url: str) -> bytes:
        self.at = "" if url == self._source.root else f"{url.rpartition('/')[2]}: "
        content = self._source.read(url)
        self.opened = True
        for name, patch in self._patches:
            if patch.bytes_ is not None:
                mended = patch.bytes_(content)
                if mended != content:
                    self.patched.add(name)
                content = mended
        root = parse(content)
        around = Around(self._included_by.get(url), lambda location: self._peek(location, url))
        for name, patch in self._patches:
            if patch.tree is not None and (changed := patch.tree(root, around)) is not None:
                self.patched.add(name)
                root = changed
        for schema in schemas_of(root):
            namespace = schema.get("targetNamespace")
            for node in schema.findall(f"{{{XSD_NS}}}include") if namespace else ():
                self._included_by.setdefault(
                    zeep.loader.absolute_location(node.get("schemaLocation", ""), url), namespace
                )
        root = normal(root)
        here: dict[
            tuple[str, str], Bound
        ] = {}  # zeep may ask for a document twice: only what is twice in one is overloaded
        for one in operations(root):
            if here.setdefault((one.binding, one.name), one) is not one:
                self.overloaded.add(one.name)
        self.bound.update(here)
        written: bytes = etree.tostring(root)
        self.at = ""
        return written

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        return envelope, dict(headers)

    def _peek(self, location: str, url: str) -> Any | None:
        try:
            return parse(self._source.read(zeep.loader.absolute_location(location, url)))
        except Unreachable:
            return None
        except (etree.XMLSyntaxError, ValueError):
            return etree.Element("unreadable")  # it is there: what is wrong with it is said when it is loaded


def _plain(error: Any) -> str:
    text = " ".join(str(error).split()).replace(" (<string>,", " (")
    text = re.sub(r"^Invalid XML content received |, line \d+, column \d+(?= \( line)", "", text).replace(
        "( line", "(line"
    )
    if isinstance(error, NotImplementedError) and not text:
        text = "it uses a part of WSDL that zeep does not read"
    if isinstance(error, RecursionError):
        text = "its documents import each other without end"
    return text or type(error).__name__


def _lost(loaded: Loaded, warned: Sequence[str]) -> Iterator[str]:
    """Operations the documents bind and zeep does not offer: it drops them with a warning, or with none."""
    offered = {(port.binding.name.localname, name) for _, port in loaded.ports() for name in port.binding._operations}
    reached = {port.binding.name.localname for _, port in loaded.ports()}
    for binding, name in loaded.bound:
        if binding in reached and (binding, name) not in offered:
            yield name + (f": {warned[0]}" if warned else "")


def _offers(loaded: Loaded) -> Iterator[Offer]:
    for service, port in loaded.ports():
        for name, operation in sorted(port.binding._operations.items()):
            bound = loaded.bound.get((port.binding.name.localname, name))
            use = "encoded" if bound and bound.encoding else "literal"
            yield Offer(service, port.name, _soap(port), name, f"{operation.style}/{use}", parameters_of(operation))


def _soap(port: Any) -> str:
    return "1.2" if type(port.binding).__name__ == "Soap12Binding" else "1.1"


def parameters_of(operation: Any) -> tuple[Parameter, ...]:
    """What a request of zeep's ``operation`` may hold."""
    body = _body(operation)
    if body is None:
        return ()
    if not hasattr(body.type, "elements"):
        # A bare part of a simple type: zeep takes its value, we take it under the element's name.
        return (Parameter(body.name, _type(body.type), not body.nillable, False),)
    return tuple(_inside(body.type, ()))


def is_bare_value(operation: Any) -> bool:
    """Whether the body is one simple value, which zeep takes without a name."""
    body = _body(operation)
    return body is not None and not hasattr(body.type, "elements")


def _body(operation: Any) -> Any | None:
    return operation.input.body if operation.input is not None else None


def _inside(type_: Any, above: tuple[Any, ...]) -> Iterator[Parameter]:
    for name, element in type_.elements:
        if hasattr(element, "min_occurs"):  # the `s:schema` of a .NET DataSet has none and takes nothing
            yield _parameter(name, element, above)
    for name, attribute in getattr(type_, "attributes", ()):
        type_name = _type(getattr(attribute, "type", None))
        yield Parameter(name, type_name, bool(getattr(attribute, "required", False)), False)


def _parameter(name: str, element: Any, above: tuple[Any, ...]) -> Parameter:
    type_ = getattr(element, "type", None)
    array = getattr(type_, "_array_type", None) is not None
    described = bool(getattr(type_, "elements", None)) and not array and type_ not in above and len(above) < _DEEP
    return Parameter(
        name, _type(type_),
        required=bool(element.min_occurs) and not getattr(element, "nillable", False) and not element.is_optional,
        many=array or bool(element.accepts_multiple),
        parts=tuple(_inside(type_, (*above, type_))) if described else (),
        open=not described,
    )  # fmt: skip


def _type(type_: Any) -> str:
    qname = getattr(type_, "qname", None)
    if qname is not None:
        return str(qname.localname)
    name = getattr(type_, "name", None) or ""
    return str(name) or "anything"
