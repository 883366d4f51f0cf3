"""One text out of a document: what an operation returned as a string, or what a field holds that is a document again.

Whoever returns a document as a string wraps it once more: in CDATA or escaped, in an envelope, in a field of JSON.
Each wrapping is one step of the chain. Where an operation returns several texts the descriptor must name one; none
is ever chosen. A text that is to be read on is held in memory whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lxml import etree

from adapters import paths
from adapters.decode import charset
from adapters.decode.answer import Undecodable, what
from adapters.decode.growing import refuse_entities
from adapters.decode.repair import mended


def tree(data: bytes, encoding: str, repairs: set[str], expected: str = "XML") -> tuple[Any, bool]:
    """A document as an lxml tree, and whether some characters could not be decoded. Raises Undecodable."""
    damaged = False
    if encoding not in charset.UTF8:
        data, damaged = charset.to_utf8(data, encoding)
        data = charset.PROLOG_TEXT.sub("", data.decode(), count=1).encode()
        encoding = "utf-8"
    document = b"".join(mended([data], repairs))
    refuse_entities(document, encoding or None)  # the parser takes them in where they stand in attributes
    parser = etree.XMLParser(
        encoding=encoding or None, resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(document, parser), damaged
    except etree.XMLSyntaxError:
        raise Undecodable(what(data, expected)) from None


def body_of(envelope: Any) -> Any:
    """The first element inside a SOAP body: a response or a fault. Raises Undecodable."""
    body = next((one for one in envelope.iterchildren("*") if paths.local_name(one.tag) == "Body"), None)
    if body is None or len(body) == 0:
        raise Undecodable("the answer is no whole SOAP envelope: it has no body")
    return body[0]


def returned(response: Any) -> str:
    """The one text an operation returned. Raises Undecodable where there is none, or several."""
    leaves = [e for e in response.iter("*") if len(e) == 0 and e is not response]
    if len(leaves) > 1:
        names = ", ".join(dict.fromkeys(paths.local_name(e.tag) for e in leaves[:10]))
        raise Undecodable(
            f"the operation returned several values ({names}): name the one to read, as in {{soap_string: //NAME}}"
        )
    if not leaves or leaves[0].text is None:
        raise Undecodable("the operation returned no string")
    found: str = leaves[0].text
    return found


def at(root: Any, path: paths.Slashed) -> str | None:
    """The text at ``path``; None where nothing stands there, or it is empty. Raises Undecodable where several do."""
    found = [e for e in root.iter(f"{{*}}{path.names[-1]}") if path.matches(e)]
    if len(found) > 1:
        raise Undecodable(f"{path.names[-1]} stands there {len(found)} times, where one text was expected")
    if not found:
        return None
    if path.attribute:
        return found[0].get(path.attribute)  # type: ignore[no-any-return]
    if len(found[0]):
        raise Undecodable(f"{path.names[-1]} holds elements, where a text was expected")
    return found[0].text or None


def values(root: Any, wanted: Iterable[str]) -> dict[str, str]:
    """What stands at those of the ``wanted`` paths that lead into this document; the first of several."""
    found = {}
    for name in wanted:
        if name.startswith("/"):
            place = paths.slashed(name)
            for element in root.iter(f"{{*}}{place.names[-1]}"):
                if place.matches(element):
                    value = element.get(place.attribute) if place.attribute else element.text or ""
                    if value is not None:
                        found[name] = value
                    break
    return found
