"""What a WSDL is good for, said before anybody writes a descriptor: what loads, what does not and why, what mends it.

Every patch is tried; of those that are needed none can be left out. What was read on the way, imports included, can
be written as a bundle that a descriptor uses on a network that reaches nothing. Only the host of the address and
those the caller lists are asked, over the bounded wire.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from adapters.soap.normal import local, parse, unsafe_parser
from adapters.soap.patches import PATCHES
from adapters.soap.source import MANIFEST, Fetch, Source, Unreachable
from adapters.soap.wsdl import Loaded, Offer, Parameter, Unloadable, load
from adapters.wire import Limits, NoAnswer, NotSent, Wire, shown
from weigov.errors import ConfigError

LIMITS = Limits(total_s=60, max_bytes=16 * 1024 * 1024)
#: The order in which patches are tried to be left out: first what leaves most out of the WSDL.
_COSTLY_FIRST = ("drop_unresolvable_import", "forget_answers")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``why`` says what is wrong as it is, ``still`` what patches leave wrong; both empty where all is well.

    ``documents`` are the WSDLs and schemas that were read; whatever else an import led to is not among them.
    """

    name: str
    why: str
    still: str
    patches: tuple[str, ...]
    offers: tuple[Offer, ...]
    documents: dict[str, bytes] = field(repr=False)

    @property
    def usable(self) -> bool:
        """Whether a descriptor can be written for it."""
        return bool(self.offers)


def open_source(
    target: str, hosts: Collection[str] = (), wire: Wire | None = None, *, folder: Path | None = None
) -> Source:  # fmt: skip
    """The documents behind a file or an address. Files are read in ``folder`` only: the WSDL's own, unless who asks
    names another. Raises ConfigError for an address that cannot be one."""
    if "://" not in target:
        file = Path(os.path.abspath(target))
        inside = Path(os.path.abspath(folder)) if folder else file.parent
        return Source(str(file), inside, file.parent, {}, hosts, _fetch(wire or Wire(limits=LIMITS)))
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ConfigError("the address must be http(s)://HOST[:PORT]/PATH[?QUERY], without a log-in")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return Source(
        target, hosts=(*hosts, f"{parts.hostname}:{port}"), fetch=_fetch(wire or Wire(limits=LIMITS))
    )  # fmt: skip


def diagnose(source: Source, name: str) -> Diagnosis:
    """Try ``source`` as it is, then with patches. Sends nothing but GET requests for documents."""
    plain, why = _attempt(source, ())
    if plain is not None and not why:
        return Diagnosis(name, "", "", (), plain.offers, _documents(source))
    best, still = _attempt(source, tuple(PATCHES))
    patches = best.patched if best is not None else ()
    for one in sorted(patches, key=lambda patch: patch not in _COSTLY_FIRST):
        fewer = tuple(patch for patch in patches if patch != one)
        loaded, wrong = _attempt(source, fewer)
        if loaded is not None and wrong == still:
            best, patches = loaded, fewer
    return Diagnosis(name, why, still, patches, best.offers if best else (), _documents(source))


def report(it: Diagnosis) -> Iterator[str]:
    """A diagnosis as lines for a terminal."""
    if not it.why:
        yield f"{it.name}: loads as it is"
    elif it.patches and not it.still:
        yield f"{it.name}: loads with {', '.join(it.patches)}"
    else:
        yield f"{it.name}: {'loads in part' if it.usable else 'cannot be used'}"
    if it.why:
        yield f"  as it is: {it.why}"
    if it.still and it.still != it.why:
        yield f"  with every patch: {it.still}"
    for patch in it.patches:
        yield f"  patch {patch}: {PATCHES[patch].why}"
    at = None
    for offer in it.offers:
        if at != (at := (offer.service, offer.port)):
            yield f"  service {offer.service}, port {offer.port}, SOAP {offer.soap}"
        yield f"    {offer.name}({', '.join(map(_shown, offer.parameters))}) {offer.style}"


def write_bundle(it: Diagnosis, source: Source, out: Path) -> str:
    """Write the documents and their manifest into ``out``; the words for the descriptor beside it.

    Raises ConfigError when the folder holds something else or nothing could be read.
    """
    if source.root not in it.documents:
        raise ConfigError(f"{it.name}: there is nothing to write: {it.why}")
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise ConfigError(f"{out} holds other files: name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    local_root = "://" not in source.root
    names: dict[str, str] = {}
    for location, content in it.documents.items():
        name = _file_name(location, content, set(names.values()))
        (out / name).write_bytes(content)
        beside = local_root and "://" not in location
        names[os.path.relpath(location, source.base).replace(os.sep, "/") if beside else location] = name
    root = Path(source.root).name if local_root else source.root
    manifest = {"wsdl": names[root], "documents": names}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return words(f"{out.name}/{names[root]}", it.patches, out.name)


def words(file: str, patches: Sequence[str], bundle: str | None = None) -> str:
    """The ``wsdl`` line of a descriptor."""
    if not patches and bundle is None:
        return f"wsdl: {file}"
    more = [f"file: {file}"] + ([f"bundle: {bundle}"] if bundle else [])
    more += [f"patches: [{', '.join(patches)}]"] if patches else []
    return f"wsdl: {{{', '.join(more)}}}"


def _attempt(source: Source, patches: Sequence[str]) -> tuple[Loaded | None, str]:
    """What loads, and what is wrong all the same; a WSDL without a service is no use."""
    try:
        loaded = load(source, patches)
    except Unloadable as error:
        return None, str(error)
    if not loaded.offers and not loaded.lost:
        return loaded, "describes no operation over SOAP: it may be a part of another WSDL"
    return loaded, "; ".join(f"lacks {one}" for one in loaded.lost)


def _documents(source: Source) -> dict[str, bytes]:
    """A bundle is passed on: what a stranger's import made us read, and is no description, must not go with it."""
    return {location: content for location, content in source.held.items() if _describes(content)}


def _describes(content: bytes) -> bool:
    try:
        root = etree.fromstring(content, unsafe_parser(recover=True))  # patches mend what does not parse as it is
    except (ValueError, SyntaxError):  # lxml's own is a SyntaxError
        return False
    return root is not None and local(root).rpartition(":")[2] in ("definitions", "schema")


def _fetch(wire: Wire) -> Fetch:
    def fetch(url: str) -> bytes:
        try:
            reply = wire.send("GET", url, headers={"Accept": "*/*"})
        except (NotSent, NoAnswer) as error:
            raise Unreachable(shown(url), str(error)) from None
        if reply.status != 200:
            raise Unreachable(shown(url), f"HTTP {reply.status}")
        return reply.body

    return fetch


def _shown(one: Parameter) -> str:
    type_ = "" if one.type_ == "string" else f": {one.type_}"
    if one.parts:
        type_ = f": {{{', '.join(part.name for part in one.parts)}}}"
    return f"{one.name}{'' if one.required else '?'}{'[]' if one.many else ''}{type_}"


def _file_name(location: str, content: bytes, taken: set[str]) -> str:
    parts = urlsplit(location)
    text = unquote(parts.path.rstrip("/").rpartition("/")[2]) + (f"-{parts.query}" if parts.query else "")
    stem = (
        re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"\.(wsdl|xsd|asmx)(?=$|-)", "", text)).strip("-")[:60] or "document"
    )
    try:
        kind = "xsd" if local(parse(content)) == "schema" else "wsdl"
    except (ValueError, SyntaxError):  # lxml's own is a SyntaxError
        kind = "wsdl"
    name = f"{stem}.{kind}"
    count = 2
    while name.lower() in {one.lower() for one in taken}:
        name, count = f"{stem}-{count}.{kind}", count + 1
    return name
