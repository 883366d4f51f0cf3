"""What a citizen's phone will show of one frozen delivery, as one SVG: for Airflow's review form, which shows images.

A browser that shows an SVG as an ``<img>`` runs nothing in it and loads nothing for it; opened by itself it stands
under ``POLICY``. All it needs is in it: pictures come from the bytes the ledger froze.

The picture is at most ``MAX_HEIGHT`` high: some screens, then a line that says so. The browser, not we, decides
whether that line is seen, because only it knows how high the text became.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from weigov.board.item import fields_of, masked
from weigov.board.xhtml import text, xhtml
from weigov.flow.context import Context
from weigov.ledger import media, outbox
from weigov.ledger.outbox import Delivery

Blob = Callable[[str], tuple[bytes, str]]

WIDTH = 375  # CSS pixels, a common phone
INSIDE = 341  # within its margins
MAX_HEIGHT = 2400
#: Of all pictures together; more would make the form heavy.
PICTURE_BYTES = 3 << 20
#: Of HTML that is read; the screens that are shown hold a tenth of it.
_MAX_HTML = 60_000
_MAX_TITLE = 300
_LINE, _LETTERS = 29, 20  # the height of a line, and the Chinese characters on one
_MORE = 40
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def picture(ctx: Context, delivery_id: int, digest: str = "") -> str:
    """The SVG. Raises LookupError when there is no such delivery, or its frozen bytes are others than ``digest``."""
    with ctx.ledger.read() as connection:
        row = outbox.get(connection, delivery_id)
        if row.site != ctx.site.site or not row.digest.startswith(digest):
            raise LookupError(f"no delivery {delivery_id} with this content")
        day = f"{row.created_at.astimezone(ctx.site.zone):%Y-%m-%d}"
        return draw(row, day, lambda sha256: media.blob(connection, sha256))


def draw(row: Delivery, day: str, blob: Blob) -> str:
    """The SVG of ``row``, dated ``day``; ``blob`` gives bytes and type of a frozen picture, or raises LookupError."""
    pictures, payload, shown = _Pictures(blob), row.payload, _Shown()
    if row.channel == "menu":
        _menu(shown, payload)
    elif articles := payload.get("articles"):
        _list(shown, pictures, articles)
    elif payload.get("as") == "newspic":
        _story(shown, pictures, payload, day)
    elif "content" in payload:
        _list(shown, pictures, [payload], str(payload.get("digest", "")))
        _article(shown, pictures, payload, day)
    else:
        _values(shown, row)
    return _document(shown)


@dataclass(slots=True)
class _Shown:
    """XHTML, and about how high it will be."""

    parts: list[str] = field(default_factory=list)
    height: float = 0
    whole: bool = True

    def add(self, part: str, height: float) -> None:
        self.parts.append(part)
        self.height += height


class _Pictures:
    """Frozen pictures as ``data:`` addresses, until there are too many bytes."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._left = PICTURE_BYTES
        self.height = 0.0  # of all that were asked for, as wide as the phone

    def address(self, sha256: str) -> str:
        """'' for one that is not there, or too much."""
        try:
            data, kind = self._blob(sha256)
        except LookupError:
            return ""
        if len(data) > self._left:
            return ""
        self._left -= len(data)
        self.height += _height(data)
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _list(shown: _Shown, pictures: _Pictures, articles: Sequence[Mapping[str, Any]], digest: str = "") -> None:
    """As it stands in the list of messages: the first with its cover, the others below."""
    rows = []
    for n, article in enumerate(articles):
        title = f"<b>{_short(article.get('title'))}</b>"
        address = text(pictures.address(str(article.get("cover", ""))))
        cover = f'<img class="cover" src="{address}" alt=""/>' if address else '<span class="cover"></span>'
        rows.append(f'<div class="{"first" if n == 0 else "next"}">{cover}{title}</div>')
    said = f'<p class="digest">{_short(digest)}</p>' if digest else ""
    shown.add(f'<p class="where">消息列表中</p><div class="card">{"".join(rows)}{said}</div>', 0)
    shown.height += 260 + 76 * (len(articles) - 1) + _lines(digest) * 22


def _article(shown: _Shown, pictures: _Pictures, article: Mapping[str, Any], day: str) -> None:
    content = str(article.get("content", ""))
    shown.whole = len(content) <= _MAX_HTML
    wanted = [str(one) for one in article.get("images", ())]
    before = pictures.height
    addresses = {sha256: address for sha256 in wanted if (address := pictures.address(sha256))}
    shown.height += pictures.height - before
    body, words = xhtml(content[:_MAX_HTML], addresses)
    shown.add('<p class="where">点开后</p>', 40)
    shown.add(_head(article, day), 60 + _lines(str(article.get("title", ""))) * 34)
    shown.add(f'<div class="body">{body}</div>', _lines(words) * (_LINE + 5))
    if article.get("source_url"):
        shown.add('<p class="origin">阅读原文</p>', 50)


def _story(shown: _Shown, pictures: _Pictures, payload: Mapping[str, Any], day: str) -> None:
    """Pictures first, then plain text."""
    wanted = [str(one) for one in payload.get("images", ())]
    addresses = [address for sha256 in wanted if (address := pictures.address(sha256))]
    for address in addresses:
        shown.add(f'<img src="{text(address)}" alt=""/>', 0)
    shown.height += pictures.height
    if len(addresses) < len(wanted):
        shown.add(f"<p>（共 {len(wanted)} 张图片）</p>", 40)
    words = str(payload.get("content", ""))[:_MAX_HTML]
    lines = "<br/>".join(text(line) for line in words.splitlines())
    shown.add(_head(payload, day) + f'<div class="body"><p>{lines}</p></div>', 130 + _lines(words) * _LINE)


def _head(article: Mapping[str, Any], day: str) -> str:
    by = " ".join(part for part in (_short(article.get("author")), day) if part)
    return f'<h1>{_short(article.get("title"))}</h1><p class="by">{by}</p>'


def _short(value: Any) -> str:
    """A title or the like; WeChat takes none as long as what is cut here."""
    return text(str(value or "")[:_MAX_TITLE])


def _menu(shown: _Shown, menu: Mapping[str, Any]) -> None:
    """Its columns, the sub-buttons above their button."""
    columns = []
    most = 0
    for button in menu.get("button", ()):
        below = [str(one.get("name", "")) for one in button.get("sub_button", ())]
        most = max(most, len(below))
        items = "".join(f'<div class="sub">{_short(name)}</div>' for name in below)
        columns.append(f'<div class="column">{items}<div class="top">{_short(button.get("name"))}</div></div>')
    shown.add(f'<p class="where">菜单（已展开）</p><div class="menu">{"".join(columns)}</div>', 110 + most * 46)


def _values(shown: _Shown, row: Delivery) -> None:
    """A message's values, one a line."""
    values = fields_of(row)
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(masked(value[:_MAX_HTML]))}</dd>" for name, value in values)
    shown.add(f"<h1>{_short(row.title)}</h1><dl>{rows}</dl>", 60 + sum(30 + _lines(v) * _LINE for _, v in values))


def _height(data: bytes) -> float:
    """Of a picture as wide as the phone; what is no picture shows as a small sign."""
    try:
        with Image.open(io.BytesIO(data)) as image:  # reads its head only
            return min(INSIDE, image.width) * image.height / image.width + 20
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 40


def _lines(words: str) -> int:
    """About how many lines of the phone they take."""
    lines = (line for line in words[:_MAX_HTML].split("\n") if line.strip())
    return sum(math.ceil(sum(1 if ord(letter) > 0xFF else 0.58 for letter in line) / _LETTERS) for line in lines)


def _document(shown: _Shown) -> str:
    height = min(MAX_HEIGHT, math.ceil(shown.height * 1.05) + 60)
    end = '<p class="end">— 全文完 —</p>' if shown.whole else '<p class="end">…… 后面还有，见政微通</p>'
    return _SVG.format(
        width=WIDTH,
        height=height,
        most=height - 2,
        strip=height - 2 - _MORE,
        more=_MORE,
        body="".join(shown.parts),
        end=end,
    )


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<foreignObject width="{width}" height="{height}"><div xmlns="http://www.w3.org/1999/xhtml" lang="zh-CN"><style>
.phone{{position:relative;max-height:{most}px;box-sizing:border-box;overflow:hidden;margin:1px;padding:4px 16px 0;
border:1px solid #c9ced6;border-radius:14px;background:#fff;color:#222;overflow-wrap:anywhere;
font:17px/1.7 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}}
.more{{position:absolute;top:{strip}px;left:0;right:0;height:{more}px;line-height:{more}px;text-align:center;
background:#fff;border-top:1px solid #c9ced6;color:#9a3412;font-size:14px;font-weight:600}}
.where,.end{{margin:10px -16px;padding:2px 16px;background:#f3f4f6;color:#5b6472;font-size:12px}}
.phone>.where:first-child{{margin-top:-4px;padding-top:6px}}.end{{margin-bottom:0;text-align:center;line-height:2.6}}
.card{{border:1px solid #e3e6ea;border-radius:8px;overflow:hidden}}.card b{{font-weight:600}}
.cover{{object-fit:cover;object-position:50% 33.3%;background:#e9ecf0}}
.first .cover{{display:block;width:100%;aspect-ratio:2.35}}.first b{{display:block;padding:8px 12px}}
.next{{display:flex;flex-direction:row-reverse;justify-content:space-between;gap:12px;padding:10px 12px;
border-top:1px solid #e3e6ea}}.next .cover{{flex:none;width:52px;height:52px}}
.digest{{margin:0;padding:0 12px 8px;color:#7b8390;font-size:14px;line-height:1.5}}
h1{{margin:6px 0 8px;font-size:22px;line-height:1.4;font-weight:600}}
.by{{margin:0 0 18px;color:#7b8390;font-size:15px}}.origin{{color:#576b95;font-size:15px}}
img{{max-width:100%;height:auto}}.body p,.body section{{margin-top:0}}
dt{{color:#5b6472;font-size:14px}}dd{{margin:0 0 8px}}
.menu{{display:flex;align-items:flex-end;margin:12px -16px 0;border-top:1px solid #e3e6ea;text-align:center;
font-size:15px}}.column{{flex:1;padding:0 4px}}.sub{{margin-bottom:-1px;padding:8px 2px;border:1px solid #e3e6ea}}
.top{{margin:8px -4px 0;padding:10px 2px;border:1px solid #e3e6ea;background:#f7f7f7;font-weight:600}}
</style><div class="phone">{body}{end}<div class="more">…… 后面还有，见政微通</div></div></div></foreignObject></svg>
"""
