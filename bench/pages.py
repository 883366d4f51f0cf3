"""Government articles as an editor's CMS keeps them, generated, always the same: what the conversion is measured on.

Most were written in Word and pasted: each paragraph has a class, a style of print measures and spans around spans, in
the order and spelling Word writes. Sizes, indents and spacing differ from document to document and now and then from
paragraph to paragraph, as they do when several people wrote; so a style repeats within an article and less between
them. Others were typed into an editor. A page ends with its own number: whoever converts it whole still has that.
"""

# ruff: noqa: E501
# Markup is kept as editors write it, unbroken.

from __future__ import annotations

import random
from collections.abc import Callable

_PHRASES = (
    "各县区人民政府，市政府各部门：", "为深入贯彻落实国务院关于优化营商环境的决策部署，", "进一步提高政务服务效能，",
    "现将有关事项通知如下：", "申请人应当提交身份证明、营业执照副本复印件及委托书，", "受理窗口自收到材料之日起5个工作日内作出答复；",
    "符合条件的，按每户不超过3000元的标准给予一次性补贴。", "逾期未申报的，视为自动放弃。", "咨询电话：0591-12345678。",
    "本办法自2026年3月1日起施行，有效期五年。", "由市行政审批局负责解释。", "坚持“放管服”改革方向，", "做到一窗受理、限时办结，",
    "确保惠民政策落到实处。", "请认真组织实施，并于6月30日前将落实情况报送市政府办公室。", "附件可在市政府门户网站下载。",
)  # fmt: skip
_HEADINGS = ("一、总体要求", "二、申报条件", "三、办理流程", "四、补贴标准", "五、保障措施", "六、附则")
_FONTS = ("仿宋_GB2312", "仿宋", "方正小标宋简体", "宋体", "楷体_GB2312", "微软雅黑")


def ending(number: int) -> str:
    """The last words of a page."""
    return f"第{number}号终"


def pages(n: int, kind: str = "mixed") -> list[str]:
    """``n`` pages of one kind: plain (3 KB), word (30 KB), table (60 KB), long (250 KB); mixed has most of the first."""
    return [page(number, kind) for number in range(n)]


def page(number: int, kind: str = "mixed") -> str:
    chance = random.Random(f"{kind} {number}")
    if kind == "mixed":
        kind = ("plain", "word", "word", "plain", "table", "word", "plain", "word", "plain", "long")[number % 10]
    return {"plain": _plain, "word": _word, "table": _table, "long": _long}[kind](chance, number)


def _text(chance: random.Random, least: int = 2, most: int = 5) -> str:
    return "".join(chance.choices(_PHRASES, k=chance.randint(least, most)))


def _plain(chance: random.Random, number: int) -> str:
    parts = [f"<h2>{chance.choice(_HEADINGS)}</h2>"]
    for _ in range(chance.randint(6, 14)):
        text = _text(chance)
        if chance.random() < 0.3:
            text += f'<a href="https://www.town.gov.example/art/{chance.randint(1, 9999)}.html" target="_blank">查看全文</a>'
        if chance.random() < 0.3:
            text = f"<strong>{chance.choice(_PHRASES)}</strong>&nbsp;" + text
        parts.append(f'<p style="text-indent:2em;line-height:1.75;">{text}</p>')
    if chance.random() < 0.6:
        parts.append(_image(chance))
    parts.append("<ul>" + "".join(f"<li>{_text(chance, 1, 2)}</li>" for _ in range(4)) + "</ul>")
    return "\n".join(parts) + f"\n<p>{ending(number)}</p>\n"


def _word(chance: random.Random, number: int, paragraphs: tuple[int, int] = (25, 45)) -> str:
    font = _Font(chance)
    parts = ["<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->"]
    parts += [_word_paragraph(chance, font, _text(chance)) for _ in range(chance.randint(*paragraphs))]
    parts += [_image(chance) for _ in range(chance.randint(0, 3))]
    if chance.random() < 0.5:
        parts.append(_word_table(chance, font, rows=chance.randint(4, 12)))
    parts += [_word_list_item(chance, font, at) for at in range(1, 5)]
    parts.append(f'<p class="MsoNormal">{ending(number)}</p>')
    return '<div class="TRS_Editor"><div class="Custom_UnionStyle">' + "\n".join(parts) + "</div></div>"


def _table(chance: random.Random, number: int) -> str:
    font = _Font(chance)
    return (
        _word_paragraph(chance, font, _text(chance))
        + _word_table(chance, font, rows=chance.randint(25, 40))
        + f'<p class="MsoNormal">{ending(number)}</p>'
    )


def _long(chance: random.Random, number: int) -> str:
    return _word(chance, number, (250, 350))


class _Font:
    """How one document is set."""

    def __init__(self, chance: random.Random) -> None:
        self.face = chance.choice(_FONTS)
        self.size = chance.choice(("14.0pt", "15.0pt", "16.0pt", "21.0px"))
        self.indent = f"{chance.choice((28, 30, 32))}.{chance.randint(0, 9)}pt"
        self.spacing = f"{chance.choice((24, 26, 28))}.{chance.randint(0, 9)}pt"

    def span(self, text: str, latin: bool = False) -> str:
        lang = ' lang="EN-US"' if latin else ""
        return (
            f'<span{lang} style="font-size:{self.size};font-family:{self.face};mso-hansi-font-family:宋体;'
            f'mso-bidi-font-family:宋体;color:black;mso-font-kerning:0pt">{text}</span>'
        )


def _word_paragraph(chance: random.Random, font: _Font, text: str) -> str:
    spacing = font.spacing if chance.random() < 0.9 else f"{chance.randint(20, 32)}.{chance.randint(0, 9)}pt"
    align = chance.choice(("left", "left", "left", "justify", "center"))
    half = len(text) // 2
    inner = (
        font.span(text[:half]) + font.span(f"{chance.randint(1, 99)}<o:p></o:p>", latin=True) + font.span(text[half:])
    )
    if chance.random() < 0.2:
        inner = f"<b>{inner}</b>"
    return (
        f'<p class="MsoNormal" align="{align}" style="margin:0cm;margin-bottom:.0001pt;text-align:{align};'
        f"text-indent:{font.indent};mso-char-indent-count:2.0;line-height:{spacing};mso-line-height-rule:exactly;"
        f'mso-pagination:widow-orphan;layout-grid-mode:char">{inner}</p>'
    )


def _word_list_item(chance: random.Random, font: _Font, at: int) -> str:
    mark = (
        f'<![if !supportLists]><span lang="EN-US" style="mso-list:Ignore">{at}.<span style=\'font:7.0pt "Times New Roman"\'>'
        "&nbsp;&nbsp;</span></span><![endif]>"
    )
    return f'<p class="MsoListParagraph" style="margin-left:{at * 18}.0pt;mso-list:l0 level1 lfo1">{mark}{font.span(_text(chance))}</p>'


def _word_table(chance: random.Random, font: _Font, rows: int) -> str:
    columns = chance.randint(4, 7)
    widths = [f"{chance.randint(60, 150)}.{chance.randint(0, 9)}pt" for _ in range(columns)]
    lines: list[str] = []
    for _ in range(rows):
        cells = "".join(
            f'<td width="{width[:-4]}" valign="top" style="width:{width};border:solid windowtext 1.0pt;'
            f'mso-border-alt:solid windowtext .5pt;padding:0cm 5.4pt 0cm 5.4pt;height:22.0pt">'
            f'<p class="MsoNormal" align="center" style="text-align:center">{font.span(chance.choice(_PHRASES)[:8])}</p></td>'
            for width in widths
        )
        lines.append(f'<tr style="mso-yfti-irow:{len(lines)};height:22.0pt">{cells}</tr>')
    return (
        '<table class="MsoTableGrid" border="1" cellspacing="0" cellpadding="0" width="960" style="border-collapse:collapse;'
        'border:none;mso-yfti-tbllook:1184"><tbody>' + "\n".join(lines) + "</tbody></table>"
    )


def _image(chance: random.Random) -> str:
    return (
        f'<p align="center"><img src="/upload/2026/{chance.randint(1, 400)}.jpg" alt="现场图" width="800" '
        f'style="width:800px;height:auto" oldsrc="W0{chance.randint(10**6, 10**7)}.jpg"></p>'
    )


Resolve = Callable[[str], str | None]


def resolve(source: str) -> str | None:
    """Where every picture is once it was uploaded."""
    return f"https://mmbiz.qpic.cn/mmbiz_jpg/{source.rpartition('/')[2].removesuffix('.jpg')}/0"
