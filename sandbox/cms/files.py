"""The files articles refer to, made when the sandbox is seeded: real pictures and real documents.

A picture's look follows from its name, so that the same name is always the same bytes: ``chart-…`` is a bar chart,
``huge-…`` weighs more than a megabyte, ``data-…`` is small enough for a ``data:`` address, all else is a landscape.
The ending decides the format.
"""

import base64
import io
import random

from PIL import Image, ImageDraw

_MIME = {
    "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp",
    "pdf": "application/pdf", "doc": "application/msword", "xls": "application/vnd.ms-excel",
}  # fmt: skip
_FORMAT = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "webp": "WEBP"}


def mime(name: str) -> str:
    return _MIME[_ending(name)]


def picture(name: str) -> bytes:
    dice = random.Random(name)
    if name.startswith("huge-"):
        image = _grainy(_landscape(dice).resize((3600, 2000)), dice)
    elif name.startswith("chart-"):
        image = _chart(dice)
    elif name.startswith("data-"):
        image = Image.new("RGB", (48, 48), (199, 0, 11))
    else:
        image = _landscape(dice)
    out = io.BytesIO()
    image.save(out, _FORMAT[_ending(name)])
    return out.getvalue()


def data_address(name: str) -> str:
    return f"data:{mime(name)};base64,{base64.b64encode(picture(name)).decode()}"


def document(name: str, title: str) -> bytes:
    """A document of one line; the text of a PDF is not Chinese because its built-in fonts are not."""
    if _ending(name) == "pdf":
        return _pdf()
    text = "".join(c if ord(c) < 128 else f"\\u{_signed(ord(c) % 0x10000)}?" for c in title)
    return ("{\\rtf1\\ansi\\ansicpg936\\deff0{\\fonttbl{\\f0\\fnil SimSun;}}\\f0\\fs32 " + text + "\\par}").encode()


def _landscape(dice: random.Random) -> Image.Image:
    width, height = 900, 500
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    warm = dice.random()
    for y in range(height):
        share = y / height
        draw.line((0, y, width, y), (int(110 + 120 * share * warm), int(165 + 60 * share), int(235 - 40 * share)))
    draw.ellipse((680, 60, 760, 140), (255, 236, 170))
    for layer in range(3):
        base = 260 + 70 * layer
        points = [(x, base - dice.randint(0, 90 - 20 * layer)) for x in range(0, width + 60, 60)]
        draw.polygon([(0, height), *points, (width, height)], (60 - 12 * layer, 120 - 22 * layer, 90 - 18 * layer))
    for _ in range(9):
        left, tall = dice.randint(20, 840), dice.randint(60, 170)
        draw.rectangle((left, 470 - tall, left + 44, 470), (205, 205, 212))
        for floor in range(470 - tall + 10, 460, 18):
            draw.rectangle((left + 8, floor, left + 16, floor + 8), (250, 226, 150))
            draw.rectangle((left + 26, floor, left + 34, floor + 8), (250, 226, 150))
    return image


def _grainy(image: Image.Image, dice: random.Random) -> Image.Image:
    """As a camera's sensor leaves it: the grain is what makes a file heavy."""
    grain = Image.frombytes("L", image.size, dice.randbytes(image.width * image.height)).convert("RGB")
    return Image.blend(image, grain, 0.12)


def _chart(dice: random.Random) -> Image.Image:
    image = Image.new("RGB", (800, 450), "white")
    draw = ImageDraw.Draw(image)
    for y in range(50, 400, 50):
        draw.line((60, y, 770, y), (225, 225, 225))
    for month in range(12):
        left = 76 + month * 58
        top = dice.randint(80, 330)
        draw.rectangle((left, top, left + 34, 400), (199, 60, 50) if month == 11 else (66, 110, 180))
        draw.text((left + 8, 408), str(month + 1), fill="black")
        draw.text((left + 4, top - 16), f"{(400 - top) / 10:.1f}", fill="black")
    draw.line((60, 400, 770, 400), "black", 2)
    return image


def _pdf() -> bytes:
    stream = b"BT /F1 18 Tf 72 720 Td (Attachment. Shifan Municipal People's Government) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % table)


def _ending(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _signed(unit: int) -> int:
    return unit - 0x10000 if unit >= 0x8000 else unit
