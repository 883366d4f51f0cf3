"""Multipart answers: SOAP with Attachments, and MTOM, whose XOP includes are put back as the base64 they stand for.

The root part is decoded on; an attachment is reached where the envelope refers to it (``cid:``), or as a part by
itself by its Content-ID or its number. Cut by hand: the mail parsers of this world change line ends in binary parts.
Held in memory whole. Rules: RFC 2387, XOP 1.0 §3, SOAP Messages with Attachments.
"""

from __future__ import annotations

import base64
import binascii
import quopri
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import unquote

from adapters.decode.answer import Undecodable

_XOP = "{http://www.w3.org/2004/08/xop/include}Include"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its Content-ID without brackets, its media type with parameters, its bytes."""

    content_id: str
    content_type: str
    data: bytes


def parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a multipart body, the root first. Raises Undecodable."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise Undecodable("it is no multipart answer, or names no boundary")
    mark = b"--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Undecodable("the answer is no whole multipart: it is cut short or broken")
    found = [_part(piece) for piece in pieces[1:-1]]
    if not found:
        raise Undecodable("the multipart answer has no part")
    start = str(header.get_param("start") or "").strip("<>")
    root = next((part for part in found if start and part.content_id == start), found[0])
    return [root, *(part for part in found if part is not root)]


def named(found: list[Part], name: str) -> Part:
    """The attachment with that Content-ID, or the n-th behind the root. Raises Undecodable."""
    for part in found:
        if part.content_id == name:
            return part
    if name.isdecimal() and 0 < int(name) < len(found):
        return found[int(name)]
    raise Undecodable(f"the multipart answer has no attachment {name!r}, only {len(found) - 1} of them")


def put_back(root: Any, found: list[Part]) -> None:
    """Replace every reference to a part by the part's bytes in base64, in the tree itself. Raises Undecodable."""
    by_id = {part.content_id: part for part in found}
    for element in list(root.iter("*")):
        href = element.get("href") or ""
        if not href.startswith("cid:"):
            continue
        part = by_id.get(unquote(href[4:]))
        if part is None:
            raise Undecodable("it refers to an attachment (cid:) that did not come with it")
        holder = element.getparent() if element.tag == _XOP else element
        if element.tag == _XOP:
            holder.remove(element)
        else:
            del element.attrib["href"]
        holder.text = base64.b64encode(part.data).decode()


def _part(piece: bytes) -> Part:
    headers, gap, data = piece.partition(b"\r\n\r\n")
    if not gap:
        raise Undecodable("a part of the multipart answer has no headers")
    read = BytesHeaderParser().parsebytes(headers.lstrip(b"\r\n \t") + b"\r\n\r\n")
    encoding = str(read.get("Content-Transfer-Encoding", "binary")).strip().lower()
    try:
        if encoding == "base64":
            data = base64.b64decode(data, validate=False)
        elif encoding == "quoted-printable":
            data = quopri.decodestring(data)
    except (binascii.Error, ValueError):
        raise Undecodable("a part of the multipart answer is no whole base64") from None
    content_id = str(read.get("Content-ID", "")).strip().strip("<>")
    return Part(content_id, str(read.get("Content-Type", "")), data)
