"""WS-Security inside an envelope: UsernameToken, Timestamp, and an X.509 signature. Pure but for the key it is given.

Rules: OASIS Web Services Security 1.1 (SOAP Message Security, UsernameToken Profile, X.509 Token Profile) and XML
Signature. zeep's own signatures need xmlsec, a library in C; canonical XML is lxml's and RSA is ``cryptography``'s,
so what is left to write is this file.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
_USERNAME = f"{_OASIS}username-token-profile-1.0#"
_BASE64 = f"{_OASIS}soap-message-security-1.0#Base64Binary"
_X509 = f"{_OASIS}x509-token-profile-1.0#X509v3"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ID = f"{{{WSU}}}Id"

#: algorithm → its URI, its digest's URI, the hash.
_ALGORITHMS: dict[str, tuple[str, str, type[hashes.HashAlgorithm]]] = {
    "rsa-sha256": (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        hashes.SHA256,
    ),
    "rsa-sha1": (f"{DS}rsa-sha1", f"{DS}sha1", hashes.SHA1),  # what old stacks offer
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate (DER) and its private key."""

    certificate: bytes = field(repr=False)
    key: RSAPrivateKey = field(repr=False)


def security(envelope: Any, *, must_understand: bool) -> Any:
    """The envelope's Security header, made where there is none."""
    soap = etree.QName(envelope).namespace
    header = envelope.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    found = header.find(f"{{{WSSE}}}Security")
    if found is None:
        found = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
        if must_understand:
            found.set(f"{{{soap}}}mustUnderstand", "1")
    return found


def add_timestamp(security: Any, created: str, expires: str) -> Any:
    """A Timestamp, at the head of the header: some stacks read in order."""
    stamp = etree.Element(f"{{{WSU}}}Timestamp", nsmap={"wsu": WSU})
    _child(stamp, WSU, "Created", created)
    _child(stamp, WSU, "Expires", expires)
    security.insert(0, stamp)
    return stamp


def add_username(
    security: Any, login: str, password: str, *, digest: bool, nonce: bytes | None, created: str | None
) -> None:
    """A UsernameToken. A digest needs both ``nonce`` and ``created``."""
    token = _child(security, WSSE, "UsernameToken")
    _child(token, WSSE, "Username", login)
    shown = password_digest(nonce or b"", created or "", password) if digest else password
    _child(token, WSSE, "Password", shown).set("Type", _USERNAME + ("PasswordDigest" if digest else "PasswordText"))
    if nonce is not None:
        _child(token, WSSE, "Nonce", base64.b64encode(nonce).decode()).set("EncodingType", _BASE64)
    if created is not None:
        _child(token, WSU, "Created", created)


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)): UsernameToken Profile 1.1, 3.1."""
    return base64.b64encode(_hashed(hashes.SHA1, nonce + created.encode() + password.encode())).decode()


def add_signature(
    security: Any, parts: Sequence[Any], identity: Identity, algorithm: str, ids: Sequence[str]
) -> None:
    """The certificate as a BinarySecurityToken, and a signature over ``parts``.

    ``ids`` are fresh XML names, one for the token and one for each part that has no wsu:Id yet.
    """
    signature_uri, digest_uri, hash_ = _ALGORITHMS[algorithm]
    token = _child(security, WSSE, "BinarySecurityToken", base64.b64encode(identity.certificate).decode())
    token.set("EncodingType", _BASE64)
    token.set("ValueType", _X509)
    token.set(_ID, ids[0])
    signature = etree.SubElement(security, f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = _child(signature, DS, "SignedInfo")
    _child(info, DS, "CanonicalizationMethod").set("Algorithm", _EXCLUSIVE)
    _child(info, DS, "SignatureMethod").set("Algorithm", signature_uri)
    for part, fresh in zip(parts, ids[1:], strict=True):
        if part.get(_ID) is None:
            part.set(_ID, fresh)
        reference = _child(info, DS, "Reference")
        reference.set("URI", f"#{part.get(_ID)}")
        _child(_child(reference, DS, "Transforms"), DS, "Transform").set("Algorithm", _EXCLUSIVE)
        _child(reference, DS, "DigestMethod").set("Algorithm", digest_uri)
        _child(reference, DS, "DigestValue", base64.b64encode(_hashed(hash_, canonical(part))).decode())
    value = identity.key.sign(canonical(info), PKCS1v15(), hash_())
    _child(signature, DS, "SignatureValue", base64.b64encode(value).decode())
    reference = _child(_child(signature, DS, "KeyInfo"), WSSE, "SecurityTokenReference")
    pointer = _child(reference, WSSE, "Reference")
    pointer.set("URI", f"#{ids[0]}")
    pointer.set("ValueType", _X509)


def canonical(element: Any) -> bytes:
    """Exclusive XML Canonicalization 1.0 of an element where it stands."""
    written: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return written


def _child(parent: Any, namespace: str, name: str, text: str | None = None) -> Any:
    child = etree.SubElement(parent, f"{{{namespace}}}{name}")
    child.text = text
    return child


def _hashed(hash_: type[hashes.HashAlgorithm], data: bytes) -> bytes:
    it = hashes.Hash(hash_())
    it.update(data)
    return it.finalize()
