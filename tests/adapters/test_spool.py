"""Bytes on disk: read as often as asked, and gone with their last reader."""

from __future__ import annotations

import gc
import os

import pytest

from adapters.spool import Spooled, head, pieces, size, tail


def test_what_was_written_is_read_from_any_place_as_often_as_asked() -> None:
    body = Spooled()
    for piece in (b"abc", b"", b"defgh"):
        body.write(piece)
    assert (body.size, body.whole(), body.read(2, 3)) == (8, b"abcdefgh", b"cde")
    one, other = body.pieces(length=3), body.pieces(at=4, length=2)
    assert [next(one), next(other), next(one)] == [b"abc", b"ef", b"def"]
    for shape in (body, b"abcdefgh"):
        assert (head(shape, 2), tail(shape, 3), tail(shape, 99), size(shape)) == (b"ab", b"fgh", b"abcdefgh", 8)
        assert list(pieces(shape, 5)) == [b"abcde", b"fgh"]
    assert "abc" not in repr(body)


def test_the_file_is_closed_with_its_last_reader() -> None:
    body = Spooled()
    body.write(b"x")
    descriptor = body._file.fileno()
    assert os.fstat(descriptor).st_nlink == 0  # no name: nobody finds it, and a crash leaves nothing
    del body
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(descriptor)
