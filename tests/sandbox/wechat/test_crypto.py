"""The safe mode, against itself and against recorded vectors."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.wechat import crypto

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
VECTORS = Path(__file__).parents[4] / "shared/fixtures/wechat/crypto"


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 31, 32, 33, 5000])
def test_a_message_comes_out_as_it_went_in(length: int) -> None:
    message = "市" * length
    encrypted = crypto.encrypt(message, "wx5a9d0c17e3b84f26", KEY)
    assert len(base64.b64decode(encrypted)) % 32 == 0
    assert crypto.decrypt(encrypted, "wx5a9d0c17e3b84f26", KEY) == message


def test_a_message_for_another_account_is_refused() -> None:
    with pytest.raises(ValueError, match="another account"):
        crypto.decrypt(crypto.encrypt("x", "wx1", KEY), "wx2", KEY)


def test_the_signature_does_not_depend_on_the_order_of_its_parts() -> None:
    assert crypto.sign("b", "a", "c") == crypto.sign("c", "b", "a")
    assert crypto.sign("a", "b") != crypto.sign("a", "c")


def _vector(name: str) -> dict[str, Any]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"no recorded vectors at {VECTORS.name}")
    vector: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return vector


@pytest.mark.interop
def test_the_recorded_url_verification_is_signed_as_we_sign() -> None:
    v = _vector("doc_url_verify.json")
    assert crypto.sign(v["token"], v["timestamp"], v["nonce"]) == v["signature"]


@pytest.mark.interop
@pytest.mark.parametrize("name", ["wxbizmsgcrypt_short.json", "doc_safe_mode_json_in.json"])
def test_a_recorded_message_is_decrypted_and_encrypted_again_byte_for_byte(name: str) -> None:
    v = _vector(name)
    assert crypto.decrypt(v["encrypt"], v["app_id"], v["encoding_aes_key"]) == v["plaintext"]
    again = crypto.encrypt(v["plaintext"], v["app_id"], v["encoding_aes_key"], v["random16"].encode())
    assert again == v["encrypt"]
