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


@pytest.mark.parametrize(
    ("start", "piece", "times"),
    [
        ("", "<font color=#{n:06x}><p>文", 4_000),
        ("<p>" + "".join(f"<b id={n}>" for n in range(30)), "<p>文", 100_000),
        (f"<p><b title='>{'x' * 300_000}'>", "<p>文", 10_000),
        (f'<p><b a"=">{"x" * 300_000}">', "<p>文", 10_000),
        ("<p>" + "".join(f"<i style=color:#{n:06x}>" for n in range(30)), "<p>文", 2_500),  # too much once written
    ],
)
def test_formatting_that_is_never_closed_does_not_fill_the_memory(start: str, piece: str, times: int) -> None:
    html = start + "".join(piece.format(n=n) for n in range(times))
    asked: list[str] = []

    def resolve_once(source: str) -> str | None:
        asked.append(source)
        return resolve(source)

    converted = convert("<img src=a.png>" + html, resolve_once)
    assert visible_text(converted.html).count("文") == times and asked == ["a.png"]
    assert len(converted.html) < 60 * times and converted.dropped["formatting"] == 1
    assert convert(converted.html, resolve).html == converted.html


def test_what_an_editor_writes_keeps_its_formatting_however_long_it_is() -> None:
    once = convert("<p>公<b>告</b><font color=red>内</font><i>容</i></p>" * 20_000, resolve)
    assert once.html.count("<b>") == 20_000 and "formatting" not in once.dropped
