"""WS-Security headers: the digest by hand, and signatures checked by somebody else's verifier and by hand."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import signxml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID
from lxml import etree

from adapters.auth import wsse

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
NS = {"e": SOAP11, "wsse": wsse.WSSE, "wsu": wsse.WSU, "ds": wsse.DS}


def envelope(soap: str = SOAP11, header: str = "") -> Any:
    return etree.fromstring(
        f'<e:Envelope xmlns:e="{soap}" xmlns:unused="urn:unused">{header}'
        '<e:Body><a:Get xmlns:a="urn:items" b="2" a="1">通知 &amp; 公告<!-- c --></a:Get></e:Body></e:Envelope>'
    )


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weigov")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    it = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return it.not_valid_before(day).not_valid_after(day + timedelta(days=36500)).sign(key, hashes.SHA256())


def signed(key: RSAPrivateKey, certificate: x509.Certificate, algorithm: str = "rsa-sha256") -> Any:
    it = envelope()
    header = wsse.security(it, must_understand=True)
    stamp = wsse.add_timestamp(header, "2026-01-05T01:30:15Z", "2026-01-05T01:35:15Z")
    der = certificate.public_bytes(serialization.Encoding.DER)
    wsse.add_signature(header, (it[-1], stamp), wsse.Identity(der, key), algorithm, ["id-t", "id-b", "id-s"])
    return etree.fromstring(etree.tostring(it, xml_declaration=True, encoding="utf-8"))  # as the other side gets it


def test_a_password_digest_is_the_one_calculated_by_hand() -> None:
    # UsernameToken Profile 1.1, 3.1: Base64(SHA-1(nonce + created + password));
    # printf '0123456789abcdef2026-01-05T01:30:15Zgeheim' | openssl dgst -sha1 -binary | base64
    assert wsse.password_digest(b"0123456789abcdef", "2026-01-05T01:30:15Z", "geheim") == (
        "fFqNzcfxml6AMrJIWQPcKlYrImw="
    )


def test_a_username_token_carries_text_or_a_digest() -> None:
    it = envelope()
    header = wsse.security(it, must_understand=False)
    wsse.add_username(header, "weigov", "geheim", digest=False, nonce=None, created=None)
    wsse.add_username(header, "w", "geheim", digest=True, nonce=b"n" * 16, created="2026-01-05T01:30:15Z")
    text, digest = it.findall(".//wsse:UsernameToken", NS)
    assert [child.tag.rpartition("}")[2] for child in text] == ["Username", "Password"]
    assert text[1].text == "geheim" and text[1].get("Type").endswith("#PasswordText")
    assert [child.tag.rpartition("}")[2] for child in digest] == ["Username", "Password", "Nonce", "Created"]
    assert digest[1].get("Type").endswith("#PasswordDigest")
    nonce, created = base64.b64decode(digest[2].text), digest[3].text
    assert base64.b64decode(digest[1].text) == hashlib.sha1(nonce + created.encode() + b"geheim").digest()
    assert "geheim" not in etree.tostring(digest, encoding="unicode")


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize("header", ["", "<e:Header><x/></e:Header>"])
def test_the_header_is_made_once_and_stands_before_the_body(soap: str, header: str) -> None:
    it = envelope(soap, header)
    first = wsse.security(it, must_understand=True)
    assert wsse.security(it, must_understand=True) is first
    assert first.get(f"{{{soap}}}mustUnderstand") == "1"
    assert [etree.QName(child).localname for child in it] == ["Header", "Body"]


@pytest.mark.parametrize(
    ("algorithm", "signature", "digest"),
    [("rsa-sha256", "RSA_SHA256", "SHA256"), ("rsa-sha1", "RSA_SHA1", "SHA1")],
)
def test_signxml_verifies_what_we_sign(
    key: RSAPrivateKey, certificate: x509.Certificate, algorithm: str, signature: str, digest: str
) -> None:
    it = signed(key, certificate, algorithm)
    expect = signxml.SignatureConfiguration(
        require_x509=False,
        expect_references=2,
        signature_methods=frozenset([signxml.SignatureMethod[signature]]),
        digest_algorithms=frozenset([signxml.DigestAlgorithm[digest]]),
    )
    results = signxml.XMLVerifier().verify(
        it, x509_cert=certificate, id_attribute="Id", expect_config=expect, validate_schema=False
    )
    assert {etree.QName(one.signed_xml).localname for one in results} == {"Body", "Timestamp"}


def test_the_signature_is_rsa_over_the_canonical_info_and_the_info_names_what_was_signed(
    key: RSAPrivateKey, certificate: x509.Certificate
) -> None:
    it = signed(key, certificate)
    token = it.find(".//wsse:BinarySecurityToken", NS)
    public = x509.load_der_x509_certificate(base64.b64decode(token.text)).public_key()
    info = it.find(".//ds:SignedInfo", NS)
    value = base64.b64decode(it.findtext(".//ds:SignatureValue", namespaces=NS))
    public.verify(value, etree.tostring(info, method="c14n", exclusive=True), PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr,call-arg]
    pointer = it.find(".//wsse:SecurityTokenReference/wsse:Reference", NS)
    assert pointer.get("URI") == "#" + token.get(f"{{{wsse.WSU}}}Id")
    parts = {part.get(f"{{{wsse.WSU}}}Id"): part for part in it.iter() if part.get(f"{{{wsse.WSU}}}Id")}
    for reference in info.findall("ds:Reference", NS):
        written = etree.tostring(parts[reference.get("URI")[1:]], method="c14n", exclusive=True, with_comments=False)
        digest = base64.b64encode(hashlib.sha256(written).digest()).decode()
        assert reference.findtext("ds:DigestValue", namespaces=NS) == digest


def test_canonical_xml_is_the_published_one() -> None:
    # Exclusive XML Canonicalization 1.0, 2.2: the namespaces of the surroundings stay outside.
    outer = etree.fromstring(
        '<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" '
        'xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>'
    )
    assert wsse.canonical(outer[0]) == (
        b'<n1:elem2 xmlns:n1="http://example.net" xml:lang="en">'
        b'<n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>'
    )


@pytest.mark.parametrize("where", [".//{urn:items}Get", f".//{{{wsse.WSU}}}Expires"])
def test_what_is_changed_on_the_way_no_longer_verifies(
    key: RSAPrivateKey, certificate: x509.Certificate, where: str
) -> None:
    it = signed(key, certificate)
    it.find(where).text = "2027-01-05T01:35:15Z"
    expect = signxml.SignatureConfiguration(require_x509=False, expect_references=2)
    with pytest.raises((signxml.InvalidDigest, InvalidSignature)):
        signxml.XMLVerifier().verify(
            it, x509_cert=certificate, id_attribute="Id", expect_config=expect, validate_schema=False
        )


def test_an_identity_does_not_show_its_key(key: RSAPrivateKey, certificate: x509.Certificate) -> None:
    assert repr(wsse.Identity(b"certificate", key)) == "Identity()"
