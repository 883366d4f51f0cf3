"""Signatures and the envelope of callbacks in safe mode (安全模式).

signature      sha1 over the sorted token, timestamp and nonce (for a message: and its ciphertext), compared in
               constant time
envelope       AES-256-CBC with the first half of the key as IV, PKCS7 to blocks of 32; inside: 16 random bytes, the
               length as 4 bytes big-endian, the text, the appid

wechatpy's own does neither compare in constant time nor look at the padding, so this stands on ``cryptography``.
Source: developers.weixin.qq.com/doc/oplatform, "Message encryption and decryption".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from weigov.errors import CallbackRejected

_BLOCK = 32


def sign(*parts: str) -> str:
    """The signature WeChat puts on ``parts`` (the callback token among them)."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def is_signed(signature: str, *parts: str) -> bool:
    """Whether ``signature`` is that of ``parts``; takes the same time wherever they differ."""
    return hmac.compare_digest(sign(*parts).encode(), signature.encode("utf-8", "replace"))


def decrypt(ciphertext: str, aes_keys: Sequence[str], appid: str) -> bytes:
    """The text inside ``ciphertext``, by whichever of ``aes_keys`` (the present one, then older ones) opens it.

    Raises CallbackRejected when none does, or when it was meant for another appid.
    """
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
    except (binascii.Error, ValueError):
        raise CallbackRejected("the ciphertext is not base64") from None
    if not sealed or len(sealed) % 16:
        raise CallbackRejected("the ciphertext has a wrong length")
    reason = "no EncodingAESKey is configured"
    for key in aes_keys:
        opened = _open(sealed, _key(key))
        if opened is None:
            reason = "no configured EncodingAESKey opens it; compare with the one in WeChat's console"
        elif opened[1] != appid.encode():
            reason = "it is meant for another appid"
        else:
            return opened[0]
    raise CallbackRejected(reason)


def encrypt(text: bytes, aes_key: str, appid: str, *, random16: bytes | None = None) -> str:
    """``text`` sealed for ``appid``, as base64. ``random16`` is given only to reproduce a known answer."""
    key = _key(aes_key)
    plain = (random16 or os.urandom(16)) + struct.pack(">I", len(text)) + text + appid.encode()
    padding = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def _key(aes_key: str) -> bytes:
    return base64.b64decode(aes_key + "=")


def _open(sealed: bytes, key: bytes) -> tuple[bytes, bytes] | None:
    """(text, appid), or None when this is not the key."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    padding = plain[-1]
    if not 1 <= padding <= _BLOCK or plain[-padding:] != bytes([padding]) * padding or len(plain) - padding < 20:
        return None
    length = struct.unpack(">I", plain[16:20])[0]
    rest = plain[20:-padding]
    return (rest[:length], rest[length:]) if length <= len(rest) else None
