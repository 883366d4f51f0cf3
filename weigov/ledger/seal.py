"""Sealing what is personal or secret (openids, tokens, callbacks), and hashing it for look-ups.

Envelope encryption: every value has its own data key, wrapped by the master key whose id stands in front of it, both
with AES-256-GCM. ``context`` names where a value belongs and is authenticated with it, so a sealed value moved to
another row does not open. Keeps no key itself and reads no environment: ``weigov.wiring`` brings the keys.

A sealed value:  1 | length of key id | key id | nonce 12 | wrapped data key 48 | nonce 12 | text and tag
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from weigov.errors import ConfigError

KEY_BYTES = 32
_FORMAT = 1  # AES-256-GCM; another number is another algorithm
_NAME = re.compile(r"[a-z0-9_]{1,16}")
_NONCE = 12
_WRAPPED = KEY_BYTES + 16


class Sealer:
    """Seals with the key called ``current``; opens with whichever key a value names.

    ``keys`` is oldest first. The first one makes the look-up hashes, for ever: to rotate, add a key at the end and
    keep the others.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        for name, key in keys.items():
            if not _NAME.fullmatch(name):
                raise ConfigError("a ledger key has a bad name; write NAME=BASE64 with a name like k1 (a-z, 0-9, _)")
            if len(key) != KEY_BYTES:
                raise ConfigError(f"ledger key {name} has {len(key)} bytes; it must have {KEY_BYTES}")
        if current not in keys:
            raise ConfigError(f"ledger key {current} is named as the current one but is not there")
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._current = current
        self._root = next(iter(keys.values()))
        self._blinders: dict[str, bytes] = {}

    @classmethod
    def from_text(cls, text: str) -> Sealer:
        """The sealer of ``BASE64`` (one key, called k1) or of ``k1=BASE64,k2=BASE64`` (oldest first, the last seals).

        Raises ConfigError, which never repeats the text.
        """
        keys: dict[str, bytes] = {}
        for place, part in enumerate(text.split(","), start=1):
            name, equals, encoded = part.strip().partition("=")
            if not equals or not encoded.strip("="):  # a bare key: its padding is no separator
                name, encoded = f"k{place}", part.strip()
            if name in keys:
                raise ConfigError("two ledger keys have the same name")
            try:
                keys[name] = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ConfigError(
                    f"ledger key {place} is not base64; make one with `openssl rand -base64 32`"
                ) from None
        return cls(keys, current=list(keys)[-1])

    def __repr__(self) -> str:
        return f"Sealer(keys={sorted(self._keys)}, current={self._current!r})"

    def seal(self, value: bytes, context: str) -> bytes:
        """``value`` so that only ``open`` with the same ``context`` gives it back."""
        name = self._current.encode()
        head = bytes([_FORMAT, len(name)]) + name
        data_key, wrap_nonce, nonce = AESGCM.generate_key(256), os.urandom(_NONCE), os.urandom(_NONCE)
        wrapped = self._keys[self._current].encrypt(wrap_nonce, data_key, head)
        return head + wrap_nonce + wrapped + nonce + AESGCM(data_key).encrypt(nonce, value, head + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """What ``seal`` was given. Raises ConfigError when our keys do not open it."""
        if len(sealed) < 2 or sealed[0] != _FORMAT:
            raise ConfigError("a sealed value in the ledger is not in a form this version knows; upgrade Weigov")
        start = 2 + sealed[1]
        head, name = sealed[:start], sealed[2:start].decode(errors="replace")
        key = self._keys.get(name)
        if key is None:
            raise ConfigError(f"the ledger holds values sealed with key {name}, which is not configured; add it")
        wrapped, text = start + _NONCE, start + _NONCE + _WRAPPED
        try:
            data_key = key.decrypt(sealed[start:wrapped], sealed[wrapped:text], head)
            body = text + _NONCE
            return AESGCM(data_key).decrypt(sealed[text:body], sealed[body:], head + context.encode())
        except (InvalidTag, ValueError):
            raise ConfigError(
                f"a value in the ledger does not open with key {name}: set the key this ledger was written with"
            ) from None

    def blind(self, purpose: str, value: str) -> str:
        """A keyed hash of ``value`` (64 hex digits) to look it up by; different for every ``purpose``."""
        blinder = self._blinders.get(purpose)
        if blinder is None:
            info = f"weigov blind {purpose}".encode()
            blinder = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._root)
            self._blinders[purpose] = blinder
        return hmac.new(blinder, value.encode(), hashlib.sha256).hexdigest()


def new_key() -> str:
    """A master key, as base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
