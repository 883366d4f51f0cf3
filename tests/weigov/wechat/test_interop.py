"""Answers and callbacks that other projects recorded: each leads to the outcome the rulebook states."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.weigov.wechat.conftest import Talk
from tests.weigov.wechat.fake import NOW
from weigov.errors import CallbackRejected, OutcomeUnknown, RateLimited, RemoteRefused, WeigovError
from weigov.wechat import rules
from weigov.wechat.callback import parse_payload, read_message
from weigov.wechat.client import AccountClient, publish_status
from weigov.wechat.crypto import decrypt, encrypt, is_signed, sign
from weigov.wechat.protocol import AccountStopped, TokenRefused, read_answer

pytestmark = pytest.mark.interop

ARTICLE = {"title": "通告", "content": "<p>正文</p>", "thumb_media_id": "M"}


def parse(path: str, answer: dict[str, Any], *, sending: bool = True) -> dict[str, Any]:
    return read_answer("/cgi-bin/" + path, 200, {}, json.dumps(answer).encode(), sending=sending, now=NOW)


OUTCOMES: dict[str, type[WeigovError] | None] = {
    "errors/forum_45009.json": RateLimited,
    "errors/forum_40007.json": RemoteRefused,
    "errors/forum_40001.json": TokenRefused,
    "errors/forum_45015.json": RemoteRefused,
    "errors/forum_45103.json": AccountStopped,
    "mass/forum_42010_fast.json": RateLimited,
    "mass/forum_45065_with_msg_id.json": None,
    "mass/forum_40059.json": RemoteRefused,
    "mass/forum_sendall_ok.json": None,
    "mass/forum_40130_one_openid.json": RemoteRefused,
    "mass/forum_minus1.json": OutcomeUnknown,
    "mass/wechatpy_message_mass_get.json": None,
    "menu/forum_menu_40016_four_top.json": RemoteRefused,
    "menu/forum_menu_40119_miniprogram_no_permission.json": RemoteRefused,
    "menu/wechatpy_menu_create.json": None,
    "menu/wechatpy_menu_get.json": None,
    "template/forum_43004_not_following.json": RemoteRefused,
    "template/forum_43101_refused.json": RemoteRefused,
    "template/forum_47003_character_string_chinese.json": RemoteRefused,
    "template/forum_47003_thing_odd_symbols.json": RemoteRefused,
}


def answers(folder: Path) -> dict[str, Any]:
    """Every recorded answer (not request) by its name."""
    found = {}
    for file in sorted((folder / "fixtures" / "wechat").rglob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        name = file.relative_to(folder / "fixtures" / "wechat").as_posix()
        if isinstance(content, dict) and not name.startswith("crypto/") and "request" not in file.stem:
            found[name] = content.get("response", content)
    return found


def test_every_recorded_answer_leads_to_its_outcome(shared: Path) -> None:
    recorded = answers(shared)
    assert set(OUTCOMES) <= set(recorded)
    for name, answer in recorded.items():
        expected = OUTCOMES.get(name)
        if expected is None:
            assert "errcode" not in answer or answer["errcode"] in (0, 45065), f"{name} has no expected outcome"
            assert parse("draft/add", answer) == answer
        else:
            with pytest.raises(expected) as caught:
                parse("draft/add", answer)
            assert type(caught.value) is expected, name
            rid = re.search(r"rid: (\S+)", answer.get("errmsg", ""))
            assert rid is None or rid.group(1) in str(caught.value)


#: Recorded answer → the call it answers, and something of what must come out.
CALLS: dict[str, tuple[str, Callable[[AccountClient], Any], Callable[[Any], bool]]] = {
    "draft_publish/draft_add_response_recorded.json": (
        "draft/add",
        lambda client: client.add_draft([ARTICLE]),
        lambda media_id: len(media_id) == 43,
    ),
    "draft_publish/draft_get_response_recorded.json": (
        "draft/get",
        lambda client: client.get_draft("M"),
        lambda articles: [a["title"] for a in articles] == ["标题"],
    ),
    "draft_publish/draft_batchget_response_recorded.json": (
        "draft/batchget",
        lambda client: client.batchget_drafts(),
        lambda page: page.total >= len(page.items) == 1 and page.items[0].articles[0]["title"] == "标题",
    ),
    "draft_publish/freepublish_submit_response_recorded.json": (
        "freepublish/submit",
        lambda client: client.submit("M"),
        lambda submitted: submitted.publish_id == "2650177668",
    ),
    "draft_publish/doc_freepublish_submit_response.json": (
        "freepublish/submit",
        lambda client: client.submit("M"),
        lambda submitted: submitted.publish_id == "100000001",
    ),
    "draft_publish/freepublish_get_success_recorded.json": (
        "freepublish/get",
        lambda client: client.get_publish("2650177668"),
        lambda status: (status.state, status.publish_id) == ("published", "2650177668"),
    ),
    "draft_publish/freepublish_getarticle_response_recorded.json": (
        "freepublish/getarticle",
        lambda client: client.get_article("A"),
        lambda articles: articles[0]["url"].startswith("http://mp.weixin.qq.com/"),
    ),
    "draft_publish/doc_freepublish_batchget_response.json": (
        "freepublish/batchget",
        lambda client: client.batchget_published(),
        lambda page: page.total == 100 and page.items[0].id == "ARTICLE_ID_1",
    ),
    "api_answers/wechatpy_media_uploadimg.json": (
        "media/uploadimg",
        lambda client: client.upload_image(b"x", "x.png", "image/png"),
        lambda url: url.startswith("http://mmbiz.qpic.cn/"),
    ),
    "api_answers/wechatpy_user_info.json": (
        "user/info",
        lambda client: client.user_info("o" * 28),
        lambda info: info["subscribe"] == 1,
    ),
    "api_answers/doc_clear_quota.json": (
        "clear_quota",
        lambda client: client.clear_quota(),
        lambda nothing: nothing is None,
    ),
    "menu/wechatpy_menu_create.json": (
        "menu/create",
        lambda client: client.create_menu([{"type": "click", "name": "办件", "key": "k"}]),
        lambda nothing: nothing is None,
    ),
    "menu/wechatpy_get_current_selfmenu_info.json": (
        "get_current_selfmenu_info",
        lambda client: client.get_current_menu(),
        lambda current: current.is_open and len(current.buttons) == 3,
    ),
    "menu/wechatpy_menu_get.json": (
        "menu/get",
        lambda client: client.get_menu(),
        lambda menus: len(menus.buttons) >= 1,
    ),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_recorded_answer_comes_out_of_the_call_it_was_given_to(shared: Path, talk: Talk, name: str) -> None:
    path, call, is_right = CALLS[name]
    talk.peer.on(path, answers(shared)[name])
    assert is_right(call(talk.client))


def test_a_recorded_token_answer_is_a_token(shared: Path, talk: Talk) -> None:
    recorded = answers(shared)["api_answers/wechatpy_token.json"]
    talk.peer.on("stable_token", recorded)
    assert talk.keeper.token() == recorded["access_token"]


def test_every_recorded_publish_answer_has_a_state(shared: Path) -> None:
    recorded = answers(shared)
    status = publish_status(recorded["draft_publish/freepublish_get_success_recorded.json"])
    assert (status.publish_id, status.state, len(status.urls)) == ("2650177668", "published", 1)
    assert publish_status(recorded["draft_publish/doc_freepublish_get_success.json"]).article_id == "ARTICLE_ID"
    event = shared / "fixtures" / "wechat" / "draft_publish" / "doc_PUBLISHJOBFINISH_original_fail.xml"
    raw = read_message(event.read_bytes()).raw["PublishEventInfo"]
    assert publish_status(raw).state == "original_check_failed"
    assert publish_status(raw).failed_articles == (1, 2)


def test_recorded_menus_pass_the_rules(shared: Path) -> None:
    menus = shared / "fixtures" / "wechat" / "menu"
    got = json.loads((menus / "wechatpy_menu_get.json").read_text("utf-8"))["menu"]["button"]
    sent = json.loads((menus / "silenceper_buttons_0.json").read_text("utf-8"))
    both = json.loads((menus / "wxjava_WxMpMenuServiceImplTest_l150.json").read_text("utf-8"))["button"]
    for buttons in (got, sent, both):
        assert rules.menu_problems(buttons) == []


def test_every_recorded_callback_can_be_read_and_every_event_has_a_key_of_its_own(shared: Path) -> None:
    fixtures = shared / "fixtures" / "wechat"
    files = [
        file for folder in ("callback_xml", "mass", "draft_publish") for file in (fixtures / folder).glob("*.xml")
    ]
    assert len(files) > 25
    events = set()
    for file in files:
        message = read_message(file.read_bytes())
        assert message.openid and message.openid not in message.dedupe_key
        assert bool(message.event) == (message.kind == "event")
        assert message.remote_id or message.kind == "event"
        if message.kind == "event":
            raw = message.raw
            events.add((message.dedupe_key, message.openid, message.created_at, message.event, raw.get("EventKey")))
        else:
            assert message.dedupe_key == f"message:{raw_id(message.raw)}"
    assert len({key for key, *_ in events}) == len(events) > 15


def raw_id(raw: Mapping[str, Any]) -> str:
    return str(raw.get("MsgId") or raw.get("MsgID"))


def vector(shared: Path, name: str) -> dict[str, Any]:
    loaded = json.loads((shared / "fixtures" / "wechat" / "crypto" / f"{name}.json").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", ["doc_safe_mode_json_in", "doc_safe_mode_json_reply", "wxbizmsgcrypt_short"])
def test_documented_envelopes_open_and_close_byte_for_byte(shared: Path, name: str) -> None:
    v = vector(shared, name)
    text = v["plaintext"].encode()
    assert decrypt(v["encrypt"], [v["encoding_aes_key"]], v["app_id"]) == text
    sealed = encrypt(text, v["encoding_aes_key"], v["app_id"], random16=v["random16"].encode())
    assert sealed == v["encrypt"]
    if "msg_signature" in v:
        assert sign(v["token"], v["timestamp"], v["nonce"], v["encrypt"]) == v["msg_signature"]
    with pytest.raises(CallbackRejected, match="another appid"):
        decrypt(v["encrypt"], [v["encoding_aes_key"]], "wxsomebodyelse")


def test_documented_url_check_and_other_projects_vectors_agree(shared: Path) -> None:
    v = vector(shared, "doc_url_verify")
    assert is_signed(v["signature"], v["token"], v["timestamp"], v["nonce"])

    v = vector(shared, "wechatpy_encrypt")
    sealed = encrypt(v["plaintext"].encode(), v["encoding_aes_key"], v["app_id"], random16=v["random16"].encode())
    outer = parse_payload(v["expected_xml"].encode())
    assert outer["Encrypt"] == sealed
    assert is_signed(outer["MsgSignature"], v["token"], v["timestamp"], v["nonce"], sealed)

    v = vector(shared, "easywechat_decrypt_corp")
    assert is_signed(v["msg_signature"], v["token"], v["timestamp"], v["nonce"], v["encrypt"])
    fields = parse_payload(decrypt(v["encrypt"], [v["encoding_aes_key"]], v["app_id"]))
    assert {k: fields[k] for k in v["expect"]} == v["expect"]

    v = vector(shared, "wechatpy_echostr_corp")
    assert is_signed(v["signature"], v["token"], v["timestamp"], v["nonce"], v["echostr"])
    assert not is_signed(v["signature"], v["token"], v["timestamp"], v["negative_nonce"], v["echostr"])
    assert decrypt(v["echostr"], [v["encoding_aes_key"]], v["app_id"])


def test_the_length_inside_an_envelope_is_big_endian(shared: Path) -> None:
    v = vector(shared, "wxbizmsgcrypt_short")
    assert len(base64.b64decode(v["encrypt"])) % 32 == 0
    assert struct.pack(">I", len(v["plaintext"].encode()))[0] == 0
