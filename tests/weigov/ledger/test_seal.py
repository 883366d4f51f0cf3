"""What is sealed opens only with its key, in its place; what is blinded can only be compared."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weigov.errors import ConfigError
from weigov.ledger.seal import Sealer, new_key

ONE, TWO = b"1" * 32, b"2" * 32
OPENID = "oKx7s5Jb0Lr0aVexample"


@given(st.binary(max_size=300), st.text(max_size=30))
def test_what_is_sealed_opens_in_its_context_and_is_never_the_same_twice(value: bytes, context: str) -> None:
    sealer = Sealer({"k1": ONE}, "k1")
    sealed = sealer.seal(value, context)
    assert sealer.open(sealed, context) == value
    assert sealed != sealer.seal(value, context)
    with pytest.raises(ConfigError):
        sealer.open(sealed, context + "x")


def test_any_changed_byte_is_noticed() -> None:
    sealer = Sealer({"k1": ONE}, "k1")
    sealed = sealer.seal(b"a token", "token")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(ConfigError):
            sealer.open(bytes(damaged), "token")
    for cut in range(len(sealed)):
        with pytest.raises(ConfigError):
            sealer.open(sealed[:cut], "token")


def test_a_wrong_key_is_one_clear_line() -> None:
    sealed = Sealer({"k1": ONE}, "k1").seal(OPENID.encode(), "c")
    with pytest.raises(ConfigError, match="does not open with key k1: set the key") as caught:
        Sealer({"k1": TWO}, "k1").open(sealed, "c")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="key k1, which is not configured"):
        Sealer({"k2": TWO}, "k2").open(sealed, "c")


def test_after_a_rotation_old_values_open_and_look_ups_stay() -> None:
    before = Sealer({"k1": ONE}, "k1")
    after = Sealer({"k1": ONE, "k2": TWO}, "k2")
    assert after.open(before.seal(b"old", "c"), "c") == b"old"
    assert after.blind("openid", OPENID) == before.blind("openid", OPENID)
    with pytest.raises(ConfigError, match="k2, which is not configured"):
        before.open(after.seal(b"new", "c"), "c")


def test_a_blinded_value_depends_on_the_key_the_purpose_and_the_value() -> None:
    one = Sealer({"k1": ONE}, "k1")
    hashes = {
        one.blind("openid", OPENID),
        one.blind("ref", OPENID),
        one.blind("openid", OPENID + "x"),
        Sealer({"k1": TWO}, "k1").blind("openid", OPENID),
    }
    assert len(hashes) == 4
    assert all(len(value) == 64 and set(value) <= set("0123456789abcdef") for value in hashes)


def test_keys_are_read_from_text() -> None:
    one, two = base64.b64encode(ONE).decode(), base64.b64encode(TWO).decode()
    bare = Sealer.from_text(f" {one}\n")
    assert bare.open(Sealer({"k1": ONE}, "k1").seal(b"x", "c"), "c") == b"x"
    both = Sealer.from_text(f"k1={one}, k2={two}")
    assert both.open(bare.seal(b"x", "c"), "c") == b"x"
    assert Sealer({"k2": TWO}, "k2").open(both.seal(b"y", "c"), "c") == b"y"


def test_a_new_key_is_a_key() -> None:
    sealer = Sealer.from_text(new_key())
    assert sealer.open(sealer.seal(b"x", "c"), "c") == b"x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hunter2", "has 5 bytes|not base64"),
        ("hunter2!", "not base64"),
        ("k1=" + base64.b64encode(b"short").decode(), "has 5 bytes"),
        ("", "has 0 bytes"),
        (f"Hunter 2={base64.b64encode(ONE).decode()}", "bad name"),
        (f"k1={base64.b64encode(ONE).decode()},k1={base64.b64encode(TWO).decode()}", "same name"),
    ],
)
def test_a_key_that_is_none_is_named_and_never_repeated(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        Sealer.from_text(text)
    assert "\n" not in str(caught.value)
    assert not text or text.lower() not in str(caught.value).lower()
    assert "hunter" not in str(caught.value).lower()


def test_the_current_key_must_be_there() -> None:
    with pytest.raises(ConfigError, match="k9"):
        Sealer({"k1": ONE}, "k9")


def test_no_key_shows_in_a_repr() -> None:
    sealer = Sealer({"k1": b"s3cret-s3cret-s3cret-s3cret-s3cr"}, "k1")
    sealer.blind("openid", OPENID)
    assert repr(sealer) == "Sealer(keys=['k1'], current='k1')"
    assert "s3cret" not in f"{sealer!r} {sealer}"
