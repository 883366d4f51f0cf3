"""The picture of a phone in the review form: well-formed whatever was frozen, of the bytes that are asked about."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from PIL import Image

from tests.weigov.board.town import SCRIPT, Town
from tests.weigov.serving import Web
from weigov.board import phone
from weigov.board.xhtml import xhtml
from weigov.ledger import media
from weigov.ledger.outbox import Delivery

SVG, HTML = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xhtml}"
#: Whatever may stand in it; no element here runs, loads or links anything but an ``img`` with a ``data:`` address.
MAY = {
    SVG + "svg", SVG + "foreignObject",
    *(HTML + name for name in "div style p span b h1 h2 br hr img section strong table tbody tr td dl dt dd".split()),
}  # fmt: skip
HOSTILE = {
    "script": SCRIPT,
    "handlers": "<p onclick='x()' style='background:url(http://evil/x);color:red'>红<svg/onload=x()></p>",
    "links": "<a href='javascript:x()'>点</a><iframe src='http://evil/'><p>内</p></iframe><object data='http://evil/'>",
    "pictures": "<img src='http://evil/a.png'><img src='data:image/svg+xml,<svg/>'><img src='weigov-blob:beef'>",
    "not XML": "一\x00二\x0b三\ud800四\ufffe五&#11;&#0;&#xffff;&nbsp;&bogus;<!--x--><![CDATA[y]]><?php z ?>",
    "badly nested": "<b><p>甲<table><tr><td>乙</b></p></section></section><p",
    "closing us": "</div></foreignObject></svg><script>x()</script>]]></style>",
    "deep": "<section>" * 5000 + "底",
    "long": "<p>很长</p>" * 40_000,
    "names": "<p xmlns:x='y' x:z='1' style='font-size:14px' a&b='<' =x>名</p>",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
def test_whatever_is_frozen_the_picture_is_well_formed_and_holds_nothing_that_acts(content: str, town: Town) -> None:
    payload: dict[str, object] = dict.fromkeys(("title", "author", "digest", "source_url", "content"), content)
    svg = drawn(town, payload)  # a ledger cannot hold every text; here it is as if one did
    tree = ElementTree.fromstring(svg)
    assert int(tree.attrib["height"]) <= phone.MAX_HEIGHT
    for element in tree.iter():
        assert element.tag in MAY, element.tag
        for name, value in element.attrib.items():
            assert not name.startswith("on") and "url(" not in value and name not in ("href", "srcset", "xmlns:x")
            assert name != "src" or value.startswith("data:image/")
    assert svg.count("<style") == 1 and len(svg) < 700_000


def drawn(town: Town, payload: dict[str, object]) -> str:
    """The picture of an article, none of whose pictures are there."""

    def nothing(sha256: str) -> tuple[bytes, str]:
        raise LookupError(sha256)

    return phone.draw(replace(town.published, payload=payload), "2026-03-10", nothing)


def test_html_keeps_its_looks_its_words_and_what_is_cut_off_is_said(town: Town) -> None:
    written, words = xhtml('<p style="color:red;position:fixed">甲<br>乙</p><table border="1"><td colspan="2">丙', {})
    assert written == ('<p style="color:red">甲<br/>乙</p><table border="1"><td colspan="2">丙</td></table>')
    assert words.split() == ["甲", "乙", "丙"]
    assert "全文完" in drawn(town, {"title": "题", "content": "<p>短</p>"})
    cut = drawn(town, {"title": "题", "content": "<p>长</p>" * 10_000})
    assert "全文完" not in cut and 'height="2400"' in cut


def picture(town: Town, color: str, size: tuple[int, int] = (600, 400)) -> str:
    """A frozen one; its SHA-256."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    with town.it.ctx.ledger.begin() as connection:
        return media.keep_blob(connection, buffer.getvalue(), "image/png", now=town.it.ctx.now())


def asked(web: Web, row: Delivery) -> str:
    answer = web.get(f"/item/{row.id}/phone.svg?digest={row.digest[:16]}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("image/svg+xml")
    return answer.text


def test_an_article_shows_its_frozen_cover_and_pictures_and_who_wrote_it(web: Web, town: Town) -> None:
    cover, inner = picture(town, "red"), picture(town, "blue")
    content = f'<p>正文<img src="weigov-blob:{inner}"><img src="weigov-blob:{"0" * 64}"></p>'
    payload = {
        "title": "看图", "author": "办", "digest": "摘", "content": content, "cover": cover, "images": [inner],
        "source_url": "https://x.example/",
    }  # fmt: skip
    svg = asked(web, town.enqueue("看图", payload=payload, approvals_needed=1))
    ElementTree.fromstring(svg)
    assert svg.count("data:image/png;base64,") == 2 and "办 2026-03-10" in svg and "阅读原文" in svg
    assert "［图片 picture］" in svg  # the third is not frozen


def test_a_poster_is_as_high_as_it_will_be_so_that_nothing_below_it_is_cut_off(web: Web, town: Town) -> None:
    sha256 = picture(town, "orange", (700, 3000))
    payload = {"title": "海报", "content": f'<img src="weigov-blob:{sha256}">', "images": [sha256]}
    tree = ElementTree.fromstring(asked(web, town.enqueue("海报", payload=payload)))
    assert phone.INSIDE * 3000 / 700 + 200 < int(tree.attrib["height"]) < phone.MAX_HEIGHT


def test_pictures_stop_where_they_would_be_too_heavy(web: Web, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone, "PICTURE_BYTES", 10)
    sha256 = picture(town, "green")
    payload = {
        "title": "重",
        "content": f'<img src="weigov-blob:{sha256}" alt="山">',
        "cover": sha256,
        "images": [sha256],
    }
    svg = asked(web, town.enqueue("重", payload=payload))
    assert "data:image" not in svg and "山" in svg


MENU = {"button": [{"name": "信息", "sub_button": [{"name": "公告"}, {"name": "要闻"}]}, {"name": "办事"}]}
STORY = {"as": "newspic", "title": "图", "content": "一\n二", "images": ["0" * 64]}


@pytest.mark.parametrize(
    ("channel", "payload", "parts"),
    [
        ("menu", MENU, ["信息", "公告", "要闻", "办事"]),
        ("news", STORY, ["一<br/>二", "共 1 张图片"]),
        ("mass", {"articles": [{"title": "头条"}, {"title": "次条"}]}, ["头条", "次条"]),
        ("template", {"data": {"thing1": {"value": "受理 13800138000"}}}, ["<dt>thing1</dt>", "受理 138****8000"]),
    ],
    ids=["menu", "newspic", "digest", "message"],
)  # fmt: skip
def test_other_deliveries_are_drawn_as_they_are_seen(
    channel: str, payload: dict[str, object], parts: list[str], web: Web, town: Town
) -> None:
    svg = asked(web, town.enqueue(f"画 {channel}", channel=channel, payload=payload))
    ElementTree.fromstring(svg)
    assert all(part in svg for part in parts)


def test_it_is_of_the_bytes_that_are_asked_about_and_of_no_others(web: Web, town: Town) -> None:
    row = town.enqueue("另一稿")
    assert web.get(f"/item/{row.id}/phone.svg?digest={'0' * 16}").status_code == 404
    assert web.get("/item/999999/phone.svg").status_code == 404


def test_opened_by_itself_it_may_do_nothing(web: Web, town: Town) -> None:
    headers = web.get(f"/item/{town.published.id}/phone.svg").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and policy.endswith("sandbox") and "script" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
