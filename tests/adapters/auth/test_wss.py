"""WS-Security kinds: what the connection must hold, and what the envelope then holds."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import signxml
from lxml import etree

from adapters.auth import wsse
from adapters.outgoing import Outgoing
from tests.adapters.auth.certificates import Authority
from tests.adapters.auth.kinds import SECRET, opened, sent
from weigov.errors import ConfigError
from weigov.ports import Connection

NS = {"wsse": wsse.WSSE, "wsu": wsse.WSU}


def out() -> Outgoing:
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    envelope = etree.fromstring(f'<e:Envelope xmlns:e="{soap}"><e:Body><a/></e:Body></e:Envelope>')
    return Outgoing("POST", "http://x", envelope=envelope)


@pytest.mark.parametrize(
    ("more", "parts", "password"),
    [
        ("", ["Username", "Password"], "geheim"),
        (", nonce: true, created: true", ["Username", "Password", "Nonce", "Created"], "geheim"),
        # printf '0123456789abcdef2026-01-05T01:30:15Zgeheim' | openssl dgst -sha1 -binary | base64
        (", password: digest", ["Username", "Password", "Nonce", "Created"], "fFqNzcfxml6AMrJIWQPcKlYrImw="),
    ],
)
def test_login_and_password_stand_in_the_header(more: str, parts: list[str], password: str) -> None:
    envelope = sent(opened(f"{{kind: wss_username{more}}}"), out()).envelope
    token = envelope.find(".//wsse:UsernameToken", NS)
    assert [etree.QName(child).localname for child in token] == parts
    assert (token[0].text, token[1].text) == ("weigov", password)
    if "Nonce" in parts:
        assert base64.b64decode(token.findtext("wsse:Nonce", namespaces=NS)) == b"0123456789abcdef"
        assert token.findtext("wsu:Created", namespaces=NS) == "2026-01-05T01:30:15Z"
    assert envelope.find(".//wsu:Timestamp", NS) is None


def test_a_timestamp_says_from_when_to_when() -> None:
    envelope = sent(opened("{kind: wss_username, timestamp_s: 60}"), out()).envelope
    assert [child.text for child in envelope.find(".//wsu:Timestamp", NS)] == [
        "2026-01-05T01:30:15Z",
        "2026-01-05T01:31:15Z",
    ]


@pytest.fixture
def identity(tmp_path: Path) -> dict[str, str]:
    cert, key = Authority().issue("weigov", tmp_path)
    return {"sign_cert_file": str(cert), "sign_key_file": str(key)}


def connection(extra: dict[str, Any]) -> Connection:
    return Connection("gw", "", "http://x", "weigov", SECRET, extra)


@pytest.mark.parametrize("rule", ["{kind: wss_x509}", "[{kind: wss_username, timestamp_s: 60}, {kind: wss_x509}]"])
def test_body_and_timestamp_are_signed(rule: str, identity: dict[str, str]) -> None:
    it = opened(rule, connection(identity), random=os.urandom)
    envelope = etree.fromstring(etree.tostring(sent(it, out()).envelope))
    results = signxml.XMLVerifier().verify(
        envelope,
        x509_cert=Path(identity["sign_cert_file"]).read_text(),
        id_attribute="Id",
        validate_schema=False,
        expect_config=signxml.SignatureConfiguration(require_x509=False, expect_references=2),
    )
    assert {etree.QName(one.signed_xml).localname for one in results} == {"Body", "Timestamp"}
    assert len(envelope.findall(".//wsu:Timestamp", NS)) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sign_cert_file": ""}, "has no sign_cert_file in its extra"),
        ({"sign_key_file": "/nowhere/key.pem"}, "sign_key_file cannot be read: /nowhere/key.pem: No such file"),
        ({"sign_cert_file": "KEY"}, "sign_cert_file holds no PEM certificate"),
        ({"sign_key_file": "CERT"}, "sign_key_file holds no PEM key that can be read"),
        ({"sign_key_file": "OTHER"}, "sign_key_file does not belong to sign_cert_file"),
    ],
)
def test_a_certificate_of_no_use_is_named_when_the_system_is_opened(
    change: dict[str, str], why: str, identity: dict[str, str], tmp_path: Path
) -> None:
    files = {"KEY": identity["sign_key_file"], "CERT": identity["sign_cert_file"]}
    files["OTHER"] = str(Authority().issue("other", tmp_path)[1])
    extra = identity | {name: files.get(value, value) for name, value in change.items()}
    with pytest.raises(ConfigError, match=f"connection gw:? .*{why}" if "has no" not in why else why):
        opened("{kind: wss_x509}", connection(extra))
