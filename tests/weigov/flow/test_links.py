"""What articles lead to is asked once, outside of transactions; reviewers are shown what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import publish
from weigov.board.inspection import inspect
from weigov.flow import links
from weigov.flow.compose import compose
from weigov.flow.review import held
from weigov.ledger import links as known_links
from weigov.mapping.links import MAX_LINKS, links_of
from weigov.ports import LinkAnswer

GONE, THERE = "http://img.gov.cn/gone.pdf", "http://img.gov.cn/there.pdf"
HTML = f'<p>见<a href="{GONE}">清单</a>和<a href="{THERE}">指南</a>。</p>'


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"source_url": "https://a.cn/1#x", "content": '<a href="http://mp.weixin.qq.com/s?a=1&amp;b=2">文</a>'},
         ("https://a.cn/1", "http://mp.weixin.qq.com/s?a=1&b=2")),
        ({"content": "<p>清单（http://b.cn/x.pdf）。又见http://b.cn/y?z=1，或 HTTPS://C.cn/.</p>"},
         ("http://b.cn/x.pdf", "http://b.cn/y?z=1", "HTTPS://C.cn/")),
        ({"content": "<p>一http://b.cn/a</p><p>http://b.cn/a</p>javascript:x() ftp://b.cn/ mailto:x"}, ("http://b.cn/a",)),
        ({"articles": [{"source_url": "http://a.cn/1"}, {"source_url": "http://a.cn/2"}]}, ("http://a.cn/1", "http://a.cn/2")),
        ({"button": [{"name": "甲", "sub_button": [{"url": "http://a.cn/m"}]}, {"url": "http://a.cn/n"}]},
         ("http://a.cn/m", "http://a.cn/n")),
        ({"content": None, "source_url": None}, ()),
        ({"source_url": "http://a.cn/\x00\ud800", "content": "http://a.cn/" + "x" * 3000}, ()),
    ],
    ids=["source and link", "printed", "once, and http only", "digest", "menu", "nothing", "none a ledger keeps"],
)  # fmt: skip
def test_every_address_a_reader_may_follow_is_found_once(payload: Mapping[str, Any], found: tuple[str, ...]) -> None:
    assert links_of(payload) == found


def test_a_register_of_links_is_not_asked_to_its_end() -> None:
    assert len(links_of({"content": " ".join(f"http://a.cn/{n}" for n in range(500))})) == MAX_LINKS


class Web:
    """What is asked, and what is answered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = {GONE: LinkAnswer("dead", "HTTP 404"), THERE: LinkAnswer("alive", "HTTP 200")}

    def ask(self, urls: Sequence[str], budget_s: float) -> Mapping[str, LinkAnswer]:
        self.asked += urls
        return {url: self.answers[url] for url in urls if url in self.answers}


@pytest.fixture
def reviewed(calm: Deployment) -> Iterator[Deployment]:
    """Notices need a person."""
    flow: Path = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 1}\nmap:", 1))
    calm.reopen()
    calm.apply("notices")
    yield calm


def of_gone(town: Deployment) -> list[str]:
    return [one.said for row in held(town.ctx) for one in row.findings if one.kind == "link"]


def test_a_reviewer_is_shown_a_dead_link_and_no_address_is_asked_twice(reviewed: Deployment) -> None:
    web = Web()
    ctx = replace(reviewed.ctx, ask_links=web.ask)
    publish(reviewed.other, "一", html=HTML)
    publish(reviewed.other, "二", html=HTML)
    reviewed.collect("cms")
    compose(ctx, "notices")
    assert of_gone(reviewed) == [f"链接打不开 dead link（HTTP 404）: {GONE}"] * 2
    assert {row.approvals for row in held(reviewed.ctx)} == {0}  # they wait as before
    assert sorted(url for url in web.asked if "img.gov.cn" in url) == [GONE, THERE]
    web.asked.clear()
    compose(ctx, "notices")
    assert GONE not in web.asked and THERE not in web.asked
    reviewed.other.advance(hours=25)  # what was dead may have been mended, what was there is believed
    web.answers[GONE] = LinkAnswer("alive", "HTTP 200")
    compose(ctx, "notices")
    assert GONE in web.asked and THERE not in web.asked and of_gone(reviewed) == []


def test_what_nobody_is_sure_of_is_asked_again_later_and_shown_to_nobody(reviewed: Deployment) -> None:
    web = Web()
    web.answers[GONE] = LinkAnswer("unsure", "HTTP 503")
    ctx = replace(reviewed.ctx, ask_links=web.ask)
    publish(reviewed.other, "三", html=HTML)
    reviewed.collect("cms")
    compose(ctx, "notices")
    assert of_gone(reviewed) == []
    reviewed.other.advance(hours=2)
    web.asked.clear()
    compose(ctx, "notices")
    assert GONE in web.asked and THERE not in web.asked


def bank(town: Deployment, text: str) -> None:
    (town.settings.site / "words.yaml").write_text(text, encoding="utf-8")
    town.reopen()


def test_a_site_may_say_that_a_dead_link_stops_its_article(calm: Deployment) -> None:
    bank(calm, "links: block\n")
    web = Web()
    article = publish(calm.other, "四", html=HTML)
    calm.collect("cms")
    assert compose(replace(calm.ctx, ask_links=web.ask), "notices").quarantined == 1
    (found,) = calm.status()["quarantine"]
    assert found["key"] == article["id"] and found["reason"] == f"content: 链接打不开 dead link（HTTP 404）: {GONE}"


def test_or_that_nobody_is_asked(reviewed: Deployment) -> None:
    bank(reviewed, "links: off\n")
    web = Web()
    publish(reviewed.other, "五", html=HTML)
    reviewed.collect("cms")
    with reviewed.ctx.ledger.begin() as connection:
        known_links.remember(connection, web.answers, now=reviewed.ctx.now())
    compose(replace(reviewed.ctx, ask_links=web.ask), "notices")
    assert web.asked == [] and of_gone(reviewed) == []


def test_the_inspection_counts_what_was_published_and_leads_nowhere(calm: Deployment) -> None:
    publish(calm.other, "六", html=HTML)
    calm.round("cms")
    web = Web()

    def dead() -> int:
        with calm.ctx.ledger.read() as connection:
            return inspect(calm.ctx, connection, ["notices"])[0].dead

    assert dead() == 0
    links.check(replace(calm.ctx, ask_links=web.ask), calm.ctx.site.flows["notices"])
    assert dead() == 1


def test_a_link_to_the_cms_itself_is_asked_over_the_wire(reviewed: Deployment) -> None:
    at = reviewed.other.web.base_url
    publish(
        reviewed.other,
        "七",
        html=f'<p><a href="{at}/cms/files/none.pdf">无</a><a href="{at}/cms/files/hall.jpg">有</a></p>',
    )
    reviewed.collect("cms")
    reviewed.compose("notices")
    assert of_gone(reviewed) == [f"链接打不开 dead link（HTTP 404）: {at}/cms/files/none.pdf"]


def test_every_answer_has_a_time_it_is_believed() -> None:
    assert (
        known_links.BELIEVED["unsure"]
        < known_links.BELIEVED["dead"]
        < known_links.BELIEVED["alive"]
        <= timedelta(days=7)
    )
