"""Mass messages: what leaves, what the answers and the event mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.weigov.wechat.conftest import Talk
from weigov.errors import OutcomeUnknown, RateLimited, RecordRejected
from weigov.wechat.callback import parse_payload
from weigov.wechat.mass import WHY, Sent, result

OK = {"errcode": 0, "errmsg": "send job submission success", "msg_id": 3147494276, "msg_data_id": 2455891298}


def send(talk: Talk, tag: str | None = None, key: str = "k" * 32) -> Sent:
    return talk.client.mass.send("MEDIA", key, tag=tag, reprints=False)


def test_to_everybody_and_to_a_tag_is_said_so(talk: Talk) -> None:
    talk.peer.on("message/mass/sendall", OK)
    talk.peer.on("tags/get", {"tags": [{"id": 134, "name": "滨湖区", "count": 9}]})
    assert send(talk) == send(talk, "滨湖区") == Sent("3147494276", "2455891298")
    everybody, tagged = (json.loads(body) for body in talk.peer.bodies("message/mass/sendall"))
    assert everybody == {
        "filter": {"is_to_all": True},
        "mpnews": {"media_id": "MEDIA"},
        "msgtype": "mpnews",
        "send_ignore_reprint": 0,
        "clientmsgid": "k" * 32,
    }
    assert tagged["filter"] == {"is_to_all": False, "tag_id": 134}


@pytest.mark.parametrize(
    ("tags", "why"), [([], "no tag '滨湖区'"), ([{"id": 1, "name": "滨湖区", "count": 0}], "nobody has the tag")]
)
def test_a_tag_that_reaches_nobody_sends_nothing(talk: Talk, tags: list[dict[str, Any]], why: str) -> None:
    talk.peer.on("tags/get", {"tags": tags})
    with pytest.raises(RecordRejected, match=why):
        send(talk, "滨湖区")
    assert talk.peer.calls["message/mass/sendall"] == 0


@pytest.mark.parametrize("key", ["", "k" * 33, "汉" * 11])
def test_a_key_wechat_would_not_honour_is_not_sent(talk: Talk, key: str) -> None:
    with pytest.raises(RecordRejected, match="clientmsgid"):
        send(talk, key=key)
    assert talk.peer.calls["message/mass/sendall"] == 0


def test_a_key_that_was_used_is_answered_with_the_first_message(talk: Talk) -> None:
    talk.peer.on("message/mass/sendall", {"errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": 3147494552})
    assert send(talk) == Sent("3147494552")


def test_an_acceptance_without_a_number_is_unknown(talk: Talk) -> None:
    talk.peer.on("message/mass/sendall", {"errcode": 0, "errmsg": "ok"})
    with pytest.raises(OutcomeUnknown):
        send(talk)


def test_a_used_up_month_is_over_with_the_month(talk: Talk) -> None:
    talk.peer.on("message/mass/sendall", {"errcode": 45028, "errmsg": "has no masssend quota"})
    with pytest.raises(RateLimited) as caught:
        send(talk)
    assert caught.value.retry_after_s == (8 * 24 - 12) * 3600  # from noon on 23 November, in Beijing


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SEND_SUCCESS", "sent"),
        ("SENDING", "sending"),
        ("SEND_FAIL", "failed"),
        ("DELETE", "deleted"),
        ("send success", "sent"),
        ("NEWS", "unknown"),
    ],
)
def test_what_became_of_it(talk: Talk, said: str, state: str) -> None:
    talk.peer.on("message/mass/get", {"msg_id": 1, "msg_status": said})
    assert talk.client.mass.state("1") == state


def event(status: str, more: str = "") -> dict[str, Any]:
    return parse_payload(f"<xml><MsgID>1</MsgID><Status><![CDATA[{status}]]></Status>{more}</xml>".encode())


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        ("send success", "sent", ""),
        ("sendsuccess", "sent", ""),
        ("send fail", "failed", "WeChat: send fail"),
        *((f"err({n})", "failed", why) for n, why in WHY.items()),
        ("err(20431)", "failed", "does not explain"),
        ("", "unknown", ""),
    ],
)
def test_every_status_of_the_event_has_its_meaning_in_both_languages(status: str, state: str, why: str) -> None:
    told = result(event(status))
    assert (told.msg_id, told.state) == ("1", state) and why in told.reason


def test_a_reprint_is_named_with_its_original() -> None:
    item = (
        "<item><ArticleIdx>2</ArticleIdx><OriginalArticleUrl>http://mp.weixin.qq.com/s/x</OriginalArticleUrl></item>"
    )
    more = f"<CopyrightCheckResult><Count>1</Count><ResultList>{item}</ResultList></CopyrightCheckResult>"
    assert "article 2 of http://mp.weixin.qq.com/s/x" in result(event("err(30003)", more)).reason


@pytest.mark.parametrize(
    ("listed", "urls"),
    [
        ("\n", {}),
        ("<item><ArticleIdx>1</ArticleIdx><ArticleUrl> u1 </ArticleUrl></item>", {1: "u1"}),
        ("<item><ArticleIdx>2</ArticleIdx><ArticleUrl>u2</ArticleUrl></item><item><ArticleIdx>1</ArticleIdx>"
         "<ArticleUrl>u1</ArticleUrl></item>", {1: "u1", 2: "u2"}),
        ("<item><ArticleIdx>x</ArticleIdx></item>", {}),
    ],
)  # fmt: skip
def test_the_addresses_of_the_event_by_their_articles(listed: str, urls: dict[int, str]) -> None:
    more = f"<ArticleUrlResult><Count>9</Count><ResultList>{listed}</ResultList></ArticleUrlResult>"
    assert dict(result(event("send success", more)).urls) == urls


def test_recorded_answers_and_events_come_to_the_right_outcome(talk: Talk, shared: Path) -> None:
    recorded = shared / "fixtures" / "wechat" / "mass"
    for name, expected in (("forum_sendall_ok", "3147494276"), ("forum_45065_with_msg_id", "3147494552")):
        talk.peer.on("message/mass/sendall", json.loads((recorded / f"{name}.json").read_text()))
        assert send(talk).msg_id == expected
    for name, error in (("forum_42010_fast", RateLimited), ("forum_minus1", OutcomeUnknown)):
        talk.peer.on("message/mass/sendall", json.loads((recorded / f"{name}.json").read_text()))
        with pytest.raises(error):
            send(talk)
    told = result(parse_payload((recorded / "wechatpy_event_mass_send_job_finish_event.xml").read_bytes()))
    assert (told.msg_id, told.state) == ("1000001625", "failed")
    assert "err(30003)" in told.reason and "article 2 of Url_2" in told.reason
