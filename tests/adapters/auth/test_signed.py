"""Whole requests, signed the way each gateway wants it, against signatures calculated outside (openssl dgst)."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from adapters.outgoing import Outgoing
from tests.adapters.auth.kinds import opened, sent

# The moment is 2026-01-05T01:30:15Z (1767576615), the nonce 7777777777777777, login weigov, password geheim.

GUANGDONG = """
kind: signed_headers
algorithm: sha256
text: "{timestamp}{secret}{nonce}{timestamp}"
headers:
  x-tif-paasid: "{login}"
  x-tif-timestamp: "{timestamp}"
  x-tif-nonce: "{nonce}"
  x-tif-signature: "{signature}"
  x-tif-serviceId: smt
"""
GUANGDONG_SENT = {
    "x-tif-paasid": "weigov",
    "x-tif-timestamp": "1767576615",
    "x-tif-nonce": "7777777777777777",
    # printf 1767576615geheim77777777777777771767576615 | openssl dgst -sha256
    "x-tif-signature": "68ba7eab911f27e4041f311cc05ba0de691b6e895f29fc7c3ed7400cbf3a3daa",
    "x-tif-serviceId": "smt",
}
BODY_DIGEST = """
kind: signed_headers
algorithm: hmac-sha256
encoding: base64
text: "{method}\\n{path}\\n{body_digest}\\n{timestamp}\\n{nonce}"
headers: {Authorization: "HMAC {login}:{signature}", X-Digest: "{body_digest}", X-Time: "{timestamp}"}
"""


@pytest.mark.parametrize(
    ("rule", "headers"),
    [
        (GUANGDONG, GUANGDONG_SENT),
        (
            GUANGDONG.replace("sha256", "sm3") + "case: upper",
            # … | openssl dgst -sm3
            GUANGDONG_SENT | {"x-tif-signature": "F45112470AE9BD3C23E47DE900E93792EF96779BF0BF260F8F61CEA64D88CEE6"},
        ),
        (
            BODY_DIGEST,
            {
                # printf 'POST\n/api/cases\n389b…\n1767576615\n7777777777777777' | openssl dgst -sha256 -hmac geheim
                "Authorization": "HMAC weigov:3GsdsG7oinExl+sIJn6EkOkd/4eJ4Bz+hA5KLYT2QNE=",
                # printf '{"id":"7"}' | openssl dgst -sha256
                "X-Digest": "389bf6f649e1a6dca027ed7b7d5124457a00a16e130fe39e18474dccf85094b9",
                "X-Time": "1767576615",
            },
        ),
    ],
    ids=["guangdong", "guangdong in SM3", "hmac over method, path and digest"],
)
def test_headers_are_signed(rule: str, headers: dict[str, str]) -> None:
    out = sent(opened(rule), Outgoing("POST", "http://x/api/cases", data=b'{"id":"7"}'))
    assert out.headers == headers
    assert (out.query, out.data) == ({}, b'{"id":"7"}')


def test_query_and_body_may_be_signed_as_they_are_sent() -> None:
    rule = "{kind: signed_headers, algorithm: md5, text: '{query}|{body}|{secret}', headers: {S: '{signature}'}}"
    out = Outgoing("POST", "http://x", query={"b": "通", "a": [1, 2]}, data=b"\xff{x}")
    # printf 'b=%%E9%%80%%9A&a=1&a=2|\xff{x}|geheim' | openssl dgst -md5
    assert sent(opened(rule), out).headers == {"S": "cc5036fee92a24f892ac8bc79940b358"}


def test_of_an_envelope_the_bytes_that_leave_are_signed() -> None:
    rule = "{kind: signed_headers, algorithm: md5, text: '{body}{secret}', headers: {S: '{signature}'}}"
    envelope = etree.fromstring("<e>通知</e>")
    written = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    by_envelope = sent(opened(rule), Outgoing("POST", "http://x", envelope=envelope))
    assert by_envelope.headers == sent(opened(rule), Outgoing("POST", "http://x", data=written)).headers


SORTED_MD5 = """
kind: signed_params
algorithm: md5
params: {appid: "{login}", timestamp: "{timestamp}"}
timestamp: {format: "%Y%m%d%H%M%S", zone: Asia/Shanghai}
sign: sign
secret: {at: suffix, name: key}
"""
SORTED_SM3 = """
kind: signed_params
algorithm: sm3
case: upper
empty: keep
in: body
params: {appid: "{login}", timestamp: "{timestamp}", signType: SM3}
leave_out: [signType]
sign: sign
"""
TMUYUN = """
kind: signed_params
algorithm: sha256
params: {appkey: "{login}", noncestr: "{nonce}", timestamp: "{timestamp}"}
timestamp: {format: epoch_ms}
covers: []
sign: signature
secret: {at: suffix, name: key}
"""


@pytest.mark.parametrize(
    ("rule", "query", "body", "sent_query", "sent_body"),
    [
        (
            SORTED_MD5,
            {"page": 1, "title": "通知", "none": ""},
            {},
            # printf 'appid=weigov&page=1&timestamp=20260105093015&title=通知&key=geheim' | openssl dgst -md5
            {"appid": "weigov", "timestamp": "20260105093015", "sign": "78b6c5271b4df64d756b264ce258c6c7"},
            {},
        ),
        (
            SORTED_SM3,
            {},
            {"page": "1", "empty": ""},
            {},
            {
                "appid": "weigov",
                "timestamp": "1767576615",
                "signType": "SM3",
                # printf 'appid=weigov&empty=&page=1&timestamp=1767576615geheim' | openssl dgst -sm3
                "sign": "2171BE3101C0DEB3F99A57BCB6F678F4329573C219BD57A7D0EFC352BE7F4BA2",
            },
        ),
        (
            TMUYUN,
            {"current": 1, "size": 50},
            {},
            {
                "appkey": "weigov",
                "noncestr": "7777777777777777",
                "timestamp": "1767576615000",
                # printf 'appkey=weigov&noncestr=7777777777777777&timestamp=1767576615000&key=geheim' | openssl …
                "signature": "8ac06c6182d0904a9ecadf54e64573c8f1039cc7a09d939662cc577c6a1a7991",
            },
            {},
        ),
        (
            "{kind: signed_params, algorithm: hmac-md5, params: {appid: '{login}'}, sign: s, case: upper}",
            {"page": 1},
            {},
            # printf 'appid=weigov&page=1' | openssl dgst -md5 -hmac geheim
            {"appid": "weigov", "s": "68F1E221F52CD47A0AE15E011250F586"},
            {},
        ),
        (
            "{kind: signed_params, algorithm: md5, sign: s, pair: '', between: '', secret: {at: both}}",
            {"b": 2, "a": 1},
            {},
            {"s": "8841a9f6fca52cac4ee7e8a5f5249fc4"},  # printf geheima1b2geheim | openssl dgst -md5
            {},
        ),
    ],
    ids=["md5", "sm3", "tmuyun", "hmac", "secret around"],
)
def test_parameters_are_signed(
    rule: str, query: dict[str, Any], body: dict[str, Any], sent_query: dict[str, Any], sent_body: dict[str, Any]
) -> None:
    out = sent(opened(rule), Outgoing("POST", "http://x", query=dict(query), body=dict(body)))
    assert (out.query, out.body, out.headers) == (query | sent_query, body | sent_body, {})


def test_a_signature_may_travel_in_headers_and_cover_the_body() -> None:
    rule = "{kind: signed_params, algorithm: md5, params: {k: '{login}'}, sign: X-Sign, in: header}"
    out = sent(opened(rule), Outgoing("POST", "http://x", body={"a": "1"}))
    assert set(out.headers) == {"k", "X-Sign"} and out.body == {"a": "1"}
    other = sent(opened(rule), Outgoing("POST", "http://x", body={"a": "2"}))
    assert out.headers["X-Sign"] != other.headers["X-Sign"]


def test_every_call_has_a_nonce_of_its_own() -> None:
    it = opened("{kind: signed_params, algorithm: md5, params: {n: '{nonce}'}, sign: s}", choose=secrets.choice)
    calls = [sent(it).query for _ in range(20)]
    assert len({call["n"] for call in calls}) == len({call["s"] for call in calls}) == 20


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("{kind: signed_params, algorithm: md5, sign: s, params: {a: '{pasword}'}}", r"\{pasword\} is unknown here"),
        ("{kind: signed_params, algorithm: md5, sign: s, params: {a: '{secret}'}}", r"\{secret\} is unknown here"),
        ("{kind: signed_params, algorithm: md5, sign: s, secret: {at: none}}", "proves nothing"),
        ("{kind: signed_params, algorithm: md5, sign: s, secret: {at: sorted}}", "needs a name"),
        ("{kind: signed_params, algorithm: crc32, sign: s}", "md5"),
        ("{kind: signed_params, algorithm: md5, sign: s, timestamp: {format: '%Y-%m-%d'}}", "which zone is meant"),
        (
            "{kind: signed_headers, algorithm: md5, text: '{timestamp}', headers: {S: '{signature}'}}",
            "proves nothing",
        ),
        ("{kind: signed_headers, algorithm: md5, text: '{secret}', headers: {S: '{nonce}'}}", "no header carries"),
        ("{kind: signed_headers, algorithm: md5, text: '{secret}', headers: {S: '{secret}{signature}'}}", "unknown"),
    ],
)
def test_what_would_sign_nothing_or_give_the_secret_away_does_not_load(rule: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        opened(rule)
