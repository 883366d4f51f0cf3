"""What a callback says, and under which key it is kept once."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weigov.wechat.fake import AES_KEY, OPENID, account
from weigov.errors import CallbackRejected
from weigov.wechat.account import Account
from weigov.wechat.callback import listed, parse_callback, parse_payload, read_message, verify_url
from weigov.wechat.crypto import encrypt, sign

TEXT = (
    f"<xml><ToUserName>gh_1</ToUserName><FromUserName><![CDATA[{OPENID}]]></FromUserName><CreateTime>1348831860"
    "</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[我的办件 <!DOCTYPE x> &amp;]]></Content>"
    "<MsgId>12345678901234567890</MsgId><NewTag>1</NewTag></xml>"
)


def event(name: str, inner: str = "", openid: str = OPENID, created: int = 1348831860) -> bytes:
    return (
        f"<xml><FromUserName>{openid}</FromUserName><CreateTime>{created}</CreateTime><MsgType>event</MsgType>"
        f"<Event><![CDATA[{name}]]></Event>{inner}</xml>"
    ).encode()


def seal(payload: bytes, who: Account, key: str = AES_KEY, **changes: str) -> tuple[dict[str, str], bytes]:
    encrypted = encrypt(payload, key, who.appid)
    query = {"timestamp": "1714112445", "nonce": "415670741", "encrypt_type": "aes", "openid": OPENID}
    query["msg_signature"] = sign(who.callback_token, query["timestamp"], query["nonce"], encrypted)
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
    return {**query, **changes}, body


def test_a_citizens_message_is_read_and_keyed_by_its_id() -> None:
    message, payload = parse_callback(account(), *seal(TEXT.encode(), account()))
    assert payload == TEXT.encode()
    assert (message.kind, message.type, message.event, message.openid) == ("message", "text", "", OPENID)
    assert message.remote_id == "12345678901234567890"  # past 2^53
    assert message.dedupe_key == "message:12345678901234567890"
    assert message.created_at == datetime(2012, 9, 28, 11, 31, tzinfo=UTC)
    assert message.raw["Content"] == "我的办件 <!DOCTYPE x> &amp;" and message.raw["NewTag"] == "1"
    assert OPENID not in repr(message)


def test_json_says_the_same_as_xml() -> None:
    fields = {"FromUserName": OPENID, "CreateTime": 1348831860, "MsgType": "text", "Content": "我"}
    payload = json.dumps({**fields, "MsgId": 12345678901234567890}).encode()
    sealed = encrypt(payload, AES_KEY, account().appid)
    query, _ = seal(payload, account())
    query["msg_signature"] = sign(account().callback_token, query["timestamp"], query["nonce"], sealed)
    message, _ = parse_callback(account(), query, json.dumps({"ToUserName": "gh_1", "Encrypt": sealed}).encode())
    assert message.dedupe_key == "message:12345678901234567890"
    assert message.openid == OPENID and message.created_at.year == 2012


@pytest.mark.parametrize(
    ("payload", "remote_id", "key"),
    [
        (event("TEMPLATESENDJOBFINISH", "<MsgID>200163836</MsgID><Status>success</Status>"), "200163836",
         "templatesendjobfinish:200163836"),
        (event("MASSSENDJOBFINISH", "<MsgID>1000001625</MsgID>", "mphelper"), "1000001625",
         "masssendjobfinish:1000001625"),
        (event("PUBLISHJOBFINISH", "<PublishEventInfo><publish_id> 2247503051</publish_id></PublishEventInfo>"),
         "2247503051", "publishjobfinish:2247503051"),
    ],
)  # fmt: skip
def test_a_jobs_event_is_keyed_by_the_job(payload: bytes, remote_id: str, key: str) -> None:
    message = read_message(payload)
    assert (message.remote_id, message.dedupe_key) == (remote_id, key)


def test_the_same_job_is_the_same_key_whoever_reports_it_and_when() -> None:
    inner = "<PublishEventInfo><publish_id>1</publish_id></PublishEventInfo>"
    first = read_message(event("PUBLISHJOBFINISH", inner))
    assert first.dedupe_key == read_message(event("publishjobfinish", inner, "mphelper", 1348831999)).dedupe_key


def test_what_is_taken_down_later_is_another_event_of_the_same_job() -> None:
    def published(status: str) -> str:
        inner = f"<publish_id>9</publish_id><publish_status>{status}</publish_status>"
        return read_message(event("PUBLISHJOBFINISH", f"<PublishEventInfo>{inner}</PublishEventInfo>")).dedupe_key

    assert published("0") == published("4") == "publishjobfinish:9"
    assert len({published("0"), published("5"), published("6")}) == 3


def test_an_ordinary_event_is_keyed_by_who_when_and_what_without_showing_who() -> None:
    key = read_message(event("CLICK", "<EventKey>menu_1</EventKey>")).dedupe_key
    assert key == read_message(event("CLICK", "<EventKey>menu_1</EventKey><MenuId>7</MenuId>")).dedupe_key
    others = [
        event("CLICK", "<EventKey>menu_2</EventKey>"),
        event("VIEW", "<EventKey>menu_1</EventKey>"),
        event("CLICK", "<EventKey>menu_1</EventKey>", openid="o" * 28),
        event("CLICK", "<EventKey>menu_1</EventKey>", created=1348831861),
    ]
    assert key not in [read_message(other).dedupe_key for other in others]
    assert re.fullmatch(r"event:[0-9a-f]{40}", key)


def test_a_job_without_an_id_is_keyed_like_any_event() -> None:
    """Seen with client_msg_id: MsgID 0. Two of them must not become one."""
    zero = "<MsgID>0</MsgID><Status>success</Status>"
    one, two = (read_message(event("TEMPLATESENDJOBFINISH", zero, created=t)) for t in (1348831860, 1348831861))
    assert one.dedupe_key != two.dedupe_key and one.remote_id == "0"


def test_repeated_tags_are_a_list() -> None:
    assert parse_payload(b"<xml><a>1</a><b/><a>2</a><a>3</a></xml>") == {"a": ["1", "2", "3"], "b": ""}


@pytest.mark.parametrize("name", ["timestamp", "nonce", "msg_signature"])
def test_any_change_of_what_is_signed_is_refused(name: str) -> None:
    query, body = seal(TEXT.encode(), account())
    for value in (query[name] + "0", ""):
        with pytest.raises(CallbackRejected):
            parse_callback(account(), {**query, name: value}, body)
    with pytest.raises(CallbackRejected):
        parse_callback(account(), query, body.replace(b"CDATA[", b"CDATA[A"))
    with pytest.raises(CallbackRejected, match="compare the token"):
        parse_callback(account(callback_token="another"), query, body)


def test_the_unencrypted_signature_is_not_trusted() -> None:
    query, body = seal(TEXT.encode(), account(), msg_signature="")
    query["signature"] = sign(account().callback_token, query["timestamp"], query["nonce"])
    with pytest.raises(CallbackRejected):
        parse_callback(account(), query, body)


def test_plain_and_compatible_mode_are_refused_in_one_line() -> None:
    query, body = seal(TEXT.encode(), account())
    compatible = body.replace(b"</xml>", b"<MsgType>text</MsgType></xml>")
    for posted in (TEXT.encode(), compatible):
        with pytest.raises(CallbackRejected, match="安全模式") as caught:
            parse_callback(account(), query, posted)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><Encrypt>x</Encrypt></xml>',
        b"<xml>&unknown;</xml>",
        b"<xml><a></xml>",
        b"<a>" * 40 + b"</a>" * 40,
        b"<xml>only text</xml>",
        b"",
        b"{",
        b"[1]",
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_what_wechat_never_writes_is_refused(payload: bytes) -> None:
    with pytest.raises(CallbackRejected):
        parse_payload(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"<xml><MsgType>text</MsgType></xml>",
        b"<xml><CreateTime>1</CreateTime></xml>",
        b"<xml><MsgType>text</MsgType><CreateTime>99999999999999999</CreateTime></xml>",
    ],
)
def test_a_payload_that_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(CallbackRejected):
        read_message(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        parse_payload(payload)
    except CallbackRejected:
        pass


def test_the_address_check_answers_echostr_only_when_signed() -> None:
    query = {"timestamp": "1714036504", "nonce": "1514711492", "echostr": "4375120948345356249"}
    signature = sign(account().callback_token, query["timestamp"], query["nonce"])
    assert verify_url(account(), {**query, "signature": signature}) == "4375120948345356249"
    for wrong in ("", signature[::-1], signature.upper()):
        with pytest.raises(CallbackRejected):
            verify_url(account(), {**query, "signature": wrong})
    with pytest.raises(CallbackRejected):
        verify_url(account(callback_token=""), {**query, "signature": sign("", *list(query.values())[:2])})


def agreed(tag: str, *templates: str) -> str:
    entries = "".join(f"<List><TemplateId>{t}</TemplateId><MsgID>{t}9</MsgID></List>" for t in templates)
    return f"<{tag}>{entries}</{tag}>"


def test_agreements_of_one_second_are_kept_apart() -> None:
    tag, name = "SubscribeMsgPopupEvent", "subscribe_msg_popup_event"
    one, other = (read_message(event(name, agreed(tag, template))) for template in ("T1", "T2"))
    assert one.dedupe_key != other.dedupe_key
    assert one.dedupe_key == read_message(event(name, agreed(tag, "T1"))).dedupe_key


@pytest.mark.parametrize("templates", [("T1",), ("T1", "T2")])
def test_a_list_of_one_is_a_list(templates: tuple[str, ...]) -> None:
    message = read_message(event("subscribe_msg_sent_event", agreed("SubscribeMsgSentEvent", *templates)))
    assert [one["TemplateId"] for one in listed(message.raw, "SubscribeMsgSentEvent")] == list(templates)
    assert message.remote_id == ("T19" if len(templates) == 1 else "")
    assert listed(message.raw, "SubscribeMsgPopupEvent") == []
