"""Signatures of gateways: parameters or a text in, a signature out. Pure; no clock, no network, no secret kept.

Chinese gateways agree on the idea (sort, join, add the secret, hash) and on nothing else: what is written between,
where the secret stands, whether empty values count, the case of the digits. Each of these is an option here, and
none has a value that fits all. Digests are ``cryptography``'s, SM3 (GB/T 32905-2016) among them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, hmac

Digest = Literal["md5", "sha1", "sha256", "sha512", "sm3"]
Algorithm = Literal[
    "md5", "sha1", "sha256", "sha512", "sm3", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512", "hmac-sm3"
]
Encoding = Literal["hex", "base64"]
Case = Literal["lower", "upper"]
SecretAt = Literal["suffix", "prefix", "both", "sorted", "none"]

#: MD5 and SHA-1 are what some systems still check; they prove little, and nothing here relies on them.
_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512, "sm3": hashes.SM3,
}  # fmt: skip
_MAC = "hmac-"


def digest(algorithm: str, data: bytes) -> bytes:
    """The digest of ``data``; ``algorithm`` is one of ``Digest``."""
    it = hashes.Hash(_HASHES[algorithm]())
    it.update(data)
    return it.finalize()


def signature(algorithm: str, text: bytes, secret: bytes) -> bytes:
    """``text`` signed: hashed, or with ``hmac-`` in front hashed with ``secret`` as the key."""
    if not is_mac(algorithm):
        return digest(algorithm, text)
    it = hmac.HMAC(secret, _HASHES[algorithm.removeprefix(_MAC)]())
    it.update(text)
    return it.finalize()


def is_mac(algorithm: str) -> bool:
    """Whether the secret is the key of the hash, and so no part of the text."""
    return algorithm.startswith(_MAC)


def digest_of(algorithm: str) -> str:
    """The digest an algorithm is made of."""
    return algorithm.removeprefix(_MAC)


def encoded(raw: bytes, encoding: Encoding, case: Case = "lower") -> str:
    """Bytes as a request carries them; ``case`` is of hex digits."""
    if encoding == "base64":
        return base64.b64encode(raw).decode()
    return raw.hex().upper() if case == "upper" else raw.hex()


def decoded(text: str, encoding: Encoding) -> bytes:
    """Undo ``encoded``. Raises ValueError."""
    return base64.b64decode("".join(text.split()), validate=True) if encoding == "base64" else bytes.fromhex(text)


def joined(
    params: Mapping[str, Any], *, secret: str = "", secret_at: SecretAt = "none", secret_name: str = "",
    pair: str = "=", between: str = "&", empty: Literal["drop", "keep"] = "drop", escape: bool = False,
) -> str:  # fmt: skip
    """The text that is signed: ``params`` by name in the order of their code points, and the secret where it belongs.

    With ``secret_name`` the secret stands there as a parameter (``&key=SECRET``), else bare. ``sorted`` puts it
    among the others. ``escape`` percent-encodes the values (RFC 3986).
    """
    texts = {name: written(value) for name, value in params.items()}
    if secret_at == "sorted":
        texts[secret_name] = secret
    parts = [
        f"{name}{pair}{quote(text, safe='-_.~', errors='surrogateescape') if escape else text}"
        for name, text in sorted(texts.items())
        if text or empty == "keep"
    ]
    text = between.join(parts)
    before, after = f"{secret_name}{pair}{secret}{between}", f"{between if text else ''}{secret_name}{pair}{secret}"
    if not secret_name:
        before = after = secret
    return (
        (before if secret_at in ("prefix", "both") else "")
        + text
        + (after if secret_at in ("suffix", "both") else "")
    )  # fmt: skip


def written(value: Any) -> str:
    """A parameter's value as text: nothing as '', true as ``true``, lists and mappings as compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
    return str(value)
