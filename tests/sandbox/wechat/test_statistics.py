"""The data interfaces: which days they tell of, whom they count, and what they leave out."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.clock import BEIJING
from sandbox.people import PEOPLE
from sandbox.wechat.accounts import UNVERIFIED_APPID
from tests.sandbox.conftest import Api

READ, SHARE, TOTAL = "/datacube/getarticleread", "/datacube/getarticleshare", "/datacube/getarticletotaldetail"
BIZ, USERS, CUMULATE = "/datacube/getbizsummary", "/datacube/getusersummary", "/datacube/getusercumulate"
TUESDAY = datetime(2026, 3, 10, 10, tzinfo=BEIJING)


def ask(api: Api, path: str, begin: str, end: str = "") -> dict[str, Any]:
    return api.post(path, {"begin_date": begin, "end_date": end or begin})


def settings(api: Api, **changed: Any) -> None:
    api.client.patch(f"/_sandbox/wechat/accounts/{api.appid}/settings", json=changed)


@pytest.fixture
def published(api: Api) -> Api:
    """One article, on a Tuesday at ten; now it is Wednesday, nine o'clock."""
    api.world.clock.set(TUESDAY)
    api.token = api.stable_token()["access_token"]
    api.publish(title="关于停水的通知")
    api.world.clock.advance(23 * 3600)
    api.token = api.stable_token()["access_token"]
    return api


@pytest.mark.parametrize(
    ("path", "begin", "end", "errcode"),
    [
        (READ, "2026/03/10", "2026/03/10", 61500),
        (READ, "2026-02-30", "2026-02-30", 61500),
        (READ, "2026-03-09", "2026-03-10", 61501),  # one day
        (READ, "2026-03-11", "2026-03-11", 61501),  # today
        (READ, "2025-10-31", "2025-10-31", 61501),  # before there was anything
        (BIZ, "2026-03-10", "2026-03-09", 61501),
        (BIZ, "2026-02-08", "2026-03-10", 61501),  # 31 days
        (USERS, "2026-03-03", "2026-03-10", 61501),  # 8 days
    ],
)
def test_days_it_does_not_answer_for(published: Api, path: str, begin: str, end: str, errcode: int) -> None:
    assert ask(published, path, begin, end)["errcode"] == errcode


def test_yesterday_is_ready_at_eight(published: Api) -> None:
    published.world.clock.set(TUESDAY.replace(hour=7, minute=59) + timedelta(days=1))
    assert ask(published, READ, "2026-03-10")["errcode"] == 61503
    assert "errcode" not in ask(published, READ, "2026-03-09")
    published.world.clock.advance(60)
    assert "errcode" not in ask(published, READ, "2026-03-10")


def test_an_article_has_the_readers_of_its_title_and_its_msgid(published: Api) -> None:
    (read,) = ask(published, READ, "2026-03-10")["list"]
    (share,) = ask(published, SHARE, "2026-03-10")["list"]
    assert read["msgid"] == share["msgid"] == "2247484001_1"
    assert read["detail"]["read_user"] == 410 and share["detail"] == {"share_user": 41}
    assert ask(published, READ, "2026-03-09") == {"list": [], "is_delay": False}


def read_on(api: Api, phones: int) -> list[dict[str, Any]]:
    """What the next day tells of an article that nobody read but these citizens, each of them twice."""
    settings(api, crowd=0)
    article_id = api.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 1})["item"][0]["article_id"]
    for person in [*PEOPLE[:phones], *PEOPLE[:phones]]:
        assert api.client.get(f"/phone/{person.openid}/article/{article_id}/1").status_code == 200
    api.world.clock.advance(86400)
    api.token = api.stable_token()["access_token"]
    found: list[dict[str, Any]] = ask(api, READ, "2026-03-11")["list"]
    return found


def test_a_phone_that_opens_an_article_reads_it_once_a_day(published: Api) -> None:
    (read,) = read_on(published, phones=4)
    assert read["detail"]["read_user"] == 4


def test_fewer_than_three_readers_and_sharers_are_left_out(published: Api) -> None:
    assert read_on(published, phones=2) == []
    assert ask(published, TOTAL, "2026-03-10")["list"] == []


def test_the_totals_add_up_day_by_day(published: Api) -> None:
    published.world.clock.advance(3 * 86400)
    published.token = published.stable_token()["access_token"]
    (total,) = ask(published, TOTAL, "2026-03-10")["list"]
    assert total["title"] == "关于停水的通知" and "mid=2247484001&idx=1" in total["content_url"]
    sums = {day["stat_date"]: day["read_user"] for day in total["detail_list"]}
    assert sums == {"2026-03-10": 410, "2026-03-11": 615, "2026-03-12": 717, "2026-03-13": 768}


def test_late_figures_say_so_and_lack_some(published: Api) -> None:
    settings(published, figures_late=True)
    answer = ask(published, READ, "2026-03-10")
    assert answer["is_delay"] is True and answer["list"][0]["detail"]["read_user"] == 369


def test_followers_that_come_and_go_are_counted(published: Api) -> None:
    for person in PEOPLE[:2]:
        published.client.put(f"/_sandbox/wechat/personas/{person.openid}", json={"persona": "unfollowed"})
    published.world.clock.advance(86400)
    published.token = published.stable_token()["access_token"]
    (day,) = ask(published, USERS, "2026-03-10", "2026-03-11")["list"]
    assert day == {"ref_date": "2026-03-11", "user_source": 0, "new_user": 0, "cancel_user": 2}
    before, after = ask(published, CUMULATE, "2026-03-10", "2026-03-11")["list"]
    assert before["cumulate_user"] - after["cumulate_user"] == 2


def test_an_account_that_is_not_verified_gets_none(account_api: Any) -> None:
    api = account_api(UNVERIFIED_APPID)
    api.token = api.stable_token()["access_token"]
    assert ask(api, READ, "2026-03-10")["errcode"] == 48001
