"""The safe mode of callbacks: signatures, and messages in AES-256-CBC. (Rulebook §6.)

Written here, apart from the product's own, so that the two check each other.
"""

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def key_of(encoding_aes_key: str) -> bytes:
    key = base64.b64decode(encoding_aes_key + "=")
    if len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 characters")
    return key


def encrypt(message: str, appid: str, encoding_aes_key: str, random16: bytes | None = None) -> str:
    """random16 + length (4 bytes, big-endian) + message + appid, padded to 32, in base64."""
    key = key_of(encoding_aes_key)
    text = message.encode()
    plain = (random16 or os.urandom(16)) + struct.pack(">I", len(text)) + text + appid.encode()
    padding = BLOCK - len(plain) % BLOCK
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(cipher.update(plain + bytes([padding]) * padding) + cipher.finalize()).decode()


def decrypt(encrypted: str, appid: str, encoding_aes_key: str) -> str:
    """The message within; ValueError if it is not for ``appid``."""
    key = key_of(encoding_aes_key)
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    padded = cipher.update(base64.b64decode(encrypted)) + cipher.finalize()
    plain = padded[: -padded[-1]]
    (length,) = struct.unpack(">I", plain[16:20])
    if plain[20 + length :].decode() != appid:
        raise ValueError("encrypted for another account")
    return plain[20 : 20 + length].decode()
