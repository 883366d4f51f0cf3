"""Plain text as an editor's paste makes it HTML: what office programs leave behind around a few words.

One line is one paragraph. ``# `` begins a heading, ``> `` a line set right (signature, date), ``|`` a table row (the
first row is the head), ``!name 说明`` a picture, ``!`` with an address the picture at that address; a line beginning
with ``<`` is left as it is.

The habits add what pastes carry along: ``style`` a style block, ``script`` scripts, ``mso`` conditional comments,
``nested`` a layout table around everything, ``link`` anchors of the editor, ``web`` a web editor instead of Word.
"""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from sandbox.cms.store import FILES, HOST_MARK

_STYLE = """<style type="text/css"><!--
 @font-face {font-family:仿宋_GB2312; panose-1:2 1 6 9 3 1 1 1 1 1;}
 p.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0cm; text-align:justify; font-size:16.0pt;
   font-family:"仿宋_GB2312","serif"; mso-font-kerning:1.0pt; mso-fareast-language:ZH-CN;}
 table.MsoTableGrid {border:solid windowtext 1.0pt; mso-border-alt:solid windowtext .5pt;}
 @page WordSection1 {size:595.3pt 841.9pt; margin:72.0pt 90.0pt 72.0pt 90.0pt; layout-grid:15.6pt;}
 div.WordSection1 {page:WordSection1;}
--></style>
"""
_MSO = """<!--[if gte mso 9]><xml>
 <w:WordDocument><w:View>Normal</w:View><w:Zoom>0</w:Zoom><w:PunctuationKerning/>
 <w:ValidateAgainstSchemas/><w:LidThemeOther>EN-US</w:LidThemeOther></w:WordDocument>
</xml><![endif]--><!--[if gte mso 10]><style>table.MsoNormalTable {mso-style-name:普通表格;}</style><![endif]-->
"""
_SCRIPT = """<script type="text/javascript">var _hmt=_hmt||[];(function(){var h=document.createElement("script");
h.src="https://tongji.shifan.example/h.js?5c1d";document.body.appendChild(h);})();</script>
"""
_P = (
    '<p class="MsoNormal" align="{align}" style="text-align:{align};{indent}line-height:28.0pt;mso-line-height-rule:'
    'exactly"><span lang="{lang}" style="font-size:16.0pt;font-family:{font};{weight}mso-bidi-font-family:宋体;'
    'mso-font-kerning:0pt">{text}<o:p></o:p></span></p>\n'
)
_CELL = (
    '<td width="{width}" valign="top" style="width:{width}pt;border:solid windowtext 1.0pt;padding:0cm 5.4pt">'
    '<p class="MsoNormal" style="text-align:center"><span style="font-size:12.0pt;font-family:{font}">'
    "{text}<o:p></o:p></span></p></td>"
)


def paste(text: str, habits: list[str]) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    body = _web(lines) if "web" in habits else _word(lines)
    if "link" in habits:
        body = body.replace("<p ", '<a name="_GoBack" id="_GoBack"></a><p ', 1)
    if "nested" in habits:
        body = (
            '<table border="0" cellpadding="0" cellspacing="0" width="960"><tbody><tr><td class="bt_content">\n'
            f'<table width="100%" style="margin:0 auto"><tbody><tr><td id="zoom">{body}</td></tr></tbody></table>\n'
            "</td></tr></tbody></table>\n"
        )
    head = (_MSO if "mso" in habits else "") + (_STYLE if "style" in habits else "")
    return head + body + (_SCRIPT if "script" in habits else "")


def _word(lines: Iterable[str]) -> str:
    parts = ['<div class="WordSection1" style="layout-grid:15.6pt">\n']
    for table, group in groupby(lines, lambda line: line.startswith("|")):
        rows = list(group)
        parts += [_word_table(rows)] if table else map(_word_line, rows)
    return "".join(parts) + "</div>\n"


def _word_line(line: str) -> str:
    if line.startswith("<"):
        return line + "\n"
    if line.startswith("!"):
        return f'<p class="MsoNormal" align="center">{_picture(line)}<o:p>&nbsp;</o:p></p>\n'
    if line.startswith("# "):
        return _P.format(
            align="left", indent="text-indent:32.0pt;mso-char-indent-count:2.0;", lang="ZH-CN", font="黑体",
            weight="font-weight:bold;", text=escape(line[2:], quote=False),
        )  # fmt: skip
    if line.startswith("> "):
        return _P.format(
            align="right", indent="", lang="ZH-CN", font="仿宋_GB2312", weight="",
            text=escape(line[2:], quote=False) + "&nbsp;&nbsp;&nbsp;&nbsp;",
        )  # fmt: skip
    return _P.format(
        align="justify", indent="text-indent:32.0pt;mso-char-indent-count:2.0;", lang="EN-US", font="仿宋_GB2312",
        weight="", text=escape(line, quote=False),
    )  # fmt: skip


def _word_table(lines: list[str]) -> str:
    rows = []
    for number, cells in enumerate(map(_cells, lines)):
        width = 415 // len(cells)
        font = "黑体" if number == 0 else "仿宋_GB2312"
        inner = "".join(_CELL.format(width=width, font=font, text=escape(cell, quote=False)) for cell in cells)
        rows.append(f'<tr style="mso-yfti-irow:{number};height:22.7pt">{inner}</tr>\n')
    return (
        '<table class="MsoTableGrid" border="1" cellspacing="0" cellpadding="0" width="415"'
        f' style="border-collapse:collapse;border:none;mso-yfti-tbllook:1184">\n{"".join(rows)}</table>\n'
    )


def _web(lines: Iterable[str]) -> str:
    parts: list[str] = []
    for table, group in groupby(lines, lambda line: line.startswith("|")):
        rows = list(group)
        parts += [_web_table(rows)] if table else map(_web_line, rows)
    return "".join(parts)


def _web_line(line: str) -> str:
    if line.startswith("<"):
        return line
    if line.startswith("!"):
        return f'<p style="text-align: center;">{_picture(line)}</p>'
    if line.startswith("# "):
        return f'<section><h3 style="color:#c7000b;font-size:18px"><strong>{escape(line[2:])}</strong></h3></section>'
    if line.startswith("> "):
        return f'<p style="text-align: right;">{escape(line[2:])}</p>'
    return f'<p style="text-indent: 2em; line-height: 1.75em;">{escape(line)}<br/></p>'


def _web_table(lines: list[str]) -> str:
    head, *rows = map(_cells, lines)
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table width="100%" border="1"><thead><tr>{top}</tr></thead><tbody>{rest}</tbody></table>'


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _picture(line: str) -> str:
    source, _, caption = line[1:].partition(" ")
    if ":" in source:
        address = source
    else:
        # Editors leave both kinds behind: relative to the site, and absolute.
        address = (HOST_MARK if len(source) % 2 else "") + FILES + source
    return f'<img src="{address}" alt="{escape(caption)}" title="{escape(caption)}" border="0" width="553"/>'
