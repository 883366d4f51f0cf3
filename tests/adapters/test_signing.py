"""Digests against published vectors, and the text that is signed, option by option."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.signing import decoded, digest, encoded, joined, signature


@pytest.mark.parametrize(
    ("algorithm", "text", "expected"),
    [
        ("md5", b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),  # RFC 1321, A.5
        ("sha1", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),  # FIPS 180-2, A.1
        ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),  # FIPS 180-2, B.1
        # GB/T 32905-2016, A.1 and A.2
        ("sm3", b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ("sm3", b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_digests_are_the_published_ones(algorithm: str, text: bytes, expected: str) -> None:
    assert digest(algorithm, text).hex() == expected


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("hmac-md5", "750c783e6ab0b503eaa86e310a5db738"),  # RFC 2202, 2, case 2
        ("hmac-sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),  # RFC 2202, 3, case 2
        # RFC 4231, 4.3 (test case 2)
        ("hmac-sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "hmac-sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ],
)
def test_macs_are_the_published_ones(algorithm: str, expected: str) -> None:
    assert signature(algorithm, b"what do ya want for nothing?", b"Jefe").hex() == expected


def test_hmac_sm3_is_openssls() -> None:
    # printf 'appid=weigov&page=1' | openssl dgst -sm3 -hmac geheim
    expected = "feac208b43591c7742b25c982d1a5fe6fab4684a867daf746bae79f8bcb5082a"
    assert signature("hmac-sm3", b"appid=weigov&page=1", b"geheim").hex() == expected


PARAMS = {"b": "2", "a": 1, "B": "", "c": None, "d": True, "e": {"x": ["y", 1]}, "z": "通 知"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 'a=1&b=2&d=true&e={"x":["y",1]}&z=通 知'),  # by code point: upper case first
        ({"empty": "keep"}, 'B=&a=1&b=2&c=&d=true&e={"x":["y",1]}&z=通 知'),
        ({"pair": "", "between": ""}, 'a1b2dtruee{"x":["y",1]}z通 知'),
        (
            {"escape": True},
            "a=1&b=2&d=true&e=%7B%22x%22%3A%5B%22y%22%2C1%5D%7D&z=%E9%80%9A%20%E7%9F%A5",
        ),
    ],
)
def test_parameters_are_sorted_and_joined(options: dict[str, Any], expected: str) -> None:
    assert joined(PARAMS, **options) == expected


@pytest.mark.parametrize(
    ("at", "name", "expected"),
    [
        ("none", "", "a=1&s=2"),
        ("suffix", "", "a=1&s=2KEY"),
        ("suffix", "key", "a=1&s=2&key=KEY"),
        ("prefix", "", "KEYa=1&s=2"),
        ("prefix", "key", "key=KEY&a=1&s=2"),
        ("both", "", "KEYa=1&s=2KEY"),
        ("both", "key", "key=KEY&a=1&s=2&key=KEY"),
        ("sorted", "key", "a=1&key=KEY&s=2"),
    ],
)
def test_the_secret_stands_where_it_is_said(at: Any, name: str, expected: str) -> None:
    assert joined({"s": "2", "a": "1"}, secret="KEY", secret_at=at, secret_name=name) == expected


def test_nothing_but_a_secret_needs_no_joint() -> None:
    assert joined({}, secret="KEY", secret_at="suffix", secret_name="key") == "key=KEY"


@pytest.mark.parametrize(("encoding", "case"), [("hex", "lower"), ("hex", "upper"), ("base64", "lower")])
def test_what_is_encoded_can_be_decoded(encoding: Any, case: Any) -> None:
    assert decoded(encoded(b"\xab\x00\xff", encoding, case), encoding) == b"\xab\x00\xff"
    assert encoded(b"\xab", "hex", "upper") == "AB"


@pytest.mark.parametrize(("text", "encoding"), [("zz", "hex"), ("abc", "hex"), ("a*b=", "base64")])
def test_what_is_not_encoded_so_is_a_value_error(text: str, encoding: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(text, encoding)
