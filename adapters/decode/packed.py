"""Bytes inside a text, and fewer bytes inside bytes: base64, gzip, and JSON called as a function (JSONP)."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from adapters.decode.answer import Undecodable

MAX_BYTES = 64 * 1024 * 1024  # a few kilobytes can unpack to more than any machine holds
_CALLED = re.compile(rb"^\s*(?:/\*\*/)?\s*[\w$.\[\]]+\s*\(\s*(.*?)\s*\)\s*;?\s*$", re.DOTALL)


def unbase64(data: bytes) -> bytes:
    """Raises Undecodable. Line breaks and the URL alphabet are taken; padding may lack."""
    text = b"".join(data.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Undecodable("it is no whole base64") from None


def gunzip(data: bytes) -> bytes:
    """Raises Undecodable, also for what unpacks to more than 64 MiB."""
    unpacked = zlib.decompressobj(wbits=47)  # gzip or zlib, as its first bytes say
    try:
        found = unpacked.decompress(data, MAX_BYTES)
    except zlib.error:
        raise Undecodable("it is no whole gzip: it is cut short or broken") from None
    if unpacked.unconsumed_tail:
        raise Undecodable(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
    if not unpacked.eof:
        raise Undecodable("it is no whole gzip: it is cut short or broken")
    return found


def uncalled(data: bytes) -> bytes:
    """What stands between the brackets of ``callback(…);``. Raises Undecodable."""
    match = _CALLED.match(data)
    if match is None:
        raise Undecodable("it is no JSONP: no call of a function")
    return match[1]
