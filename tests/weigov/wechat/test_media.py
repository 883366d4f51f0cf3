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
from weigov.wechat.media import ARTICLE_MAX_BYTES, COVER_MAX_BYTES, crops, for_article, for_cover, is_cover
from weigov.wechat.rules import article_problems


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


@pytest.mark.parametrize(
    ("size", "wide", "square"),
    [
        ((1000, 1000), "0_0.191489_1_0.617021", "0_0_1_1"),
        ((600, 900), "0_0.238771_1_0.522459", "0_0.111111_1_0.777778"),
        ((1600, 900), "0_0.081166_1_0.837667", "0.21875_0_0.78125_1"),
        ((3000, 1000), "0.108333_0_0.891667_1", "0.333333_0_0.666667_1"),
    ],
)
def test_a_cover_of_another_shape_is_cut_to_both_by_its_corners(
    size: tuple[int, int], wide: str, square: str
) -> None:
    assert crops(*size) == {"pic_crop_235_1": wide, "pic_crop_1_1": square}
    for name, shape in (("pic_crop_235_1", 2.35), ("pic_crop_1_1", 1.0)):
        left, top, right, bottom = (float(corner) for corner in crops(*size)[name].split("_"))
        assert abs((right - left) * size[0] / ((bottom - top) * size[1]) - shape) < 0.001
    article = {"title": "t", "content": "c", "thumb_media_id": "m", **crops(*size)}
    assert article_problems(article) == []


def test_a_cover_of_the_right_shape_is_left_alone() -> None:
    assert crops(900, 383) == {}


@pytest.mark.parametrize("crop", ["0_0_1", "0_0_1_1.5", "0_0_1_0.1234567", "-1_0_1_1", "0_0_1_1_1", "0_0_1_1;"])
def test_a_crop_that_is_none_is_a_problem(crop: str) -> None:
    article = {"title": "t", "content": "c", "thumb_media_id": "m", "pic_crop_1_1": crop}
    assert len(article_problems(article)) == 1


@pytest.mark.parametrize(
    ("size", "may"), [((16, 16), False), ((900, 60), False), ((300, 1200), False), ((640, 480), True)]
)
def test_an_icon_a_rule_or_a_long_scan_is_no_cover(size: tuple[int, int], may: bool) -> None:
    assert is_cover(for_article(image("PNG", size=size))) is may
