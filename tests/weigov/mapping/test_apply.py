"""A record through a flow's rules: what comes out, and that everything wrong is told at once and without values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weigov.errors import RecordRejected
from weigov.mapping.apply import Context, map_article, map_link, map_template, menu_children
from weigov.mapping.layout import Layouts
from weigov.mapping.model import CodeList, FieldRule, Link
from weigov.records import KINDS, Kind, Record

NOW = datetime(2026, 3, 5, 1, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Flow:
    flow: str = "a_flow"
    map: Mapping[str, FieldRule] = field(default_factory=dict)
    link: Link | None = None


def rules(**given: dict[str, Any]) -> dict[str, FieldRule]:
    return {name: FieldRule.model_validate(rule) for name, rule in given.items()}


CODES = {
    "status": CodeList(name="status", versions={"1": {"0": "受理"}, "2": {"0": "收件"}, "default": {"9": "办结"}})
}
LAYOUTS = Layouts({
    "a": '<p class=x>{{ title }} {{ published_at | format("M月D日") }}</p>{{ html | safe_html }}'
    "{% for f in attachments %}<p>{{ f.name }}</p>{% endfor %}",
})  # fmt: skip
CTX = Context(ZoneInfo("Asia/Shanghai"), CODES, LAYOUTS, lambda source: f"https://mmbiz.qpic.cn/{source}")

ARTICLE_FLOW = Flow(
    map=rules(
        title={"from": "title", "steps": ["collapse_space"], "max": 10, "or": "short_title"},
        author={"from": "publisher", "max": 4},
        digest={"from": "html", "steps": ["plain_text", "first_line"], "max": 128},
        content={"layout": "a", "max": 500},
        source_url={"from": "url", "steps": ["require_https"]},
        cover={"from": "cover"},
    )
)
PROGRESS = Flow(
    map=rules(
        thing1={"from": "item_name", "max": 5, "or": "item_short_name"},
        phrase2={"from": "status", "code": "status", "version_from": "stdver"},
        time3={"from": "updated_at", "format": "YYYY年M月D日 HH:mm"},
    ),
    link=Link.model_validate({"url": "https://town.example/case?id={id}", "with": {"id": "case_id"}}),
)


def record(kind: Kind = "article", **fields: Any) -> Record:
    article = {
        "title": "关于 停水\n的通知", "publisher": "水务局", "url": "https://town.example/1", "published_at": NOW,
        "html": "<p onclick=x>明日停水。</p><p>详见<img src=a.png></p>", "cover": "c.png",
    }  # fmt: skip
    case = {"case_id": "A/1 2", "item_name": "护照", "status": "0", "stdver": "1", "updated_at": NOW}
    return Record(kind, "K1", {**(article if kind == "article" else case if kind == "case" else {}), **fields})


def reasons(flow: Flow, bad: Record) -> tuple[str, ...]:
    mapper = map_article if bad.kind == "article" else map_template
    with pytest.raises(RecordRejected) as caught:
        mapper(flow, bad, CTX)
    assert caught.value.key == "K1"
    return caught.value.reasons


def test_an_article_is_made_of_its_rules() -> None:
    article = map_article(ARTICLE_FLOW, record(), CTX)
    assert (article.title, article.author, article.digest) == ("关于 停水 的通知", "水务局", "明日停水。")
    assert (article.source_url, article.cover_url) == ("https://town.example/1", "c.png")
    assert article.html.startswith("<p>关于 停水 的通知 3月5日</p><section><p>明日停水。</p>")
    assert 'src="https://mmbiz.qpic.cn/a.png"' in article.html
    assert article.images == ("a.png",) and article.dropped == {"handler": 1}


def test_an_absent_author_digest_or_cover_is_empty_and_no_fault() -> None:
    article = map_article(ARTICLE_FLOW, record(publisher=None, cover=None, html="<img src=x>"), CTX)
    assert (article.author, article.digest, article.cover_url) == ("", "", "")


def test_a_long_title_gives_way_to_its_short_form_and_is_never_cut() -> None:
    assert map_article(ARTICLE_FLOW, record(title="长" * 11, short_title="短"), CTX).title == "短"
    assert reasons(ARTICLE_FLOW, record(title="长" * 11)) == (
        "title: title has 11 characters, at most 10 fit, short_title is empty",
    )
    assert "short_title has 12 characters" in reasons(ARTICLE_FLOW, record(title="长" * 11, short_title="短" * 12))[0]


def test_everything_wrong_with_a_record_is_told_at_once() -> None:
    found = reasons(ARTICLE_FLOW, record(title="", publisher="国家税务总局", url="http://x", html="<p>字</p>" * 100))
    assert [reason.split(":")[0] for reason in found] == ["title", "author", "source_url", "content"]
    assert "has 6 characters, at most 4 fit" in found[1]


def test_an_article_without_words_pictures_or_attachments_is_rejected() -> None:
    assert reasons(ARTICLE_FLOW, record(html="<p> </p><script>x</script>"))[-1].startswith("content: html is empty")
    with_files = record(html="", attachments=[{"name": "附件.pdf", "url": "/x"}])
    assert "附件.pdf" in map_article(ARTICLE_FLOW, with_files, CTX).html


def test_content_may_come_from_a_field_without_layout() -> None:
    flow = Flow(map={**ARTICLE_FLOW.map, **rules(content={"from": "html"})})
    assert map_article(flow, record(html="<div>文</div>"), CTX).html == "<section>文</section>"
    assert reasons(flow, record(html="")) == ("content: html is empty",)


def test_upstream_text_cannot_stand_for_the_body_or_become_markup() -> None:
    article = map_article(ARTICLE_FLOW, record(title="<b>x</b>", html="<p>正文</p>"), CTX)
    assert article.html.count("正文") == 1 and "&lt;b&gt;x&lt;/b&gt;" in article.html


def test_characters_nobody_sees_do_not_reach_a_title() -> None:
    assert map_article(ARTICLE_FLOW, record(title="\u202e通\u200b知"), CTX).title == "通知"


def test_a_message_is_made_of_its_rules() -> None:
    assert map_template(PROGRESS, record("case"), CTX) == {
        "thing1": "护照", "phrase2": "受理", "time3": "2026年3月5日 09:30",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "stdver", "meaning"), [("0", "1", "受理"), ("0", "2", "收件"), ("9", None, "办结"), ("9", "", "办结")]
)
def test_the_same_code_means_other_things_by_version(status: str, stdver: str | None, meaning: str) -> None:
    assert map_template(PROGRESS, record("case", status=status, stdver=stdver), CTX)["phrase2"] == meaning


def test_an_unknown_code_or_version_is_named() -> None:
    assert reasons(PROGRESS, record("case", status="7")) == (
        "phrase2: status is '7', which status does not know in version '1'",
    )
    assert "status, which has not version '3'" in reasons(PROGRESS, record("case", stdver="3"))[0]


def test_every_field_of_a_message_must_be_there() -> None:
    found = reasons(PROGRESS, Record("case", "K1", {}))
    assert len(found) == 3 and all("is empty" in reason for reason in found)


def test_reasons_never_hold_what_a_record_holds() -> None:
    secret = "王建国110101199003078515"
    told = " ".join(reasons(PROGRESS, record("case", item_name=secret * 2, status=secret, stdver=secret * 3)))
    assert "王建国" not in told and "8515" not in told


def test_a_link_is_filled_and_escaped() -> None:
    assert map_link(PROGRESS, record("case"), CTX) == "https://town.example/case?id=A%2F1%202"
    assert map_link(ARTICLE_FLOW, record(), CTX) is None


def test_a_link_without_its_value_rejects_the_record() -> None:
    with pytest.raises(RecordRejected, match="link: case_id is empty"):
        map_link(PROGRESS, record("case", case_id=""), CTX)


@pytest.mark.parametrize(
    ("url", "words"),
    [("", "1 to 1024 fit"), ("ftp://x/", "http"), (f"https://x/{'a' * 1024}", "1034 bytes"), (None, "0")],
)
def test_a_records_own_address_must_be_one(url: str | None, words: str) -> None:
    flow = Flow(link=Link.model_validate({"from": "url"}))
    assert map_link(flow, record(url="https://x/1"), CTX) == "https://x/1"
    with pytest.raises(RecordRejected, match=words):
        map_link(flow, record(url=url), CTX)


@dataclass(frozen=True)
class Children:
    take: int = 3
    link: Link = field(default_factory=lambda: Link.model_validate({"from": "url"}))


def column(key: str, name: str = "栏目", position: Any = None, **more: Any) -> Record:
    withdrawn = more.pop("withdrawn", False)
    fields = {"name": name, "position": position, "url": f"https://x/{key}", **more}
    return Record("column", key, fields, withdrawn=withdrawn)


def test_menu_children_stand_by_position_then_key_and_no_more_than_asked() -> None:
    columns = [
        column("04"),
        column("03", position=2),
        column("02", position=1),
        column("01", position=1),
        column("05"),
    ]
    assert [button["url"][-2:] for button in menu_children(Children(), columns)] == ["01", "02", "03"]
    assert menu_children(Children(), columns)[0] == {"type": "view", "name": "栏目", "url": "https://x/01"}


def test_withdrawn_columns_are_no_buttons() -> None:
    assert menu_children(Children(), [column("01", withdrawn=True)]) == []


def test_a_column_that_cannot_be_a_button_is_named_with_its_size() -> None:
    with pytest.raises(RecordRejected) as caught:
        menu_children(Children(), [column("01", name="栏" * 21), column("02", url="")])
    assert caught.value.reasons[0] == "column 01: name: has 63 bytes, 1 to 60 fit"
    assert caught.value.reasons[1].startswith("column 02: link: url")


# ---- for all records

_FILES = st.lists(st.dictionaries(st.sampled_from(["name", "url"]), st.text(), max_size=2))
_VALUES = st.one_of(
    st.none(), st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.datetimes(timezones=st.just(UTC)),
    st.dates(), st.binary(max_size=4), _FILES, st.just(date.min), st.just(datetime.max.replace(tzinfo=UTC)),
    st.just("\ud800"), st.lists(st.integers(), max_size=2),
)  # fmt: skip


def _records(kind: Kind) -> st.SearchStrategy[Record]:
    fields = st.dictionaries(st.sampled_from(sorted(KINDS[kind])), _VALUES)
    return st.builds(lambda values: Record(kind, "K1", values), fields)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_records("article"), _records("case"), _records("column"))
def test_whatever_a_record_holds_it_is_mapped_or_rejected(article: Record, case: Record, columns: Record) -> None:
    for attempt in (
        lambda: map_article(ARTICLE_FLOW, article, CTX),
        lambda: map_template(PROGRESS, case, CTX),
        lambda: map_link(PROGRESS, case, CTX),
        lambda: menu_children(Children(), [columns, columns]),
    ):
        try:
            attempt()
        except RecordRejected as rejected:
            assert rejected.reasons
