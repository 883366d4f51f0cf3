"""Four dozen pictures, no two alike, in the formats and sizes editors upload: files to be given to WordPress."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

COUNT = 48
_NAMES = {1: "现场图片.jpg", 7: "微信图片 20260301.png", 12: "IMG_0012.JPG"}  # as people call them


def make(folder: Path) -> list[dict[str, str]]:
    """Draw them into ``folder``: name, file and title of each, for seed.php."""
    chance = random.Random(48)
    media = []
    for n in range(COUNT):
        kind, suffix = (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif"))[_kind(n)]
        file = folder / _NAMES.get(n, f"tu{n}.{suffix}")
        if n in _NAMES:
            kind = "PNG" if file.suffix == ".png" else "JPEG"
        _draw(n, chance).save(file, kind)
        media.append({"name": f"p{n}", "file": str(file), "title": f"图{n}"})
    return media


def _kind(n: int) -> int:
    return {0: 1, 9: 2, 19: 2, 29: 3}.get(n % 30, 0 if n % 3 else 1)


def _draw(n: int, chance: random.Random) -> Image.Image:
    if n == 5:  # well over the 1 MB an article's picture may have
        return Image.frombytes("RGB", (1000, 800), chance.randbytes(1000 * 800 * 3))
    size = chance.choice(((640, 400), (900, 600), (1280, 853), (500, 900)))
    image = Image.new("RGB", size, (chance.randrange(256), chance.randrange(256), chance.randrange(256)))
    draw = ImageDraw.Draw(image)
    for bar in range(8):
        left, top = bar * size[0] // 8, chance.randrange(size[1])
        colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
        draw.rectangle((left, top, left + size[0] // 10, size[1]), fill=colour)
    draw.text((12, 12), f"No. {n}", fill=(255, 255, 255))
    return image
