"""A missing cover is drawn: the same each time, with the title where a font has all of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.missing import skip_or_fail
from weigov.wechat.cover import COLOURS, SIZE, _broken, _face, draw, find_font
from weigov.wechat.media import Picture, crops, for_cover

CJK = find_font()
LATIN = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.fixture
def chinese() -> Path:
    return CJK or skip_or_fail("no font with Chinese characters (apt-get install fonts-noto-cjk)")


def whites(picture: Picture) -> int:
    """How many pixels are the colour of the title."""
    with Image.open(io.BytesIO(picture.data)) as image:
        return sum(count for count, colour in image.getcolors(1_000_000) or () if colour == (255, 255, 255))


def test_the_same_title_and_colour_give_the_same_bytes() -> None:
    one, again, other = draw("关于公示的通知", font=CJK), draw("关于公示的通知", font=CJK), draw("别的", font=CJK)
    assert one.data == again.data != other.data
    assert (one.width, one.height, one.content_type) == (*SIZE, "image/png") and crops(*SIZE) == {}
    assert for_cover(one.data).data == one.data and len(one.data) < 100_000


def test_the_accounts_colour_is_what_it_is_drawn_on() -> None:
    with Image.open(io.BytesIO(draw("通知", "#1E4A7e").data)) as image:
        assert image.getpixel((5, 5)) == (30, 74, 126)
    with Image.open(io.BytesIO(draw("通知").data)) as image:
        assert image.getpixel((5, 5)) in COLOURS


@pytest.mark.parametrize(
    "title", ["公告", "关于调整城区部分公交线路的通告", "关" * 64, "2026 年“一网通办”工作要点（试行）"]
)
def test_the_title_is_written_on_it(title: str, chinese: Path) -> None:
    assert whites(draw(title, font=chinese)) > 500


def test_no_line_begins_with_a_stop(chinese: Path) -> None:
    face = _face(str(chinese), 64)
    lines = _broken("关于进一步加强汛期安全管理，切实做好防汛工作的通知", face)
    assert len(lines) > 1 and not any(line[0] in "，。" for line in lines)
    assert "".join(lines) == "关于进一步加强汛期安全管理，切实做好防汛工作的通知"


@pytest.mark.parametrize("font", [None, LATIN])
def test_without_a_font_that_has_all_of_it_there_are_no_words_and_no_squares(font: Path | None) -> None:
    if font is not None and not font.is_file():
        skip_or_fail("no font without Chinese characters (apt-get install fonts-dejavu-core)")
    assert whites(draw("关于公示的通知", font=font)) == 0


def test_a_title_without_words_or_longer_than_fits_is_a_cover_all_the_same() -> None:
    for title in ("", "   ", "长" * 500):
        assert draw(title, font=CJK).width == SIZE[0]
