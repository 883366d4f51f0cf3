"""The examples of the reference, opened as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from adapters.outgoing import Outgoing
from tests.adapters.auth.certificates import Authority
from tests.adapters.auth.kinds import SECRET, opened
from tests.adapters.auth.test_sealed import EXTRA
from weigov.ports import Connection

PAGE = Path(__file__).parents[3] / "docs/reference/descriptor.md"
EXAMPLES = re.findall(r"(?:^ {4}auth:\n(?: {6,}\S.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_examples_of_what_is_hard_to_write() -> None:
    kinds = {kind for example in EXAMPLES for kind in re.findall(r"kind: (\w+)", example)}
    assert kinds == {"signed_params", "signed_headers", "login_token", "sealed_body", "wss_username", "wss_x509"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.findall(r"kind: (\w+)", text)[0])
def test_every_example_opens_with_a_connection_that_has_its_parts(example: str, tmp_path: Path) -> None:
    cert, key = Authority().issue("weigov", tmp_path)
    extra = EXTRA | {"sign_cert_file": str(cert), "sign_key_file": str(key)}
    rule = yaml.safe_load(example)["auth"]
    it = opened(rule, Connection("gw", "", "http://x", "weigov", SECRET, extra), fetch=lambda asked: lambda path: "t")
    out = Outgoing("POST", "http://x/api", body={"id": "7"})
    it.fill(out)
    assert SECRET not in repr(out) + repr(it)
