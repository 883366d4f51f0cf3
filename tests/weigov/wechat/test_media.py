"""Images: left alone when they fit, made to fit when they do not, refused when they are none."""

from __future__ import annotations

import io
import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from weigov.errors import RecordRejected
from weigov.wechat.media import ARTICLE_MAX_BYTES, COVER_MAX_BYTES, default_cover, for_article, for_cover


def image(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), noise: bool = False) -> bytes:
    made = Image.frombytes(mode, size, os.urandom(size[0] * size[1] * 3)) if noise else Image.new(mode, size, 1)
    buffer = io.BytesIO()
    made.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "content_type", "name"), [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png")]
)
def test_a_jpg_or_png_that_fits_stays_byte_for_byte(kind: str, content_type: str, name: str) -> None:
    data = image(kind)
    picture = for_article(data)
    assert (picture.data, picture.content_type, picture.filename) == (data, content_type, f"image.{name}")
    assert (picture.width, picture.height) == (40, 30)


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [
        ("WEBP", "RGB", "JPEG"),
        ("WEBP", "RGBA", "PNG"),
        ("BMP", "RGB", "JPEG"),
        ("GIF", "P", "JPEG"),
        ("BMP", "1", "JPEG"),
    ],
)
def test_other_formats_are_converted(kind: str, mode: str, expected: str) -> None:
    picture = for_article(image(kind, mode))
    with Image.open(io.BytesIO(picture.data)) as result:
        assert (result.format, result.size) == (expected, (40, 30))
    assert picture.content_type == f"image/{expected.lower()}"


def test_a_large_photo_is_shrunk_below_the_limit() -> None:
    data = image("PNG", size=(1400, 1000), noise=True)
    assert len(data) > COVER_MAX_BYTES
    article, cover = for_article(data), for_cover(data)
    assert len(article.data) <= ARTICLE_MAX_BYTES and len(cover.data) <= COVER_MAX_BYTES
    assert article.width <= 1080 and abs(article.width / article.height - 1.4) < 0.01
    fits = image("PNG", size=(600, 600), noise=True)
    assert len(fits) > ARTICLE_MAX_BYTES
    assert for_cover(fits).data == fits and for_article(fits).data != fits


def test_an_image_lying_on_its_side_is_put_upright_when_converted() -> None:
    made = Image.new("RGB", (40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    made.save(buffer, "WEBP", exif=exif)
    assert (for_article(buffer.getvalue()).width, for_article(buffer.getvalue()).height) == (30, 40)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


@pytest.mark.parametrize("size", [(8000, 8000), (10_500, 10_500), (60_000, 60_000), (30_000, 10)])
def test_a_pixel_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(RecordRejected, match="pixels"):
        for_article(bomb(*size), "a.png")


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"%PDF-1.4", image("PNG")[:60], image("JPEG")[:300], image("TIFF")])
def test_what_is_no_whole_image_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(RecordRejected, match=r"record photo\.png: not a usable image"):
        for_article(data, "photo.png")


@settings(max_examples=60)
@given(st.binary(max_size=64), st.integers(min_value=0, max_value=200))
def test_any_damage_gives_an_image_or_a_refusal(junk: bytes, at: int) -> None:
    for kind in ("PNG", "GIF", "WEBP", "BMP"):
        data = image(kind, "P" if kind in ("GIF",) else "RGB")
        try:
            for_article(data[:at] + junk + data[at + len(junk) :])
        except RecordRejected:
            pass


def test_a_missing_cover_is_drawn_the_same_for_the_same_title() -> None:
    one, again, other = default_cover("关于公示的通知"), default_cover("关于公示的通知"), default_cover("别的")
    assert one.data == again.data != other.data
    assert (one.width, one.height, one.content_type) == (900, 383, "image/png")
    assert for_cover(one.data).data == one.data and len(one.data) < 100_000
