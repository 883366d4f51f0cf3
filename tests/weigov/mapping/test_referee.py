"""The referee of hostile HTML sees what is active: one that saw nothing would let every case pass."""

from __future__ import annotations

import pytest

from tests.weigov.mapping.referee import active_parts, visible_text


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>", "<p onclick=x>文</p>", "<svg></svg>", "<p>没关", "<b><i>文</b></i>", "<!-- c -->",
        "<!doctype html>", "<![CDATA[x]]>", "<?xml x?>", '<a href="javascript:x">文</a>',
        '<a href="java&#10;script:x">文</a>', '<a href="//evil.example/">文</a>',
        '<img src="data:image/png;base64,A">',
        '<p style="background:url(x)">文</p>', '<p style="width:expression(1)">文</p>',
        '<p style="width:expr/**/ession(1)">文</p>', '<p style="\\70osition:fixed">文</p>',
        '<p style="color:env(x)">文</p>', '<p style="color:red" style="color:blue">文</p>', "<p id=a>文</p>",
    ],
)  # fmt: skip
def test_the_referee_sees_what_is_active(html: str) -> None:
    assert active_parts(html)


def test_the_referee_lets_an_article_pass() -> None:
    html = (
        '<section style="overflow-x:auto"><table border="1" cellpadding="4" style="border-collapse:collapse"><tbody>'
        '<tr><td colspan="2">甲 &lt; 乙</td></tr></tbody></table></section><p>文<br>'
        '<a href="https://mp.weixin.qq.com/s/x?a=1&amp;b=2">往期</a><img src="https://mmbiz.qpic.cn/x" alt="图"></p>'
    )
    assert active_parts(html) == []
    assert visible_text(html) == "甲 < 乙文往期"
