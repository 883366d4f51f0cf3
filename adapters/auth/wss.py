"""WS-Security kinds: what goes into the Security header of each envelope. How it is built: ``wsse``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

from adapters import times, vocabulary
from adapters.auth import wsse
from adapters.auth.base import Given, NoAuth
from adapters.outgoing import Outgoing

_written = times.writer("iso", "")
_NONCE_BYTES = 16


class WssUsername(NoAuth):
    """Login and password as a UsernameToken."""

    def __init__(self, rule: vocabulary.WssUsernameAuth, given: Given) -> None:
        self._rule, self._given = rule, given
        self._login, self._password = given.part("login"), given.part("password")

    def sign(self, out: Outgoing) -> None:
        rule, now = self._rule, self._given.now()
        header = wsse.security(out.envelope, must_understand=rule.must_understand)
        digest = rule.password == "digest"
        wsse.add_username(
            header, self._login, self._password, digest=digest,
            nonce=self._given.random(_NONCE_BYTES) if digest or rule.nonce else None,
            created=str(_written(now)) if digest or rule.created else None,
        )  # fmt: skip
        if rule.timestamp_s is not None:
            wsse.add_timestamp(header, str(_written(now)), str(_written(now + timedelta(seconds=rule.timestamp_s))))


class WssX509(NoAuth):
    """Body and Timestamp signed with our certificate's key."""

    def __init__(self, rule: vocabulary.WssX509Auth, given: Given) -> None:
        self._rule, self._given = rule, given
        self._identity = _identity(given)

    def sign(self, out: Outgoing) -> None:
        rule, now = self._rule, self._given.now()
        header = wsse.security(out.envelope, must_understand=rule.must_understand)
        stamp = header.find(f"{{{wsse.WSU}}}Timestamp")
        if stamp is None:
            until = now + timedelta(seconds=rule.timestamp_s)
            stamp = wsse.add_timestamp(header, str(_written(now)), str(_written(until)))
        body: Any = out.envelope.find(f"{{{etree.QName(out.envelope).namespace}}}Body")
        ids = [f"id-{self._given.random(_NONCE_BYTES).hex()}" for _ in range(3)]
        wsse.add_signature(header, (body, stamp), self._identity, rule.algorithm, ids)


def _identity(given: Given) -> wsse.Identity:
    certificate = _read(given, "sign_cert_file")
    pem = _read(given, "sign_key_file")
    passphrase = given.connection.extra.get("sign_key_passphrase")
    try:
        cert = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        raise given.unfit("sign_cert_file", "holds no PEM certificate") from None
    try:
        key = load_pem_private_key(pem, str(passphrase).encode() if passphrase else None)
    except (ValueError, TypeError):
        raise given.unfit(
            "sign_key_file", "holds no PEM key that can be read (does sign_key_passphrase fit?)"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise given.unfit("sign_key_file", "holds no RSA key")
    if key.public_key() != cert.public_key():
        raise given.unfit("sign_key_file", "does not belong to sign_cert_file")
    return wsse.Identity(cert.public_bytes(Encoding.DER), key)


def _read(given: Given, name: str) -> bytes:
    path = given.extra(name)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise given.unfit(name, f"cannot be read: {path}: {error.strerror}") from None
