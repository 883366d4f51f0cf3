"""What WeChat counted: which question is asked, what its answer means, and which error is only a matter of time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.weigov.wechat.conftest import Talk
from tests.weigov.wechat.fake import NOW, Reply, account, hang_up, http
from weigov.errors import RateLimited, RemoteRefused, RemoteUnavailable
from weigov.wechat.client import AccountClient
from weigov.wechat.protocol import READS, AccountStopped
from weigov.wechat.statistics import (
    PATHS,
    SPAN_DAYS,
    CountedArticle,
    Figure,
    Statistics,
    Told,
    names_of,
    newest_ready,
    no_such_day,
    not_ready,
)
from weigov.wechat.token import TokenKeeper

DAY, NEXT = date(2026, 3, 10), date(2026, 3, 11)
URL = "http://mp.weixin.qq.com/s?__biz=MzA5&mid=2247490098&idx=2&sn=ab&chksm=1#rd"
CALLS: dict[str, Callable[[Statistics], Told]] = {
    "getarticleread": lambda s: s.article_reads(DAY),
    "getarticleshare": lambda s: s.article_shares(DAY),
    "getarticletotaldetail": lambda s: s.article_totals(DAY),
    "getbizsummary": lambda s: s.summary(DAY, NEXT),
    "getusersummary": lambda s: s.follower_changes(DAY, NEXT),
    "getusercumulate": lambda s: s.followers(DAY, NEXT),
}


def on(talk: Talk, name: str, *replies: Reply) -> None:
    talk.store.put("T")
    talk.peer.plan[f"/datacube/{name}"] = deque(replies)


def listed(*rows: dict[str, Any], **more: Any) -> Reply:
    return {"list": list(rows), **more}


def row(msgid: str = "", **detail: Any) -> dict[str, Any]:
    return {"ref_date": "2026-03-10", "msgid": msgid, "detail": detail}


ARTICLE = {
    "ref_date": "2026-03-10",
    "msgid": "2247490098_2",
    "publish_type": 0,
    "title": "关于停水的通知",
    "content_url": URL,
    "detail_list": [
        {"stat_date": "2026-03-10", "read_user": 41, "read_finish_rate": 0.63, "read_jump_position": [{"rate": 0.2}]},
        {"stat_date": "2026-03-11", "read_user": 55},
    ],
}


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [
        (
            "getarticleread",
            listed(row("7_1", read_user=41, read_user_source=[{"scene_desc": "全部"}]), is_delay=False),
            Told((Figure(DAY, "7_1", "read_user", 41),)),
        ),
        ("getarticleread", listed(is_delay=True), Told((), late=True)),
        ("getarticleshare", listed(row("7_1", share_user=4)), Told((Figure(DAY, "7_1", "share_user", 4),))),
        (
            "getarticletotaldetail",
            listed(ARTICLE, is_delay=False),
            Told(
                (
                    Figure(DAY, "2247490098_2", "read_user", 41),
                    Figure(DAY, "2247490098_2", "read_finish_rate", 0.63),
                    Figure(NEXT, "2247490098_2", "read_user", 55),
                ),
                (CountedArticle("2247490098_2", DAY, "关于停水的通知", URL, notified=True),),
            ),
        ),
        # Before March 2026 an article has neither title nor address.
        (
            "getarticletotaldetail",
            listed({"ref_date": "2026-03-10", "msgid": "7_1", "publish_type": 1, "detail_list": []}),
            Told((), (CountedArticle("7_1", DAY),)),
        ),
        ("getbizsummary", listed(row(read_user=9, send_page_count=1)),
         Told((Figure(DAY, "", "read_user", 9), Figure(DAY, "", "send_page_count", 1)))),
        (
            "getusersummary",  # a row for each way people came
            listed(
                {"ref_date": "2026-03-10", "user_source": 0, "new_user": 3, "cancel_user": 1},
                {"ref_date": "2026-03-10", "user_source": 30, "new_user": 2, "cancel_user": 0},
            ),
            Told((Figure(DAY, "", "new_user", 5), Figure(DAY, "", "cancel_user", 1))),
        ),
        ("getusercumulate", listed({"ref_date": "2026-03-11", "cumulate_user": 1217056}),
         Told((Figure(NEXT, "", "cumulate_user", 1217056),))),
    ],
)  # fmt: skip
def test_what_an_answer_means(talk: Talk, name: str, answer: Reply, told: Told) -> None:
    on(talk, name, answer)
    assert CALLS[name](talk.client.statistics) == told
    asked = json.loads(talk.peer.requests[-1].body)
    last = "2026-03-10" if SPAN_DAYS[name] == 1 else "2026-03-11"
    assert asked == {"begin_date": "2026-03-10", "end_date": last}


@pytest.mark.parametrize(
    ("code", "error", "meaning"),
    [(61503, RateLimited, (True, False)), (61501, RemoteRefused, (False, True)),
     (61500, RemoteRefused, (False, False)), (45009, RateLimited, (False, False)),
     (48001, AccountStopped, (False, False))],
)  # fmt: skip
def test_what_an_error_means(talk: Talk, code: int, error: type[Exception], meaning: tuple[bool, bool]) -> None:
    on(talk, "getarticleread", {"errcode": code, "errmsg": "no"})
    with pytest.raises(error) as caught:
        talk.client.statistics.article_reads(DAY)
    assert (not_ready(caught.value), no_such_day(caught.value)) == meaning  # type: ignore[arg-type]
    assert "datacube/getarticleread" in str(caught.value)


@pytest.mark.parametrize(
    "reply", [http(502, b"bad gateway"), hang_up, {"errcode": -1}, {"errcode": 0}], ids=["502", "hang_up", "-1", "0"]
)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_answer_may_be_asked_again(talk: Talk, name: str, reply: Reply) -> None:
    on(talk, name, reply)
    with pytest.raises(RemoteUnavailable):
        CALLS[name](talk.client.statistics)


def test_every_call_is_a_read() -> None:
    assert set(PATHS) == {f"/datacube/{name}" for name in CALLS} and set(PATHS) <= READS


def test_more_days_than_a_call_answers_for_are_not_asked(talk: Talk) -> None:
    for name, call in (
        ("getbizsummary", talk.client.statistics.summary),
        ("getusercumulate", talk.client.statistics.followers),
    ):
        with pytest.raises(ValueError, match=f"{name} answers for at most"):
            call(date(2026, 1, 1), date(2026, 1, 1 + SPAN_DAYS[name]))


def test_an_account_that_is_not_verified_is_not_asked_about(talk: Talk) -> None:
    who = account(talk.peer.base_url, verified=False)
    keeper = TokenKeeper(who, talk.store, talk.client._sdk._http, lambda: NOW)
    client = AccountClient(who, keeper, talk.client._sdk._http, lambda: NOW)
    with pytest.raises(AccountStopped, match="needs a verified account"):
        client.statistics.article_reads(DAY)
    assert talk.peer.requests == []


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2026, 3, 11, 0, 0, tzinfo=UTC), DAY),  # eight in Beijing
        (datetime(2026, 3, 10, 23, 59, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 11, 16, 0, tzinfo=UTC), DAY),  # the next day there, before eight
    ],
)
def test_a_days_figures_come_at_eight_of_the_next(now: datetime, newest: date) -> None:
    assert newest_ready(now) == newest


@pytest.mark.parametrize(
    ("url", "names"),
    [
        (URL, ("2247490098_2",)),
        ("https://mp.weixin.qq.com/s?__biz=MzA5&mid=5&sn=ab", ("5_1",)),
        ("https://mp.weixin.qq.com/s/AbC-d", ("/s/AbC-d",)),
        ("https://mp.weixin.qq.com/", ()),
        ("", ()),
    ],
)
def test_what_an_address_calls_its_article(url: str, names: tuple[str, ...]) -> None:
    assert names_of(url) == names
