"""Mass messages: what is accepted, who gets it, what repeats are told, what the event says."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from sandbox.clock import BEIJING
from sandbox.people import PEOPLE, wxname_of
from sandbox.wechat.accounts import SUBSCRIPTION_APPID
from tests.sandbox.conftest import Api

SENDALL, GET, DELETE = (f"/cgi-bin/message/mass/{name}" for name in ("sendall", "get", "delete"))
FOLLOWING = [p for p in PEOPLE if p.persona != "unfollowed"]
REACHED = [p for p in FOLLOWING if p.persona != "blocked"]


def two(api: Api) -> str:
    articles = [api.article(title=title, content_source_url=f"https://a.cn/{title}") for title in ("一", "二")]
    media_id: str = api.post("/cgi-bin/draft/add", {"articles": articles})["media_id"]
    return media_id


def to(api: Api, audience: dict[str, Any] | None = None, media_id: str = "", **more: Any) -> dict[str, Any]:
    body = {
        "filter": audience or {"is_to_all": True},
        "msgtype": "mpnews",
        "mpnews": {"media_id": media_id or two(api)},
    }
    return api.post(SENDALL, {**body, "send_ignore_reprint": 0, **more})


def district(api: Api) -> dict[str, Any]:
    """The audience of a tag that the first ten have."""
    tag = api.post("/cgi-bin/tags/create", {"tag": {"name": "滨湖区"}})["tag"]["id"]
    openids = [person.openid for person in PEOPLE[:10]]
    api.post("/cgi-bin/tags/members/batchtagging", {"openid_list": openids, "tagid": tag})
    return {"is_to_all": False, "tag_id": tag}


def jobs(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.client.get("/_sandbox/wechat/mass", params={"appid": api.appid}).json()["jobs"]
    return found


def event(api: Api) -> ET.Element:
    events = api.client.get("/_sandbox/wechat/events", params={"appid": api.appid}).json()
    return ET.fromstring(next(e["xml"] for e in reversed(events) if e["event"] == "MASSSENDJOBFINISH"))


def test_a_send_consumes_the_draft_and_reaches_everybody_who_follows(api: Api) -> None:
    media_id = two(api)
    answer = to(api, media_id=media_id, clientmsgid="k" * 32)
    assert (answer["errcode"], answer["errmsg"]) == (0, "send job submission success")
    assert {"msg_id", "msg_data_id"} <= set(answer)
    assert api.post("/cgi-bin/draft/get", {"media_id": media_id})["errcode"] == 40007
    assert api.post(GET, {"msg_id": answer["msg_id"]})["msg_status"] == "SENDING"
    api.world.clock.advance(1)
    assert api.post(GET, {"msg_id": answer["msg_id"]}) == {"msg_id": answer["msg_id"], "msg_status": "SEND_SUCCESS"}
    (job,) = jobs(api)
    assert (job["received"], job["audience"], len(job["articles"])) == (len(REACHED), "all", 2)


def test_the_event_counts_and_names_the_articles_addresses(api: Api) -> None:
    msg_id = to(api)["msg_id"]
    api.world.clock.advance(1)
    (job,) = jobs(api)
    told = event(api)
    assert [told.findtext(name) for name in ("MsgID", "Status")] == [str(msg_id), "send success"]
    counts = [int(told.findtext(f"{name}Count") or 0) for name in ("Total", "Filter", "Sent", "Error")]
    assert counts == [len(FOLLOWING), len(FOLLOWING), len(REACHED), len(FOLLOWING) - len(REACHED)]
    urls = [item.findtext("ArticleUrl") for item in told.iterfind("ArticleUrlResult/ResultList/item")]
    assert urls == [article["url"] for article in job["articles"]] and len(urls) == 2


def test_the_same_key_is_told_so_for_a_day_but_not_within_a_minute(api: Api) -> None:
    api.client.patch(f"/_sandbox/wechat/accounts/{api.appid}/settings", json={"mass_apart_s": 0})
    msg_id = to(api, clientmsgid="weekly-1")["msg_id"]
    assert to(api, clientmsgid="weekly-1")["errcode"] == 45066
    api.world.clock.advance(60)
    again = to(api, media_id="gone", clientmsgid="weekly-1")
    assert (again["errcode"], again["msg_id"]) == (45065, msg_id)
    assert len(jobs(api)) == 1
    api.world.clock.advance(24 * 3600)
    api.token = api.stable_token()["access_token"]
    assert to(api, clientmsgid="weekly-1")["errcode"] == 0


def test_without_a_key_the_same_words_to_the_same_people_are_one(api: Api) -> None:
    media_id = two(api)
    first = to(api, media_id=media_id)
    api.world.clock.advance(61)
    assert to(api, media_id=media_id)["msg_id"] == first["msg_id"]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"clientmsgid": "k" * 33}, 45067),
        ({"filter": {"is_to_all": False}}, 41040),
        ({"filter": {"is_to_all": False, "tag_id": 999}}, 45159),
        ({"mpnews": {"media_id": "gone"}}, 40007),
        ({"msgtype": "wxcard"}, 45113),
        ({"msgtype": "carrier_pigeon"}, 40008),
    ],
)
def test_what_breaks_the_rules_is_refused_and_sends_nothing(api: Api, changes: dict[str, Any], errcode: int) -> None:
    assert to(api, **changes)["errcode"] == errcode and jobs(api) == []


def test_two_sends_within_a_minute_are_too_fast(api: Api) -> None:
    assert to(api)["errcode"] == 0
    assert to(api)["errcode"] == 42010
    api.world.clock.advance(61)
    assert to(api)["errcode"] == 0


def test_a_service_account_has_four_a_month_to_everybody(api: Api) -> None:
    api.world.clock.set(datetime(2026, 3, 28, 9, tzinfo=BEIJING))
    api.token = api.stable_token()["access_token"]
    for send in range(4):
        assert to(api)["errcode"] == 0, send
        api.world.clock.advance(600)
    assert to(api)["errcode"] == 45028
    api.world.clock.set(datetime(2026, 4, 1, 0, 1, tzinfo=BEIJING))
    api.token = api.stable_token()["access_token"]
    assert to(api)["errcode"] == 0


def test_a_citizen_gets_four_a_month_whatever_their_tags(api: Api) -> None:
    tag = district(api)
    for _ in range(5):
        assert to(api, tag)["errcode"] == 0
        api.world.clock.advance(61)
    *four, fifth = jobs(api)
    assert {job["received"] for job in four} == {len([p for p in PEOPLE[:10] if p in REACHED])}
    assert fifth["received"] == 0


def test_a_subscription_account_has_one_a_day(account_api: Callable[[str], Api]) -> None:
    api = account_api(SUBSCRIPTION_APPID)
    assert to(api)["errcode"] == 0
    api.world.clock.advance(3600)
    assert to(api)["errcode"] == 45028
    assert api.post("/cgi-bin/message/mass/send", {"touser": ["a", "b"]})["errcode"] == 48001


def test_a_tag_reaches_its_people_only(api: Api) -> None:
    to(api, district(api))
    api.world.clock.advance(1)
    (job,) = jobs(api)
    assert (job["audience"], job["received"]) == ("tag 100", len([p for p in PEOPLE[:10] if p in REACHED]))


def test_to_named_people_it_takes_two(api: Api) -> None:
    body: dict[str, Any] = {"msgtype": "mpnews", "mpnews": {"media_id": two(api)}}
    send = "/cgi-bin/message/mass/send"
    assert api.post(send, {**body, "touser": [PEOPLE[0].openid]})["errcode"] == 40130
    assert api.post(send, {**body, "touser": [p.openid for p in PEOPLE[:2]]})["errcode"] == 0


def test_a_job_may_fail_on_request(api: Api) -> None:
    api.client.post("/_sandbox/faults", json={"kind": "mass_status", "value": "err(30003)", "times": 1})
    msg_id = to(api)["msg_id"]
    api.world.clock.advance(1)
    assert api.post(GET, {"msg_id": msg_id})["msg_status"] == "SEND_FAIL"
    told = event(api)
    assert told.findtext("Status") == "err(30003)" and told.findtext("SentCount") == "0"
    assert told.findtext("CopyrightCheckResult/CheckState") == "3"
    assert jobs(api)[0]["received"] == 0


@pytest.mark.parametrize(("yes", "outcome"), [(True, "send success"), (False, "err(40001)"), (None, "err(40002)")])
def test_a_protected_send_waits_half_an_hour_for_the_administrator(api: Api, yes: bool | None, outcome: str) -> None:
    api.client.patch(f"/_sandbox/wechat/accounts/{api.appid}/settings", json={"mass_protection": True})
    msg_id = to(api)["msg_id"]
    api.world.clock.advance(1799)
    assert api.post(GET, {"msg_id": msg_id})["msg_status"] == "SENDING" and jobs(api)[0]["waits_for_admin"]
    if yes is None:
        api.world.clock.advance(1)
    else:
        assert api.client.post(f"/_sandbox/wechat/mass/{msg_id}/confirm", json={"yes": yes}).ok
    assert jobs(api)[0]["outcome"] == outcome


def test_an_article_or_all_of_a_sent_message_can_be_taken_back_once(api: Api) -> None:
    msg_id = to(api)["msg_id"]
    assert api.post(DELETE, {"msg_id": msg_id, "article_idx": 1})["errcode"] == 40059  # not sent yet
    api.world.clock.advance(1)
    assert api.post(DELETE, {"msg_id": msg_id, "article_idx": 3})["errcode"] == 40060
    assert api.post(DELETE, {"msg_id": msg_id, "article_idx": 1})["errcode"] == 0
    assert api.post(DELETE, {"msg_id": msg_id, "article_idx": 1})["errcode"] == 40060
    assert [a["is_deleted"] for a in jobs(api)[0]["articles"]] == [True, False]
    assert api.post(DELETE, {"msg_id": msg_id})["errcode"] == 0
    assert api.post(GET, {"msg_id": msg_id})["msg_status"] == "DELETE"


def test_a_preview_goes_to_one_person_and_leaves_the_draft(api: Api) -> None:
    media_id = two(api)
    body = {"msgtype": "mpnews", "mpnews": {"media_id": media_id}}
    preview = "/cgi-bin/message/mass/preview"
    assert api.post(preview, {**body, "towxname": wxname_of("P0002"), "touser": PEOPLE[0].openid})["errcode"] == 0
    assert api.post(preview, {**body, "towxname": "nobody_here"})["errcode"] == 40003
    (shown,) = api.client.get("/_sandbox/wechat/mass", params={"appid": api.appid}).json()["previews"]
    assert (shown["openid"], shown["titles"]) == (PEOPLE[1].openid, ["一", "二"])
    assert to(api, media_id=media_id)["errcode"] == 0


def test_the_phone_shows_the_message_to_those_who_got_it_and_what_was_taken_back(api: Api) -> None:
    msg_id = to(api, district(api))["msg_id"]
    api.world.clock.advance(1)
    conversation = api.client.get(f"/phone/{PEOPLE[0].openid}").text
    assert "一" in conversation and f"mass-{msg_id}/2" in conversation
    assert f"mass-{msg_id}" not in api.client.get(f"/phone/{PEOPLE[20].openid}").text
    article = f"/phone/{PEOPLE[0].openid}/article/mass-{msg_id}/2"
    assert "正文" in api.client.get(article).text
    api.post(DELETE, {"msg_id": msg_id, "article_idx": 2})
    assert "该内容已被发布者删除" in api.client.get(article).text
    assert "（已删除）" in api.client.get(f"/phone/{PEOPLE[0].openid}").text
