"""Mutual TLS against a real server that asks for a certificate."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.auth.certificates import Authority
from tests.adapters.auth.kinds import SECRET, served, system, titles
from weigov.errors import ConfigError, RemoteUnavailable
from weigov.ports import Connection

ROWS = json.dumps({"code": "0", "data": {"rows": [{"id": "1", "title": "标题"}]}}).encode()


class Far:
    """The far end, and who asked it."""

    def __init__(self, url: str, ca_file: Path) -> None:
        self.url, self.ca_file = url, ca_file
        self.callers: list[str] = []


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    authority = Authority()
    ca_file = authority.write(tmp_path)
    cert, key = authority.issue("server", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    it = Far("", ca_file)

    def answer(request: Any, body: bytes) -> Any:
        subject = dict(part[0] for part in request.connection.getpeercert()["subject"])
        it.callers.append(subject["commonName"])
        return 200, {}, ROWS

    with served(answer, context) as url:
        it.url = url
        yield it


def connection(far: Far, **extra: str) -> Connection:
    return Connection("gw", "", far.url, "weigov", SECRET, {"ca_file": str(far.ca_file)} | extra)


def test_a_server_that_asks_for_a_certificate_is_shown_ours(far: Far, tmp_path: Path) -> None:
    cert, key = Authority().issue("weigov", tmp_path)
    it = system(tmp_path, "kind: basic", connection(far, client_cert_file=str(cert), client_key_file=str(key)))
    assert titles(it) == ["标题"]
    it.close()
    assert far.callers == ["weigov"]


def test_without_a_certificate_such_a_server_does_not_let_us_in(far: Far, tmp_path: Path) -> None:
    it = system(tmp_path, "kind: basic", connection(far))
    with pytest.raises(RemoteUnavailable, match="could not be read"):
        titles(it)
    it.close()
    assert far.callers == []


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"client_cert_file": "CERT"}, "client_key_file is missing beside client_cert_file"),
        ({"client_key_file": "KEY"}, "client_cert_file is missing beside client_key_file"),
        (
            {"client_cert_file": "CERT", "client_key_file": "/nowhere"},
            "client_key_file names /nowhere, which",
        ),
        ({"client_cert_file": "KEY", "client_key_file": "CERT"}, "are no pair of PEM files"),
        ({"client_cert_file": "CERT", "client_key_file": "OTHER"}, "are no pair of PEM files"),
        ({"client_cert_file": "CERT", "client_key_file": "LOCKED"}, "are no pair of PEM files without a password"),
    ],
)
def test_a_certificate_of_no_use_is_named_before_anybody_is_called(
    far: Far, tmp_path: Path, extra: dict[str, str], why: str
) -> None:
    cert, key = Authority().issue("weigov", tmp_path)
    files = {"CERT": cert, "KEY": key, "OTHER": Authority().issue("other", tmp_path)[1]}
    files["LOCKED"] = Authority().issue("locked", tmp_path, password=b"geheim")[1]
    named = {name: str(files.get(value, value)) for name, value in extra.items()}
    with pytest.raises(ConfigError, match=f"connection gw: .*{why}"):
        system(tmp_path, "kind: basic", connection(far, **named))
    assert far.callers == []
