"""Bytes → a value or one typed error, without a socket."""

from __future__ import annotations

import json

import pytest

from tests.weigov.wechat.fake import NOW, OPENID, SECRET
from weigov.errors import OutcomeUnknown, RemoteUnavailable
from weigov.wechat.protocol import encode, read_answer, scrub


def read(body: bytes, status: int = 200, *, sending: bool = True) -> dict[str, object]:
    return read_answer("/cgi-bin/draft/add", status, {}, body, sending=sending, now=NOW)


def test_a_success_without_errcode_is_a_success() -> None:
    assert read(b'{"media_id":"M","item":[]}') == {"media_id": "M", "item": []}


def test_control_characters_and_cut_characters_do_not_hide_a_clear_answer() -> None:
    assert read(b'{"errcode":"0","nickname":"a\x01\xe5\x8f"}')["nickname"] == "a\x01\ufffd"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b'{"errcode":0'),
        (200, b'"ok"'),
        (200, b'{"errcode":"many"}'),
        (200, b'{"errcode":null}'),
        (413, b""),
        (500, b'{"errcode":0}'),
    ],
)
def test_what_is_no_clear_answer_leaves_a_send_unknown_and_a_read_unavailable(status: int, body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        read(body, status)
    with pytest.raises(RemoteUnavailable):
        read(body, status, sending=False)


def test_an_already_done_answer_gives_its_id() -> None:
    answer = {"errcode": 45065, "errmsg": "clientmsgid exist", "msg_id": 3147494552}
    assert read(json.dumps(answer).encode())["msg_id"] == 3147494552


def test_a_body_is_raw_utf8_without_blanks() -> None:
    assert encode("/cgi-bin/x", {"a": "公示", "b": [1]}) == '{"a":"公示","b":[1]}'.encode()


def test_scrubbing_keeps_the_rid_the_field_and_the_ip_but_no_person_and_no_secret() -> None:
    kept = "argument invalid! data.character_string21.value invalid rid: 65004ee5-3ca2dfc2-6eb97a55"
    assert scrub(kept) == kept
    assert "203.0.113.7" in scrub("invalid ip 203.0.113.7, not in whitelist")
    for secret in (OPENID, SECRET):
        assert secret not in scrub(f"no such user {secret}!") and secret not in scrub(f'"secret":"{secret}"')
    assert scrub("bad access_token=abc&x\nmore") == "bad access_token=***&x more"
    assert len(scrub("x y" * 500)) <= 200
