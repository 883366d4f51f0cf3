"""SM2 signatures with SM3 (GB/T 32918.2-2016) and SM4 bodies (GB/T 32907-2016): keys in, bytes in, bytes out.

The curve's arithmetic is gmssl's; everything around it is here, because gmssl draws its random numbers from a
generator that can be predicted, strips leading 0s and 4s off public keys, checks no ranges, and knows one user id.
SM3 and SM4 are ``cryptography``'s. Nothing here keeps a secret in a repr.
"""

from __future__ import annotations

import base64
import secrets
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.padding import PKCS7
from gmssl.sm2 import CryptSM2, default_ecc_table  # type: ignore[import-untyped]

from adapters.signing import digest

Form = Literal["raw", "der"]

#: What everybody signs under who agreed on nothing else (GM/T 0009-2012, 10).
USER_ID = b"1234567812345678"

_P, _N, _A, _B = (int(default_ecc_table[name], 16) for name in ("p", "n", "a", "b"))
_BLOCK_BITS = 128


class Signer:
    """A private key that signs."""

    def __init__(self, private_key: str, user_id: bytes = USER_ID) -> None:
        """``private_key``: 32 bytes as hex or base64. Raises ValueError."""
        secret = key_bytes(private_key).lstrip(b"\0")
        if not 0 < int.from_bytes(secret, "big") < _N - 1:
            raise ValueError("is no SM2 private key")
        self._curve = CryptSM2(secret.rjust(32, b"\0").hex(), "")
        self._public = self._curve._kg(int.from_bytes(secret, "big"), default_ecc_table["g"])
        self._user_id = user_id

    @property
    def public_key(self) -> str:
        """x and y as hex."""
        return str(self._public)

    def sign(self, message: bytes, form: Form = "raw", *, k: int | None = None) -> bytes:
        """r and s, 32 bytes each (``raw``), or as DER. ``k`` is drawn anew each time; only a test gives one."""
        e = _digest(message, self._public, self._user_id)
        while True:
            signed = self._curve.sign(e, f"{k or secrets.randbelow(_N - 1) + 1:064x}")
            if signed:
                break
        raw = bytes.fromhex(signed)
        if form == "raw":
            return raw
        return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


class Verifier:
    """A public key that verifies."""

    def __init__(self, public_key: str, user_id: bytes = USER_ID) -> None:
        """``public_key``: x and y, with or without the leading 04, as hex or base64. Raises ValueError."""
        point = key_bytes(public_key)
        if len(point) == 65 and point[0] == 4:
            point = point[1:]
        x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
        if len(point) != 64 or (y * y - (x * x * x + _A * x + _B)) % _P:
            raise ValueError("is no SM2 public key")
        self._curve = CryptSM2("", "")
        self._curve.public_key = self._public = point.hex()
        self._user_id = user_id

    def verify(self, message: bytes, signature: bytes, form: Form = "raw") -> bool:
        try:
            if form == "der":
                r, s = decode_dss_signature(signature)
            elif len(signature) == 64:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            else:
                return False
        except ValueError:
            return False
        if not (0 < r < _N and 0 < s < _N) or (r + s) % _N == 0:
            return False
        return bool(self._curve.verify(f"{r:064x}{s:064x}", _digest(message, self._public, self._user_id)))


def encrypt(key: bytes, plain: bytes, iv: bytes | None = None) -> bytes:
    """SM4 with PKCS#7 padding: ECB, or CBC when there is an ``iv``."""
    padder = PKCS7(_BLOCK_BITS).padder()
    it = Cipher(SM4(key), CBC(iv) if iv is not None else ECB()).encryptor()
    return it.update(padder.update(plain) + padder.finalize()) + it.finalize()


def decrypt(key: bytes, secret: bytes, iv: bytes | None = None) -> bytes:
    """Undo ``encrypt``. Raises ValueError when it is not ours to read."""
    it = Cipher(SM4(key), CBC(iv) if iv is not None else ECB()).decryptor()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(it.update(secret) + it.finalize()) + unpadder.finalize()


def key_bytes(text: str) -> bytes:
    """A key as connections hold it, hex or base64, as bytes. Raises ValueError."""
    text = "".join(text.split())
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("is neither hex nor base64") from None


def _digest(message: bytes, public_key: str, user_id: bytes) -> bytes:
    """What is signed: SM3 over the signer's identity (Z) and the message."""
    curve = "".join(default_ecc_table[name] for name in ("a", "b", "g"))
    z = digest("sm3", (len(user_id) * 8).to_bytes(2, "big") + user_id + bytes.fromhex(curve + public_key))
    return digest("sm3", z + message)
