"""Hostile HTML through the real conversion: its text is kept, nothing active is left, twice is the same as once.

The cases are in ``hostile``; what is left of them is judged by ``referee``, whose parsers are not the one that
converts.
"""

from __future__ import annotations

import re

import pytest

from tests.weigov.mapping.hostile import CASES, Case
from tests.weigov.mapping.referee import active_parts, depth, visible_text
from weigov.mapping.html import MAX_DEPTH, convert

WEIXIN_IMAGE = "https://mmbiz.qpic.cn/"


def resolve(source: str) -> str | None:
    if source.startswith("data:") or "absent" in source:
        return None
    return source if source.startswith(WEIXIN_IMAGE) else WEIXIN_IMAGE + re.sub(r"\W", "", source)


def made(html: str) -> str:
    return convert(html, resolve, "https://www.town.example/a/1.html").html


def words(text: str) -> str:
    return " ".join(text.split())


def test_there_are_no_two_cases_of_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_html_keeps_its_text_and_nothing_active(case: Case) -> None:
    once = made(case.html)
    assert active_parts(once) == []
    assert words(visible_text(once)) == case.text
    assert made(once) == once


@pytest.mark.parametrize(
    "start",
    ["<div>", "<b>", "<p><b>", "<ul><li>", "<blockquote>", "<table><tr><td>格<td>", "<font color=red>", "<x-y>",
     "<svg>", "<math>", "<svg><foreignObject>", "<a href=https://mp.weixin.qq.com/s/a>", "<section style=color:red>",
     "<table><tr><td><a href=/x>", "<svg><a href=/x>",
     "<form>", "<button>", "<object>", "<pre>", "<h1>", "<details>", "<ruby>", "<noscript>"],
)  # fmt: skip
@pytest.mark.parametrize("deep", [1_000, 5_000])
def test_what_stands_thousands_deep_is_still_there(start: str, deep: int) -> None:
    once = made(start * deep + "深处" + "<p>尾<script>alert(1)</script>")
    assert active_parts(once) == []
    assert "深处" in once and "尾" in once and "alert" not in once
    assert depth(once) <= MAX_DEPTH
    assert made(once) == once


def test_what_is_left_out_stays_so_thousands_deep() -> None:
    once = made("<template>" * 5_000 + "<script>alert(1)</script>" + "</template>" * 5_000 + "文")
    assert visible_text(once) == "文"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("", "<p class=MsoNormal style='mso-x:y'><span lang=EN-US>公告内容<o:p></o:p></span></p>\n"),
        ("<table>", "<tr><td>公告</td><td onclick=x>内容</td></tr>"),
        ("", "<a href=javascript:alert(1)>公告</a>内容"),
        ("", "公告内容\u202e"),
        ("<p>", "<b>公告</b><script>1</script><!-- x -->内容"),
    ],
)
def test_two_megabytes_are_converted_whole(start: str, piece: str) -> None:
    times = 2_000_000 // len(piece.encode())
    once = made(start + piece * times)
    assert re.sub(r"\s", "", visible_text(once)) == "公告内容" * times
    assert active_parts(once) == []
    assert made(once) == once
