"""A long answer, kept on disk while it is read: an unnamed temporary file that is gone with its last reader.

Nothing here knows what the bytes mean. It is read from its start as often as somebody asks, piece by piece, so that
fifty thousand records need no more memory than a thousand.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from typing import IO

PIECE = 1 << 16


class Spooled:
    """Bytes on disk. Write first, then read; reading never moves another reader's place."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile("w+b", buffering=0)  # closed with this object
        weakref.finalize(self, self._file.close)
        self.size = 0

    def __repr__(self) -> str:
        return f"Spooled({self.size} bytes)"

    def write(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]
        self.size += len(piece)

    def read(self, at: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, at)

    def pieces(self, at: int = 0, length: int = PIECE) -> Iterator[bytes]:
        """From ``at`` to the end, in pieces of at most ``length`` bytes."""
        while piece := self.read(at, length):
            yield piece
            at += len(piece)

    def whole(self) -> bytes:
        return b"".join(self.pieces(length=1 << 20))


Body = bytes | Spooled


def head(body: Body, length: int) -> bytes:
    return body[:length] if isinstance(body, bytes) else body.read(0, length)


def tail(body: Body, length: int) -> bytes:
    return body[-length:] if isinstance(body, bytes) else body.read(max(0, body.size - length), length)


def pieces(body: Body, length: int = PIECE) -> Iterator[bytes]:
    if isinstance(body, bytes):
        return (body[at : at + length] for at in range(0, len(body), length))
    return body.pieces(length=length)


def size(body: Body) -> int:
    return len(body) if isinstance(body, bytes) else body.size
