"""Images as WeChat takes them: checked, converted and shrunk when they must be. No I/O; ``cover`` draws missing ones.

Inside an article: jpg or png up to 1 MB. As a cover: a permanent image; 10 MB and bmp or gif would pass, but covers
are made jpg or png up to 2 MB, which older accounts also take. Bytes that fit already are left as they are.
A file is opened only as one of five formats, and decoded only if its pixels are few enough.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageOps

from weigov.errors import RecordRejected

ARTICLE_MAX_BYTES: Final = 1024 * 1024
COVER_MAX_BYTES: Final = 2 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 20_000
_ARTICLE_WIDTH = 1080  # what a phone can show
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png")}
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
#: The shape of the cover of an account's first article.
WIDE: Final = 2.35


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


def crops(width: int, height: int) -> dict[str, str]:
    """What WeChat is to show of a cover of this size: wide (2.35 to 1) and square, as draft/add takes it.

    ``X1_Y1_X2_Y2``, fractions of the picture. Cut in the middle from side to side; of a high picture more of the top
    is kept, where people's faces and a poster's title are. {} when it has the wide shape already.
    """
    if abs(width / height - WIDE) < 0.03:
        return {}
    return {name: _crop(width, height, shape) for name, shape in (("pic_crop_235_1", WIDE), ("pic_crop_1_1", 1.0))}


def _crop(width: int, height: int, shape: float) -> str:
    across, down = min(1.0, shape * height / width), min(1.0, width / height / shape)
    left, top = (1 - across) / 2, (1 - down) / 3
    return "_".join(f"{corner:.6f}".rstrip("0").rstrip(".") for corner in (left, top, left + across, top + down))


def is_cover(picture: Picture) -> bool:
    """Whether a picture of the text may stand for the article: no icon, no rule, no scan of a long page."""
    return min(picture.width, picture.height) >= 200 and 1 / 3 <= picture.width / picture.height <= 5


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
        picture = as_picture(image, "PNG", {"optimize": True})
        if len(picture.data) <= max_bytes:
            return picture
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if image.width > _ARTICLE_WIDTH:
        image = image.resize((_ARTICLE_WIDTH, max(1, image.height * _ARTICLE_WIDTH // image.width)))
    for _ in range(8):
        for quality in (88, 75):
            picture = as_picture(image, "JPEG", {"quality": quality, "optimize": True})
            if len(picture.data) <= max_bytes:
                return picture
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
    raise RecordRejected(name, f"the image cannot be made smaller than {max_bytes} bytes")


def as_picture(image: Image.Image, kind: str, options: dict[str, int | bool]) -> Picture:
    """``image`` written as JPEG or PNG: the same bytes each time."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    content_type, extension = _TYPES[kind]
    return Picture(buffer.getvalue(), content_type, f"image.{extension}", image.width, image.height)
