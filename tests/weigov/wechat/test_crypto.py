"""The envelope: what we seal opens, and what anybody touched does not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weigov.wechat.fake import AES_KEY
from weigov.errors import CallbackRejected
from weigov.wechat.crypto import decrypt, encrypt, is_signed, sign

APPID = "wx00000000000000aa"
OTHER_KEY = "P" * 43


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again(text: bytes) -> None:
    assert decrypt(encrypt(text, AES_KEY, APPID), [AES_KEY], APPID) == text


def test_a_known_text_gives_a_known_envelope() -> None:
    """Our own vector, made once with openssl (aes-256-cbc, blocks of 32 padded by hand)."""
    sealed = encrypt("市政府：公示".encode(), AES_KEY, APPID, random16=b"0123456789abcdef")
    assert len(base64.b64decode(sealed)) == 64
    assert sealed == VECTOR


def test_the_previous_key_is_still_accepted_and_a_strange_one_is_not() -> None:
    sealed = encrypt(b"x", OTHER_KEY, APPID)
    assert decrypt(sealed, [AES_KEY, OTHER_KEY], APPID) == b"x"
    with pytest.raises(CallbackRejected, match="no configured EncodingAESKey opens it"):
        decrypt(sealed, [AES_KEY], APPID)
    with pytest.raises(CallbackRejected, match="no EncodingAESKey is configured"):
        decrypt(sealed, [], APPID)


def test_another_appids_envelope_is_refused() -> None:
    with pytest.raises(CallbackRejected, match="another appid"):
        decrypt(encrypt(b"x", AES_KEY, "wxother"), [AES_KEY], APPID)


@pytest.mark.parametrize("text", ["", "!!!", "AAAA", "A" * 23, "A" * 64, "中"])
def test_what_is_no_envelope_is_refused(text: str) -> None:
    with pytest.raises(CallbackRejected):
        decrypt(text, [AES_KEY], APPID)


@given(st.integers(min_value=0, max_value=8 * 96 - 1))
def test_a_flipped_bit_never_gives_another_text_of_another_length(bit: int) -> None:
    text = b"t" * 50
    sealed = bytearray(base64.b64decode(encrypt(text, AES_KEY, APPID, random16=b"0" * 16)))
    sealed[bit // 8] ^= 1 << bit % 8
    try:
        opened = decrypt(base64.b64encode(sealed).decode(), [AES_KEY], APPID)
    except CallbackRejected:
        return
    assert len(opened) == len(text)  # CBC alone hides no tampering; the signature does


def test_a_signature_does_not_depend_on_the_order_and_fails_on_any_change() -> None:
    signature = sign("token", "1714036504", "nonce")
    assert signature == sign("nonce", "token", "1714036504")
    assert is_signed(signature, "token", "1714036504", "nonce")
    assert not is_signed(signature, "token", "1714036505", "nonce")
    assert not is_signed("", "token", "1714036504", "nonce")
    assert not is_signed("é\udcff", "token", "1714036504", "nonce")


VECTOR = "fqF4T0stDL6azGCICb/cKvyNccZD8/Sv228k3fnmeAZKAGYuEZwavbPSFfbxdlDUcXJxYYvscgLJG2d9ABFoRw=="
