"""Images as WeChat takes them: checked, converted and shrunk when they must be, drawn when there is none. No I/O.

Inside an article: jpg or png up to 1 MB. As a cover: a permanent image; 10 MB and bmp or gif would pass, but covers
are made jpg or png up to 2 MB, which older accounts also take. Bytes that fit already are left as they are.
A file is opened only as one of five formats, and decoded only if its pixels are few enough.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from weigov.errors import RecordRejected

ARTICLE_MAX_BYTES: Final = 1024 * 1024
COVER_MAX_BYTES: Final = 2 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 20_000
_ARTICLE_WIDTH = 1080  # what a phone can show
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png")}
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
#: Sober colours, dark enough for the white title WeChat lays over a cover.
_COVER_COLOURS = ((156, 38, 42), (30, 74, 126), (38, 92, 98), (66, 84, 116))
_COVER_SIZE = (900, 383)  # 2.35 : 1


@dataclass(frozen=True, slots=True)
class Picture:
    """An image ready to be uploaded."""

    data: bytes = field(repr=False)
    content_type: str
    filename: str  # its extension fits the bytes
    width: int
    height: int


def for_article(data: bytes, name: str = "image") -> Picture:
    """``data`` as uploadimg takes it. ``name`` is how errors call it.

    Raises RecordRejected when it is no image, is broken, or has too many pixels.
    """
    return _fit(data, name, ARTICLE_MAX_BYTES)


def for_cover(data: bytes, name: str = "cover") -> Picture:
    """``data`` as a permanent image for covers takes it. Raises RecordRejected as ``for_article`` does."""
    return _fit(data, name, COVER_MAX_BYTES)


def default_cover(title: str) -> Picture:
    """A plain cover for an article that has none: the same title always gives the same picture."""
    seed = hashlib.sha256(title.encode("utf-8", "surrogatepass")).digest()
    red, green, blue = _COVER_COLOURS[seed[0] % len(_COVER_COLOURS)]
    image = Image.new("RGB", _COVER_SIZE, (red, green, blue))
    draw = ImageDraw.Draw(image)
    width, height = _COVER_SIZE
    light = (min(red + 40, 255), min(green + 40, 255), min(blue + 40, 255))
    top = height // 3 + seed[3] % (height // 3)
    draw.polygon([(0, top), (width, top - 80), (width, height), (0, height)], fill=light)
    draw.rectangle((0, height - 14, width, height), fill=(196, 52, 45))
    return _as(image, "PNG", {"optimize": True})


def _fit(data: bytes, name: str, max_bytes: int) -> Picture:
    try:
        return _fitted(data, name, max_bytes)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RecordRejected(name, f"the image has more than {MAX_PIXELS} pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # whatever Pillow makes of broken files
        raise RecordRejected(name, f"not a usable image ({type(error).__name__})") from None


def _fitted(data: bytes, name: str, max_bytes: int) -> Picture:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        kind = image.format or ""
        width, height = image.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
            raise RecordRejected(name, f"the image is {width} by {height}, at most {MAX_PIXELS} pixels are read")
        image.load()
        if kind in _TYPES and len(data) <= max_bytes:
            content_type, extension = _TYPES[kind]
            return Picture(data, content_type, f"image.{extension}", width, height)
        return _shrink(_plain(image), name, max_bytes)


def _plain(image: Image.Image) -> Image.Image:
    """Upright, its first frame, RGB or RGBA."""
    image = ImageOps.exif_transpose(image)
    see_through = "A" in image.getbands() or "transparency" in image.info
    return image.convert("RGBA" if see_through else "RGB")


def _shrink(image: Image.Image, name: str, max_bytes: int) -> Picture:
    if image.mode == "RGBA":
        picture = _as(image, "PNG", {"optimize": True})
        if len(picture.data) <= max_bytes:
            return picture
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if image.width > _ARTICLE_WIDTH:
        image = image.resize((_ARTICLE_WIDTH, max(1, image.height * _ARTICLE_WIDTH // image.width)))
    for _ in range(8):
        for quality in (88, 75):
            picture = _as(image, "JPEG", {"quality": quality, "optimize": True})
            if len(picture.data) <= max_bytes:
                return picture
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
    raise RecordRejected(name, f"the image cannot be made smaller than {max_bytes} bytes")


def _as(image: Image.Image, kind: str, options: dict[str, int | bool]) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    content_type, extension = _TYPES[kind]
    return Picture(buffer.getvalue(), content_type, f"image.{extension}", image.width, image.height)
