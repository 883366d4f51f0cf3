"""Hostile and merely ugly HTML: the text stays, nothing active is left, and converting twice equals once."""

from __future__ import annotations

import html as stdlib_html
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from weigov.mapping.html import MAX_DEPTH, SCROLL, Converted, convert, text_of

WEIXIN_IMAGE = "https://mmbiz.qpic.cn/"


def resolve(source: str) -> str | None:
    """Every picture but data: ones and those called gone; WeChat's own addresses stay."""
    if source.startswith("data:") or "gone" in source:
        return None
    return source if source.startswith(WEIXIN_IMAGE) else WEIXIN_IMAGE + re.sub(r"\W", "", source)


def converted(html: str) -> Converted:
    return convert(html, resolve, "https://www.town.example/a/1.html")


def words(html: str) -> str:
    """What a reader sees of what we wrote, read by another parser than ours would be by."""
    return stdlib_html.unescape(re.sub(r"<[^>]*>", "", html))


ALLOWED_TAGS = set(
    "section p blockquote pre h1 h2 h3 h4 h5 h6 ul ol li dl dt dd b strong i em u s del ins sub sup small code span"
    " a img br hr table caption thead tbody tfoot tr td th".split()
)
ALLOWED_ATTRIBUTES = {"style", "href", "src", "alt", "border", "cellpadding", "colspan", "rowspan", "start"}
ACTIVE = re.compile(r"url|expression|javascript|behavior|@import|var\s*\(|position|\\", re.IGNORECASE)


def assert_harmless(html: str) -> None:
    root = LexborHTMLParser(html, is_fragment=True).root
    todo = [root] if root is not None else []
    while todo:
        node = todo.pop()
        if node.next is not None:
            todo.append(node.next)
        if node.tag == "-text":
            continue
        assert node.tag in ALLOWED_TAGS, node.tag
        for name, value in node.attributes.items():
            assert name in ALLOWED_ATTRIBUTES, (node.tag, name)
            if name == "style":
                assert not ACTIVE.search(value or ""), value
            if name == "href":
                assert (value or "").startswith(("https://mp.weixin.qq.com", "http://mp.weixin.qq.com"))
            if name == "src":
                assert (value or "").startswith(WEIXIN_IMAGE)
        if node.first_child is not None:
            todo.append(node.first_child)


# what comes in, the words that must come out (in order), what the report counts
HOSTILE: list[tuple[str, str, dict[str, int]]] = [
    ("<p>通知<script>alert(1)</script>公告</p>", "通知公告", {"script": 1}),
    ("<scr<script>ipt>alert(1)</script>文", "ipt>alert(1)文", {}),
    ("<p onclick=alert(1) ONMOUSEOVER='x'>文</p>", "文", {"handler": 2}),
    ("<img src=x.png onerror=alert(1)>文", "文", {"handler": 1}),
    ("<svg onload=alert(1)><text>图文</text></svg>", "图文", {"svg": 1, "handler": 1}),
    ("<svg><script>alert(1)</script><title>t</title>文</svg>", "文", {"svg": 1, "script": 1}),
    ("<svg><animate onbegin=alert(1) attributeName=x></animate>文</svg>", "文", {"svg": 1, "handler": 1}),
    ("<svg><foreignObject><iframe src=x></iframe><p>里</p></foreignObject></svg>", "里", {"svg": 1, "iframe": 1}),
    ("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>", "", {}),
    (
        "<math><annotation-xml encoding=text/html><script>1</script></annotation-xml><mi>x</mi></math>",
        "x",
        {"math": 1},
    ),
    ("<noscript><p title='</noscript><img src=x onerror=alert(1)>'>文</noscript>", "文", {"noscript": 1}),
    ("<style>p{background:url(javascript:alert(1))}</style>文", "文", {"style": 1}),
    ("<style><!--</style><script>alert(1)</script>--></style>文", "-->文", {"style": 1, "script": 1}),
    ("<iframe src=javascript:alert(1)>里</iframe>文", "文", {"iframe": 1}),
    ("<iframe srcdoc='<script>alert(1)</script>'></iframe>文", "文", {"iframe": 1}),
    ("<object data=x.swf><p>没有插件</p></object>", "没有插件", {"object": 1}),
    ("<embed src=x.swf>文", "文", {"embed": 1}),
    ("<form action=//evil><input name=a value=b><button>提交</button></form>", "提交", {"form": 1, "input": 1}),
    ("<select><option>甲</option><option>乙</option></select>", "甲乙", {"select": 1}),
    ("<textarea><script>不跑</script></textarea>", "<script>不跑</script>", {"textarea": 1}),
    ("<video src=x poster=y>不支持</video>文", "文", {"video": 1}),
    ("<template><script>1</script></template>文", "文", {"template": 1}),
    ("<link rel=stylesheet href=//evil><meta http-equiv=refresh content=0><base href=//evil>文", "文", {"link": 1}),
    ("<html><head><title>标题</title></head><body onload=x>文</body></html>", "文", {}),
    ("<frameset><frame src=x></frameset>", "", {}),
    ("<a href=javascript:alert(1)>点</a>", "点", {"link": 1}),
    ("<a href='java\nscript:alert(1)'>点</a>", "点", {"link": 1}),
    ("<a href=' &#1; javascript:alert(1)'>点</a>", "点", {"link": 1}),
    ("<a href=data:text/html,x>点</a>", "点", {"link": 1}),
    ("<a href=vbscript:x>点</a>", "点", {"link": 1}),
    ("<a href=https://mp.weixin.qq.com.evil.example/>点</a>", "点（https://mp.weixin.qq.com.evil.example/）", {}),
    ("<a href=https://mp.weixin.qq.com@evil.example/>点</a>", "点（https://mp.weixin.qq.com@evil.example/）", {}),
    ("<a href='https://mp.weixin.qq.com\\@evil.example'>点</a>", "点（https://mp.weixin.qq.com\\@evil.example）", {}),
    ("<p style='background:url(//evil/x.png);color:red'>文</p>", "文", {"css": 1}),
    ("<p style='width:expression(alert(1))'>文</p>", "文", {"css": 1}),
    ("<p style='color:\\65xpression(1)'>文</p>", "文", {"css": 1}),
    ("<p style='position:fixed;top:0;left:0;z-index:9'>文</p>", "文", {"css": 1}),
    ("<p style='-moz-binding:url(x);behavior:url(x)'>文</p>", "文", {"css": 2}),
    ("<p style='color:var(--x);--x:red'>文</p>", "文", {"css": 1}),
    ("<p style='color:red;\" onload=alert(1) x=\"'>文</p>", "文", {}),
    ("<img src='data:image/svg+xml,<svg onload=alert(1)>' alt=章>文", "［图片：章］文", {"image": 1}),
    ("<img src=javascript:alert(1)>文", "文", {"image": 1}),
    ("<img src=file:///C:/Users/x.png alt=图>文", "［图片：图］文", {"image": 1}),
    ("<img src='x\" onerror=\"alert(1)'>文", "文", {}),
    ("<img src=a.png alt='\" onerror=alert(1) \"><script>'>文", "文", {}),
    ("外\u202e文\u202c<p>零\u200b宽\ufeff</p>", "外文零宽", {"unseen character": 4}),
    ("<bdo dir=rtl>abc</bdo>", "abc", {}),
    ("&#x202e;反&#0;&#8203;", "反\ufffd", {}),
    ("👩\u200d👩\u200d👧 一家 نامه\u200cای", "👩\u200d👩\u200d👧 一家 نامه\u200cای", {}),
    ("<p>没关<b>粗<i>斜</p>后", "没关粗斜后", {}),
    ("<table><tr><td>甲<td>乙<tr><td>丙</table>", "甲乙丙", {}),
    ("<table>外<tr><td>甲</td><td>乙</td></tr></table>", "外甲乙", {}),
    ("<p hidden>藏</p><p style='display:none'>藏</p><p style='mso-hide:all'>藏</p>文", "文", {"hidden": 3}),
    ("<!--[if gte mso 9]><xml><w:WordDocument>x</w:WordDocument></xml><![endif]-->文", "文", {}),
    ("<xml><w:View>Normal</w:View></xml><o:p>文</o:p>", "文", {}),
    ("<![if !supportLists]>一、<![endif]>文", "一、文", {}),
    ("<?xml:namespace prefix = o ns = 'urn:x' />文", "文", {}),
    ("<plaintext><b>原样</b>", "<b>原样</b>", {}),
    ("<xmp><b>原样</b></xmp>", "<b>原样</b>", {}),
    ("<x-evil onfoo=1>文</x-evil>", "文", {"handler": 1}),
    ("]]>&lt;script&gt;文&amp;lt;", "]]><script>文&lt;", {}),
    ("<p id=a class=b data-x=c lang=zh>文</p>", "文", {}),
    ("</p></div></body></html>文", "文", {}),
    ("<marquee onstart=x>走</marquee><blink>闪</blink>", "走闪", {"marquee": 1, "handler": 1}),
]


@pytest.mark.parametrize(("html", "text", "dropped"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_html_keeps_its_text_and_nothing_active(html: str, text: str, dropped: dict[str, int]) -> None:
    result = converted(html)
    assert_harmless(result.html)
    assert words(result.html).split() == text.split()
    assert {name: result.dropped.get(name) for name in dropped} == dropped
    assert converted(result.html).html == result.html


def test_a_start_tag_too_long_to_be_remembered_is_written_like_any_other() -> None:
    assert converted(f'<p style="color:red" data-x="{"x" * 2000}">文</p>').html == '<p style="color:red">文</p>'


@pytest.mark.parametrize("tag", ["div", "b", "span style='color:red'", "ul><li", "blockquote", "font color=red", "x"])
def test_text_nested_a_thousand_deep_is_still_there(tag: str) -> None:
    result = converted(f"<{tag}>" * 3000 + "深处" + "<p>尾</p>")
    assert "深处" in result.html and "尾" in result.html
    assert_harmless(result.html)
    assert converted(result.html).html == result.html
    assert result.html.count("<section") <= MAX_DEPTH


def test_spaces_about_a_block_that_is_too_deep_to_be_written_are_one() -> None:
    result = converted("<b>" * MAX_DEPTH + "甲 <p> 乙</p> <i> </i>丙")
    assert "甲 乙 丙" in result.html
    assert converted(result.html).html == result.html


def test_tables_nested_a_thousand_deep_keep_their_text() -> None:
    result = converted("<table><tr><td>层<td>" * 1000 + "底")
    assert result.html.count("层") == 1000 and "底" in result.html
    assert converted(result.html).html == result.html


def test_a_megabyte_is_converted_whole() -> None:
    assert (
        words(converted("<p class=MsoNormal><span lang=EN-US>公告内容</span></p>\n" * 25_000).html)
        == "公告内容" * 25_000
    )


# ---- what it looks like


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<article><header>头</header><div>文</div></article>",
         "<section><section>头</section><section>文</section></section>"),
        ("<center>中</center>", '<section style="text-align:center">中</section>'),
        ("<p align=right>右</p>", '<p style="text-align:right">右</p>'),
        ("<font color=#C00000 face=仿宋>红</font>", '<span style="color:#c00000">红</span>'),
        ("<strike>旧</strike><tt>码</tt>", "<s>旧</s><code>码</code>"),
        ("<p style='margin:0cm;font-size:16.0pt;font-family:仿宋;mso-bidi:x;text-indent:32.0pt'>文</p>",
         '<p style="text-indent:2em">文</p>'),
        ("<p><span lang=EN-US style='mso-x:y'>文<o:p></o:p></span></p>", "<p>文</p>"),
        ("<p>一</p>\n\n  <p>二</p>", "<p>一</p><p>二</p>"),
        ("<p>一 \n 二</p>", "<p>一 二</p>"),
        ("<pre>\n\n 一\n  二</pre>", "<pre>\n\n 一\n  二</pre>"),
        ("<ol start=3><li>三</ol>", '<ol start="3"><li>三</li></ol>'),
        ("<li>孤</li>", "<section>孤</section>"),
        ("<p>前<button><div>块</div></button>后</p>",
         "<section>前<section><section>块</section></section>后</section>"),
        ("<h1><x><h2>双</h2></x></h1>", "<h1><section>双</section></h1>"),
        ("", ""),
        (" \n ", ""),
        ("<b></b><span style='color:red'></span>", ""),
    ],
)  # fmt: skip
def test_tags_become_those_that_survive(html: str, expected: str) -> None:
    assert converted(html).html == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=https://www.gov.cn/x?a=1&amp;b=2>全文</a>", "全文（https://www.gov.cn/x?a=1&amp;b=2）"),
        ("<a href=https://www.gov.cn/>www.gov.cn</a>", "www.gov.cn"),
        ("<a href=/f/表.doc>附件</a>", "附件（https://www.town.example/f/表.doc）"),
        ("<a href=mailto:a@b.cn?subject=x>来信</a>", "来信（a@b.cn）"),
        ("<a href=tel:12345>12345热线</a>", "12345热线"),
        ("<a href=#top>回顶部</a>", "回顶部"),
        ("<a name=x></a>文", "文"),
        ("<a href=https://www.gov.cn/> </a>文", "文"),
        ("<a href=https://mp.weixin.qq.com/s/AbC_1?x=1&amp;y=2#r>往期</a>",
         '<a href="https://mp.weixin.qq.com/s/AbC_1?x=1&amp;y=2#r">往期</a>'),
    ],
)  # fmt: skip
def test_only_links_within_wechat_stay_and_others_are_printed(html: str, expected: str) -> None:
    assert converted(html).html == expected


def test_pictures_are_resolved_once_each_and_reported_in_order() -> None:
    asked: list[str] = []

    def ask(source: str) -> str | None:
        asked.append(source)
        return resolve(source)

    html = "<img src=/a.png alt=甲 width=900><img src=gone.png><img src=b.jpg><img src=/a.png>"
    result = convert(html, ask)
    assert asked == ["/a.png", "gone.png", "b.jpg"]
    assert result.images == ("/a.png", "b.jpg")
    assert result.dropped == {"image": 1}
    assert result.html.count("<img") == 3 and "900" not in result.html


def test_a_picture_loaded_late_is_found() -> None:
    html = "<img src=data:image/gif;base64,R0lGOD data-src=https://img.cms/x.png>"
    assert converted(html).images == ("https://img.cms/x.png",)


def test_a_data_picture_is_offered_to_the_resolver() -> None:
    result = convert("<img src=data:image/png;base64,AAAA>", lambda source: WEIXIN_IMAGE + "x")
    assert result.images == ("data:image/png;base64,AAAA",)


def test_a_wide_table_scrolls_and_forgets_its_widths() -> None:
    html = "<table border=1 width=960 style='width:720pt'><tr><td width=300 colspan=2>甲</td><td>乙</td></tr></table>"
    result = converted(html).html
    assert result.startswith(SCROLL) and result.endswith("</table></section>")
    assert "width" not in result and "960" not in result
    assert '<td colspan="2">甲</td>' in result and 'border="1"' in result


def test_lines_drawn_cell_by_cell_become_the_tables() -> None:
    cell = "<td style='border:solid windowtext 1.0pt;padding:0cm 5.4pt'>"
    result = converted(f"<table><tr>{cell}甲{cell}乙</table>").html
    assert 'border="1"' in result and "<td>甲</td>" in result


def test_a_table_of_one_cell_only_laid_out_the_page() -> None:
    assert converted("<table width=960><tr><td><p>文</p></td></tr></table>").html == "<section><p>文</p></section>"


def test_a_table_within_a_table_scrolls_with_it() -> None:
    inner = "<table><tr><td>1<td>2</table>"
    assert converted(f"<table><tr><td>{inner}<td>右</table>").html.count(SCROLL) == 1


def test_the_words_of_html_come_line_by_line() -> None:
    assert text_of("<p>一 <b>二</b></p><ul><li>&lt;三&gt;</li></ul><script>x</script>") == "一 二\n<三>"


# ---- for all HTML

_TAGS = (
    "p div section span b i a table tr td th tbody caption ul ol li dl dt dd h1 h2 pre button form svg math mtext"
    " foreignObject title style script object select option textarea center font br hr img article o:p x-y nobr"
    " marquee template noscript ruby rt details annotation-xml body html frameset plaintext"
).split()
_ATTRIBUTES = [
    "", ' style="color:red"', ' style="display:none"', ' href="http://a.cn/x"', ' href="https://mp.weixin.qq.com/s"',
    ' src="a.png" alt="图 x"', ' onclick="x"', " align=center", " border=1", " hidden", " colspan=3",
    ' style="overflow-x:auto"',
]  # fmt: skip
_TEXTS = [
    "a",
    " ",
    "\n",
    "  x \n y ",
    "中\u200b文",
    "&#13;",
    "&lt;b&gt;",
    "\u202e",
    "<!--c-->",
    "&nbsp;",
    "\x00",
    "]]>",
]
_PIECES = st.one_of(
    st.builds(lambda tag, attribute: f"<{tag}{attribute}>", st.sampled_from(_TAGS), st.sampled_from(_ATTRIBUTES)),
    st.sampled_from(_TAGS).map(lambda tag: f"</{tag}>"),
    st.sampled_from(_TEXTS),
    st.text(max_size=5),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_PIECES, max_size=30).map("".join))
def test_whatever_comes_in_is_harmless_after_once_and_the_same_after_twice(html: str) -> None:
    once = converted(html).html
    assert_harmless(once)
    assert converted(once).html == once


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cn", "Cs", "Zl", "Zp"]), max_size=60))
def test_plain_text_comes_through_word_for_word(text: str) -> None:
    result = converted(stdlib_html.escape(text)).html
    shown: Any = words(result)
    assert re.sub(r"[ \t\n\f\r]+", " ", text).strip(" ") == shown
