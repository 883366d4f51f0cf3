"""What really leaves: an envelope whose signature still holds, and no secret in a log."""

from __future__ import annotations

import logging
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import signxml
from lxml import etree

from adapters import open_system
from adapters.auth import wsse
from adapters.descriptor import load_descriptor
from tests.adapters.auth.certificates import Authority
from tests.adapters.auth.kinds import SECRET, Answer, served, system, titles
from tests.adapters.upstream import SAMPLES, SOAP
from weigov.errors import RemoteRefused
from weigov.ports import Connection

WSS = """auth:
  - {kind: body_params, login: user, password: secret}
  - {kind: wss_username, password: digest}
  - {kind: wss_x509}
"""


def test_an_envelope_arrives_with_its_signature_whole(tmp_path: Path) -> None:
    cert, key = Authority().issue("weigov", tmp_path)
    file = tmp_path / "items.yaml"
    file.write_text(SOAP.replace("auth: {kind: body_params, login: user, password: secret}\n", WSS), encoding="utf-8")
    (tmp_path / "items.wsdl").write_bytes((SAMPLES / "items.wsdl").read_bytes())
    bodies: list[bytes] = []

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        bodies.append(body)
        return 200, {"Content-Type": "text/xml"}, SAVED

    with served(answer) as url:
        extra = {"sign_cert_file": str(cert), "sign_key_file": str(key)}
        it = open_system("items", load_descriptor(file), Connection("gw", "", url, "weigov", SECRET, extra))
        assert it.write("save", {"id": "7", "state": "通知 & 公告"}, key="k").remote_id == "R1"
        it.close()
    envelope = etree.fromstring(bodies[0])
    results = signxml.XMLVerifier().verify(
        envelope,
        x509_cert=cert.read_text(),
        id_attribute="Id",
        validate_schema=False,
        expect_config=signxml.SignatureConfiguration(require_x509=False, expect_references=2),
    )
    signed = {etree.QName(one.signed_xml).localname: one.signed_xml for one in results}
    assert set(signed) == {"Body", "Timestamp"}
    assert "通知 & 公告" in signed["Body"].itertext()
    header = envelope.find(f".//{{{wsse.WSSE}}}Security")
    assert SECRET not in etree.tostring(header, encoding="unicode")  # a digest is what stands for it there


SAVED = b"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Reply>
<code>0</code><ref>R1</ref></Reply></e:Body></e:Envelope>"""


def test_a_key_in_the_address_shows_in_no_log_and_no_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        asked.append(request.path)
        return 404, {}, b"{}"

    with served(answer) as url:
        it = system(tmp_path, "{kind: api_key, query: key}", Connection("gw", "", url, "weigov", SECRET))
        with pytest.raises(RemoteRefused) as caught:
            titles(it)
        it.close()
    assert asked == [f"/items?key={SECRET}"]
    assert SECRET not in str(caught.value) + repr(caught.value) + caplog.text
