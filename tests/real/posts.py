"""About 350 posts for WordPress, the same ones every time, as varied as a site that several people filled for years.

Bodies come from the block editor, from the old one, and out of Word; with pictures (in columns, as galleries, with
captions, as the featured picture), tables, lists, files, links, scripts, frames, shortcodes and page breaks; titles
with marks that WordPress writes as entities, repeated ones, and ones too long for WeChat. Many share one second: once
a whole old site was imported. Not all are for the public, and four cannot be mapped until an editor mends them.
"""

from __future__ import annotations

import html
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.real.phrases import CAPTIONS, CATEGORIES, LONG_TITLES, OFFICES, OPENINGS, PLACES, SENTENCES, TITLES

COUNT = 320  # published, without the few of ``_special`` and what is not public
IMPORTED = 130  # of them came in one second, more than a page of the API holds
TITLE_MAX = 32


@dataclass(frozen=True)
class Post:
    """``name`` is ours; WordPress gives the id."""

    name: str
    title: str
    content: str
    excerpt: str = ""
    status: str = "publish"
    date_gmt: str = ""
    categories: tuple[str, ...] = ("news",)
    featured: str = ""
    password: str = ""
    trash: bool = False


@dataclass(frozen=True)
class Seed:
    posts: list[Post] = field(default_factory=list)
    #: Names of posts that cannot be mapped, and what the reason must speak of.
    unmappable: dict[str, str] = field(default_factory=dict)

    def public(self) -> list[Post]:
        return [p for p in self.posts if p.status == "publish" and not p.trash and not p.password]

    def hidden(self) -> list[Post]:
        """What must never leave."""
        return [p for p in self.posts if p not in self.public()]


def make(pictures: list[str], now: datetime) -> Seed:
    """The posts; ``pictures`` are the names of the media they may show, each of them shown at least once."""
    chance = random.Random(20260501)
    writer = _Writer(chance, pictures)
    posts = [writer.post(n) for n in range(COUNT)]
    posts = [replace(post, date_gmt=when) for post, when in zip(posts, _dates(chance, now), strict=True)]
    special, unmappable = _special(writer, now)
    return Seed([*posts, *special, *_not_public(writer, now)], unmappable)


def as_json(seed: Seed, media: list[dict[str, str]]) -> dict[str, Any]:
    """What seed.php reads."""
    return {
        "categories": [
            {"name": slug, "title": title, "parent": parent} for slug, (title, parent) in CATEGORIES.items()
        ],
        "media": media,
        "posts": [{**post.__dict__, "categories": list(post.categories)} for post in seed.posts],
    }


def _dates(chance: random.Random, now: datetime) -> list[str]:
    """One import of many in a second, pairs and triples that share one, and the rest alone; old before new."""
    imported = now - timedelta(days=400)
    moments = [imported] * IMPORTED
    at = now - timedelta(days=390)
    while len(moments) < COUNT:
        at += timedelta(seconds=chance.randint(3_600, 300_000))
        at = min(at, now - timedelta(minutes=5))
        moments += [at] * chance.choice((1, 1, 1, 2, 3))
    return [_gmt(moment) for moment in moments[:COUNT]]


def _gmt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class _Writer:
    def __init__(self, chance: random.Random, pictures: list[str]) -> None:
        self.chance = chance
        self._pictures = pictures
        self._unshown = list(pictures)

    def post(self, n: int, **given: Any) -> Post:
        chance = self.chance
        category = chance.choice(list(TITLES))
        title, excerpt = self.fill(chance.choice(TITLES[category])), ""
        assert len(title) <= TITLE_MAX, title
        if n % 13 == 5:
            words = self._words()
            long, short = chance.choice(LONG_TITLES)
            title, excerpt = long.format(**words), short.format(**words)
            assert len(title) > TITLE_MAX >= len(excerpt), title
        elif chance.random() < 0.4:
            excerpt = self.fill(chance.choice(SENTENCES))
        categories = (category, "city") if chance.random() < 0.1 and category != "city" else (category,)
        featured = self.picture() if chance.random() < 0.2 else ""
        body = chance.choices((self._blocks, self._classic, self._word), (6, 2, 2))[0]()
        return Post(
            **{
                "name": f"post-{n}", "title": title, "content": body, "excerpt": excerpt,
                "categories": categories, "featured": featured, **given,
            }
        )  # fmt: skip

    def fill(self, text: str) -> str:
        return text.format(**self._words())

    def _words(self) -> dict[str, Any]:
        chance = self.chance
        return {
            "office": chance.choice(OFFICES), "place": chance.choice(PLACES), "n": chance.randint(2, 96),
            "k": chance.randint(1, 9), "p": f"{chance.uniform(80, 99.9):.1f}", "month": chance.randint(1, 12),
            "day": chance.randint(1, 28),
        }  # fmt: skip

    def picture(self) -> str:
        return self._unshown.pop() if self._unshown else self.chance.choice(self._pictures)

    def paragraph(self) -> str:
        first = self.chance.choice((OPENINGS, SENTENCES))
        return self.fill(self.chance.choice(first)) + "".join(
            self.fill(each) for each in self.chance.sample(SENTENCES, self.chance.randint(1, 4))
        )

    # ---- bodies

    def _blocks(self) -> str:
        """As the block editor saves it."""
        chance = self.chance
        kinds = (self._heading, self._list, self._table, self._image, self._quote, self._gallery, self._file,
                 self._link, self._frame, self._page_break)  # fmt: skip
        parts = [_block("paragraph", f"<p>{_text(self.paragraph())}</p>")]
        for kind in chance.choices(kinds, (3, 2, 2, 5, 1, 1, 1, 2, 1, 1), k=chance.randint(1, 5)):
            parts += [kind(), _block("paragraph", f"<p>{_text(self.paragraph())}</p>")]
        return "\n\n".join(parts)

    def _classic(self) -> str:
        """As the old editor saved it: bare lines that become paragraphs, shortcodes, scripts somebody pasted."""
        parts = [self.paragraph(), "<strong>特此通知。</strong>", self.paragraph()]
        if self.chance.random() < 0.5:
            name = self.picture()
            parts.insert(1, (
                f'[caption id="attachment_{{{{id:{name}}}}}" align="aligncenter" width="600"]'
                f'<img src="{{{{url:{name}}}}}" alt="" class="wp-image-{{{{id:{name}}}}}" /> '
                f"{self.fill(self.chance.choice(CAPTIONS))}[/caption]"
            ))  # fmt: skip
        if self.chance.random() < 0.3:
            parts.append('<script type="text/javascript">document.write("统计代码");</script>')
        if self.chance.random() < 0.3:
            parts.insert(1, "<!--more-->")
        return "\r\n\r\n".join(parts)

    def _word(self) -> str:
        """As pasted from Word."""
        lines = [
            '<style><!-- @font-face {font-family:仿宋_GB2312;} p.MsoNormal {text-indent:32.0pt;} --></style>',
            '<p class="MsoNormal" style="text-indent:32pt;mso-char-indent-count:2.0"><span style="font-size:16.0pt;'
            f'font-family:仿宋_GB2312;mso-hansi-font-family:仿宋_GB2312">{_text(self.paragraph())}<o:p></o:p></span></p>',
            '<p class="MsoNormal" align="center"><b><span lang="EN-US">&nbsp;</span>附　件　清　单</b></p>',
            f'<table class="MsoTableGrid" border="1" width="100%"><tbody>{self._rows()}</tbody></table>',
            f'<p class="MsoNormal" style="position:absolute"><font color="red">{_text(self.paragraph())}</font></p>',
            f'<div><div><div><span><span>{_text(self.paragraph())}</span></span></div></div></div>',
        ]  # fmt: skip
        if self.chance.random() < 0.6:
            name = self.picture()
            lines.insert(3, f'<p><img src="{{{{url:{name}}}}}" width="800" onload="resize(this)"></p>')
        return "\n".join(lines)

    def _heading(self) -> str:
        return _block("heading", f"<h2>{self.chance.choice('一二三四五')}、工作安排</h2>")

    def _list(self) -> str:
        items = "".join(f"<li>{_text(self.fill(each))}</li>" for each in self.chance.sample(SENTENCES, 3))
        return _block("list", f"<ul>{items}</ul>")

    def _table(self) -> str:
        return _block(
            "table", f'<figure class="wp-block-table"><table><tbody>{self._rows()}</tbody></table></figure>'
        )

    def _rows(self) -> str:
        rows = [("序号", "单位", "数量", "地点")]
        for n in range(1, self.chance.randint(3, 8)):
            rows.append((str(n), self.chance.choice(OFFICES), str(self.chance.randint(1, 999)), self.fill("{place}")))
        return "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)

    def _image(self) -> str:
        name, caption = self.picture(), self.fill(self.chance.choice(CAPTIONS))
        below = f'<figcaption class="wp-element-caption">{caption}</figcaption>' if self.chance.random() < 0.5 else ""
        return _block("image", (
            f'<figure class="wp-block-image size-large"><img src="{{{{url:{name}}}}}" alt="{caption}" '
            f'class="wp-image-{{{{id:{name}}}}}"/>{below}</figure>'
        ))  # fmt: skip

    def _gallery(self) -> str:
        return '<figure class="wp-block-gallery">' + "".join(self._image() for _ in range(3)) + "</figure>"

    def _quote(self) -> str:
        return _block("quote", f'<blockquote class="wp-block-quote"><p>{_text(self.paragraph())}</p></blockquote>')

    def _file(self) -> str:
        return _block("file", (
            '<div class="wp-block-file"><a href="https://www.shifan.example/files/fj1.pdf">附件：申请表.pdf</a></div>'
        ))  # fmt: skip

    def _link(self) -> str:
        address = self.chance.choice(
            ("https://www.shifan.example/hdjl/", "https://www.gov.example/zhengce/?id=7&p=2")
        )
        shown = self.chance.choice((address, "点击查看全文"))
        return _block("paragraph", f'<p>详情：<a href="{html.escape(address)}">{html.escape(shown)}</a></p>')

    def _frame(self) -> str:
        return _block("html", '<iframe src="https://v.video.example/player?vid=1"></iframe><script>play()</script>')

    def _page_break(self) -> str:
        return "<!-- wp:nextpage -->\n<!--nextpage-->\n<!-- /wp:nextpage -->"


def _special(writer: _Writer, now: datetime) -> tuple[list[Post], dict[str, str]]:
    """A post whose picture is gone, and four that an editor must mend before WeChat can take them."""
    date = _gmt(now - timedelta(days=2))
    long, short = LONG_TITLES[1]
    too_long = long.format(n=31)
    gone = _block("image", (
        '<figure class="wp-block-image"><img src="/wp-content/uploads/2019/01/gone.jpg" alt="旧照片"/></figure>'
    ))  # fmt: skip
    posts = [
        writer.post(1001, title="图片已丢失的旧闻", excerpt="", content=f"{gone}\n\n{_text(writer.paragraph())}"),
        writer.post(1002, title=too_long, excerpt=""),
        writer.post(1003, title=too_long, excerpt=short.format(n=31) + "，" + "名单见正文附表" * 4),
        writer.post(1004, title="示范市地方志（节选）", excerpt="",
                    content="\n\n".join(f"<p>{_text(writer.paragraph())}</p>" for _ in range(250))),
        writer.post(1005, title="摘要写得太长的文章", excerpt="本文介绍有关情况。" * 20),
    ]  # fmt: skip
    unmappable = {"post-1002": "title", "post-1003": "title", "post-1004": "content", "post-1005": "digest"}
    return [replace(post, date_gmt=date) for post in posts], unmappable


def _not_public(writer: _Writer, now: datetime) -> list[Post]:
    past, soon = _gmt(now - timedelta(days=1)), _gmt(now + timedelta(days=30))
    kinds: list[tuple[int, dict[str, Any]]] = [
        (10, {"status": "draft"}), (6, {"status": "private"}), (4, {"status": "pending"}),
        (2, {"status": "future", "date_gmt": soon}), (8, {"trash": True}), (2, {"password": "neibu"}),
    ]  # fmt: skip
    posts: list[Post] = []
    for count, kind in kinds:
        for _ in range(count):
            n = 2000 + len(posts)
            posts.append(replace(writer.post(n), **{"date_gmt": past, "title": f"不公开的文章{n}", **kind}))
    return posts


def _block(name: str, inner: str) -> str:
    return f"<!-- wp:{name} -->\n{inner}\n<!-- /wp:{name} -->"


def _text(text: str) -> str:
    return html.escape(text, quote=False)
