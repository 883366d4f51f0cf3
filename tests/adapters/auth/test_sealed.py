"""Sealed bodies, both ways: ours against openssl's figures, theirs from a far end with a key of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from adapters.auth import Untrusted, sm2
from adapters.outgoing import Outgoing
from adapters.wire import Reply
from tests.adapters.auth.kinds import SECRET, Answer, opened, sent, served, system, titles
from weigov.errors import ConfigError, OutcomeUnknown, RemoteRefused
from weigov.ports import Connection

OURS, THEIRS = sm2.Signer("11" * 32), sm2.Signer("22" * 32)
KEY = "0123456789abcdeffedcba9876543210"
EXTRA = {"sm2_private_key": "11" * 32, "sm2_public_key": THEIRS.public_key, "sm4_secret_key": KEY}

RULE = """kind: sealed_body
params: {appId: "{login}", encType: SM4, signType: SM2, timestamp: "{timestamp}", version: "2.0.1"}
"""


def connection(url: str = "http://x", **extra: str) -> Connection:
    return Connection("gw", "", url, "weigov", SECRET, EXTRA | extra)


def body(more: str = "", values: Mapping[str, Any] | None = None, **extra: str) -> dict[str, Any]:
    out = Outgoing("POST", "http://x", body=dict(values or {"id": "7"}))
    sent(opened(RULE + more, connection(**extra)), out)
    assert out.headers == {"Content-Type": "application/json"} and out.data is not None
    written: dict[str, Any] = json.loads(out.data)
    return written


def verified(text: str, signature: str) -> bool:
    return sm2.Verifier(OURS.public_key).verify(text.encode(), base64.b64decode(signature))


def test_a_request_is_encrypted_and_signed_as_calculated_by_hand() -> None:
    it = body()
    signature = it.pop("signData")
    assert it == {
        "appId": "weigov",
        "encType": "SM4",
        "signType": "SM2",
        "timestamp": "1767576615000",
        "version": "2.0.1",
        # printf '{"id":"7"}' | openssl enc -sm4-ecb -K 0123456789abcdeffedcba9876543210 | base64
        "encData": "5YWBj7vbkEe4DvDLjS/wOw==",
    }
    signed = 'appId=weigov&data={"id":"7"}&encType=SM4&signType=SM2&timestamp=1767576615000&version=2.0.1&key=geheim'
    assert verified(signed, signature)
    assert not verified(signed.replace("7", "8"), signature)


def test_a_body_is_signed_by_name_and_without_what_is_empty() -> None:
    it = body("signs: plain", {"z": "", "b": {"y": None, "x": 1}, "a": [{"d": 1, "c": ""}], "e": []})
    clear = sm2.decrypt(bytes.fromhex(KEY), base64.b64decode(it["encData"])).decode()
    assert clear == '{"a":[{"d":1}],"b":{"x":1}}'
    assert verified(clear, it["signData"])


def test_numbers_may_have_to_be_texts() -> None:
    it = body("signs: plain\nnumbers: text", {"n": 2, "ok": True, "in": [{"x": 1.5}], "t": "3"})
    clear = sm2.decrypt(bytes.fromhex(KEY), base64.b64decode(it["encData"])).decode()
    assert clear == '{"in":[{"x":"1.5"}],"n":"2","ok":"true","t":"3"}'
    answer = sealed('{"n":2,"a":1}', '{"a":"1","n":"2"}')
    assert opening(answer, "numbers: text")["data"] == {"n": 2, "a": 1}
    with pytest.raises(Untrusted):
        opening(answer)


def test_what_is_signed_may_be_the_encrypted_text() -> None:
    it = body("signs: sealed")
    assert verified(it["encData"], it["signData"])


def test_cbc_takes_its_vector_from_the_connection_or_sends_a_fresh_one_in_front() -> None:
    # printf '{"id":"7"}' | openssl enc -sm4-cbc -K … -iv 000102030405060708090a0b0c0d0e0f | xxd -p
    fixed = body("cipher: sm4-cbc\nencoding: hex\ncase: upper", sm4_iv="000102030405060708090a0b0c0d0e0f")
    assert fixed["encData"] == "9177723B97A54028DCB5A0B4FFA48038"
    fresh = bytes.fromhex(body("cipher: sm4-cbc\niv: prefix\nencoding: hex")["encData"])
    assert fresh[:16] == b"0123456789abcdef"
    assert sm2.decrypt(bytes.fromhex(KEY), fresh[16:], fresh[:16]) == b'{"id":"7"}'


def test_a_derived_key_is_the_secret_under_the_head_of_the_id() -> None:
    one = Connection("gw", "", "http://x", "WEIGOVAPP0123456789", "NMVF-SECRET-OF-THE-APP-0123456789", EXTRA)
    out = sent(opened(RULE + "key: derived", one), Outgoing("POST", "http://x", body={"id": "7"}))
    assert out.data is not None
    # printf NMVF-SECRET-OF-THE-APP-0123456789 | openssl enc -sm4-ecb -K "$(printf WEIGOVAPP0123456 | xxd -p)"
    #     | xxd -p -u | cut -c1-16
    assert sm2.decrypt(b"51F3000F77405554", base64.b64decode(json.loads(out.data)["encData"])) == b'{"id":"7"}'


def test_a_signature_may_be_der_and_hex_and_of_another_user() -> None:
    it = body("signature_form: der\nsignature_encoding: hex\nuser_id: weigov\nsigns: plain")
    verifier = sm2.Verifier(OURS.public_key, b"weigov")
    assert verifier.verify(b'{"id":"7"}', bytes.fromhex(it["signData"]), "der")


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"sm2_private_key": ""}, "has no sm2_private_key in its extra"),
        ({"sm2_private_key": "zz"}, "sm2_private_key is neither hex nor base64"),
        ({"sm2_public_key": "22" * 64}, "sm2_public_key is no SM2 public key"),
        ({"sm4_secret_key": "0123"}, "sm4_secret_key is not 16 bytes long"),
    ],
)
def test_a_key_of_no_use_is_named_and_not_shown(extra: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=f"connection gw:? {why}"):
        opened(RULE, connection(**extra))


def test_no_key_shows() -> None:
    shown = repr(opened(RULE, connection())) + repr(connection())
    assert all(value not in shown for value in (SECRET, *EXTRA.values()))


# ---- answers


def sealed(clear: str, signed: str | None = None, signer: sm2.Signer = THEIRS, **members: Any) -> bytes:
    """An answer of the far end. ``signed``: what it says its body is."""
    outer = {"code": "0", "appId": "weigov", "message": "", **members}
    by_name = {**outer, "data": signed or clear}
    text = "&".join(f"{name}={value}" for name, value in sorted(by_name.items()) if value != "") + f"&key={SECRET}"
    outer["encData"] = base64.b64encode(sm2.encrypt(bytes.fromhex(KEY), clear.encode())).decode()
    outer["signData"] = base64.b64encode(signer.sign(text.encode())).decode()
    return json.dumps(outer).encode()


def opening(data: bytes, more: str = "", status: int = 200) -> Any:
    reply = opened(RULE + more, connection()).open(Reply(status, {}, data))
    return json.loads(reply.body) if reply.body else None


@pytest.mark.parametrize(
    ("clear", "signed"),
    [
        ('{"rows":[],"name":"通知"}', None),
        ('{"name":"通知","empty":"","a":1}', '{"a":1,"name":"通知"}'),
    ],
    ids=["signed as sent", "signed in order"],
)
def test_an_answer_is_verified_and_decrypted(clear: str, signed: str | None) -> None:
    assert opening(sealed(clear, signed)) == {
        "code": "0", "appId": "weigov", "message": "", "data": json.loads(clear),
    }  # fmt: skip


def test_an_answer_without_a_body_may_still_be_signed() -> None:
    text = f"code=1&message=busy&key={SECRET}"
    data = {"code": "1", "message": "busy", "signData": base64.b64encode(THEIRS.sign(text.encode())).decode()}
    assert opening(json.dumps(data).encode()) == {"code": "1", "message": "busy"}
    with pytest.raises(Untrusted):
        opening(json.dumps(data | {"code": "0"}).encode())


@pytest.mark.parametrize("signs", ["plain", "sealed"])
def test_what_stands_beside_a_signed_text_is_not_taken(signs: str) -> None:
    text = base64.b64encode(sm2.encrypt(bytes.fromhex(KEY), b'{"id":"1"}')).decode()
    over = text.encode() if signs == "sealed" else b'{"id":"1"}'
    answer = {"code": "0", "id": "2", "encData": text, "signData": base64.b64encode(THEIRS.sign(over)).decode()}
    assert opening(json.dumps(answer).encode(), f"signs: {signs}") == {"data": {"id": "1"}}


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_an_answer_without_a_bottom_is_not_believed(where: str) -> None:
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    with pytest.raises(Untrusted, match=r"nested too deeply|no JSON object"):
        opening(deep.encode() if where == "outside" else sealed(deep))


def changed(data: bytes, **members: Any) -> bytes:
    return json.dumps(json.loads(data) | members).encode()


GOOD = sealed('{"rows":[]}')
ANOTHER = json.loads(sealed('{"rows":[1]}'))
PLAIN = b'{"code": "9", "message": "appId 13800138000 unknown", "data": {"rows": []}}'
INVALID = "signature of its answer is not valid"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (sealed('{"rows":[]}', signer=OURS), INVALID),
        (changed(GOOD, code="1"), INVALID),
        (changed(GOOD, signData="AAAA"), INVALID),
        (changed(GOOD, encData=ANOTHER["encData"]), INVALID),
        (changed(GOOD, encData="AAAA"), "cannot be decrypted: check the SM4 key of connection gw"),
        (PLAIN, r"has no encData and signData: appId \*\*\* unknown"),
        (b"<html>", "is no JSON object"),
        (b"[]", "is no JSON object"),
    ],
    ids=["another's", "code", "signature", "body", "cipher", "plain", "html", "list"],
)
def test_what_is_not_the_other_sides_is_not_believed(data: bytes, why: str) -> None:
    with pytest.raises(Untrusted, match=why):
        opening(data, "message: message")


def test_of_an_http_error_only_the_status_is_taken() -> None:
    assert opening(b'{"code": "0", "data": {"rows": []}}', status=502) is None


# ---- through the engine


def far_end(answers: list[Answer]) -> Callable[[BaseHTTPRequestHandler, bytes], Answer]:
    def answer(request: BaseHTTPRequestHandler, data: bytes) -> Answer:
        asked = json.loads(data)
        clear = sm2.decrypt(bytes.fromhex(KEY), base64.b64decode(asked["encData"])).decode()
        by_name = {**asked, "data": clear}
        text = "&".join(f"{n}={v}" for n, v in sorted(by_name.items()) if n not in ("encData", "signData"))
        good = verified(f"{text}&key={SECRET}", asked["signData"])
        return answers.pop(0) if good else (403, {}, b"")

    return answer


ROWS = sealed('{"rows":[{"id":"1","title":"标题"}]}')


def test_a_list_is_read_through_a_sealed_gateway(tmp_path: Path) -> None:
    with served(far_end([(502, {}, b"<html>"), (200, {}, ROWS)])) as url:
        it = system(tmp_path, RULE, connection(url), method="POST")
        assert titles(it) == ["标题"]
        it.close()


def test_a_list_nobody_signed_is_refused_and_a_write_so_answered_may_have_been_done(tmp_path: Path) -> None:
    forged = sealed('{"rows":[{"id":"1","title":"标题"}]}', signer=OURS)
    answers: list[Answer] = [(200, {}, forged), (200, {}, forged), (503, {}, b""), (200, {}, sealed('{"ref":"R1"}'))]
    with served(far_end(answers)) as url:
        it = system(tmp_path, RULE, connection(url), method="POST")
        with pytest.raises(RemoteRefused, match="is not believed: the signature of its answer is not valid"):
            titles(it)
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                it.write("save", {"id": "7"}, key="k")
        assert it.write("save", {"id": "7"}, key="k").remote_id == "R1"
        it.close()
    assert answers == []


def test_a_wrong_secret_is_refused_by_the_far_end(tmp_path: Path) -> None:
    one = Connection("gw", "", "", "weigov", "falsch", EXTRA)
    with served(far_end([])) as url:
        it = system(tmp_path, RULE, Connection(one.name, "", url, one.login, one.password, one.extra), method="POST")
        with pytest.raises(RemoteRefused, match="HTTP 403"):
            titles(it)
        it.close()
