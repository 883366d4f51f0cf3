"""A cover for an article that has none: its title on the account's colour, else on one of four sober ones.

The same title, colour and font give the same bytes. Without a font that has all of the title's characters the cover
stays without words: a pattern rather than squares. WeChat writes the title beside it anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from weigov.wechat.media import Picture, as_picture

#: Sober colours, dark enough for the white title WeChat lays over a cover.
COLOURS = ((156, 38, 42), (30, 74, 126), (38, 92, 98), (66, 84, 116))
SIZE = (900, 383)  # 2.35 : 1
#: Where Debian and its like put fonts with Chinese characters: fonts-noto-cjk, -wqy-zenhei, -wqy-microhei, -droid.
FONTS = tuple(
    Path("/usr/share/fonts") / name
    for name in (
        "opentype/noto/NotoSansCJK-Bold.ttc",
        "opentype/noto/NotoSansCJK-Regular.ttc",
        "google-noto-cjk/NotoSansCJK-Bold.ttc",
        "truetype/wqy/wqy-zenhei.ttc",
        "truetype/wqy/wqy-microhei.ttc",
        "truetype/droid/DroidSansFallbackFull.ttf",
    )
)
#: What the operator is told where there is none.
NO_FONT = "no font with Chinese characters: covers are drawn without the title (apt-get install fonts-noto-cjk)"
_SIZES = (64, 56, 48, 42, 36, 28)
_LINES = 7
#: The square in the middle: lists show only that.
_TEXT_WIDTH, _TEXT_HEIGHT = 352, 300
_NOT_FIRST = frozenset("，。、；：！？）》」』】〉”’…,.;:!?)]")  # these do not begin a line
_ABSENT = "\U0010fffe"  # no font has it


def find_font(places: Sequence[Path] = FONTS) -> Path | None:
    """The first of ``places`` that is there."""
    return next((place for place in places if place.is_file()), None)


def draw(title: str, colour: str = "", font: Path | None = None) -> Picture:
    """A cover of 900 by 383 pixels. ``colour`` as in ``#9c262a``; ``font`` as ``find_font`` gives it."""
    seed = hashlib.sha256(title.encode("utf-8", "surrogatepass")).digest()
    base = _rgb(colour) if colour else COLOURS[seed[0] % len(COLOURS)]
    image = Image.new("RGB", SIZE, base)
    pen = ImageDraw.Draw(image)
    width, height = SIZE
    lighter = tuple(min(part + 24, 255) for part in base)
    top = height // 3 + seed[3] % (height // 3)
    pen.polygon([(0, top), (width, top - 80), (width, height), (0, height)], fill=lighter)
    pen.rectangle((0, height - 14, width, height), fill=tuple(part * 2 // 3 for part in base))
    if font is not None:
        _write(pen, " ".join(title.split()), str(font))
    return as_picture(image, "PNG", {"optimize": True})


def _write(pen: ImageDraw.ImageDraw, title: str, font: str) -> None:
    for size in _SIZES:
        face = _face(font, size)
        if not title or not _has_all(face, title):
            return
        lines = _broken(title, face)
        step = size * 4 // 3
        if len(lines) <= _LINES and len(lines) * step <= _TEXT_HEIGHT:
            top = (SIZE[1] - len(lines) * step) // 2
            for n, line in enumerate(lines):
                left = (SIZE[0] - int(face.getlength(line))) // 2
                pen.text((left, top + n * step), line, font=face, fill="white")
            return


def _broken(title: str, face: ImageFont.FreeTypeFont) -> list[str]:
    """``title`` in lines of about one length, none of which begins with a stop."""
    wanted = -(-int(face.getlength(title)) // _TEXT_WIDTH)
    fair = face.getlength(title) / wanted
    lines = [""]
    for character in title:
        longer = lines[-1] + character
        full = face.getlength(lines[-1]) >= fair or face.getlength(longer) > _TEXT_WIDTH
        if full and character not in _NOT_FIRST and lines[-1]:
            lines.append(character)
        else:
            lines[-1] = longer
    return [line.strip() for line in lines if line.strip()]


def _has_all(face: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether the font draws every character, and not the square that stands for what it lacks."""
    absent = bytes(face.getmask(_ABSENT))
    return all(bytes(face.getmask(character)) != absent for character in set(text) - {" "})


@cache
def _face(path: str, size: int) -> ImageFont.FreeTypeFont:
    """The simplified Chinese face of a collection, else its first. The plain layout, the same on every machine."""
    faces = []
    for index in range(10):
        try:
            face = ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            break
        faces.append(face)
        if "CJK SC" in str(face.getname()[0]):
            return face
    return faces[0]


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue
