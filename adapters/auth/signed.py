"""Kinds that sign each call with a secret both sides know. How a signature is made: ``signing``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from adapters import signing, template, vocabulary
from adapters.auth.base import Given, NoAuth
from adapters.outgoing import Outgoing


class SignedParams(NoAuth):
    """A signature over the sorted parameters, sent as one more of them."""

    def __init__(self, rule: vocabulary.SignedParamsAuth, given: Given) -> None:
        self._rule, self._given = rule, given
        self._login = given.part("login") if "login" in template.holes(rule.params) else ""
        self._secret = given.part("password")
        bare = vocabulary.SecretRule(at="none" if signing.is_mac(rule.algorithm) else "suffix")
        self._secret_rule = rule.secret or bare

    def fill(self, out: Outgoing) -> None:
        rule = self._rule
        values = {
            "login": self._login,
            "timestamp": self._given.timestamp(rule.timestamp),
            "nonce": self._given.nonce(rule.nonce),
        }
        ours = template.fill(rule.params, values.__getitem__)
        covered: dict[str, Any] = {}
        for place in rule.covers:
            values = out.query if place == "query" else out.body
            if place == "query" or out.form:
                _as_signed(values)
            covered |= values
        covered |= ours
        for name in (rule.sign, *rule.leave_out):
            covered.pop(name, None)
        text = signing.joined(
            covered, secret=self._secret, secret_at=self._secret_rule.at, secret_name=self._secret_rule.name,
            pair=rule.pair, between=rule.between, empty=rule.empty, escape=rule.escape,
        )  # fmt: skip
        raw = signing.signature(
            rule.algorithm, text.encode(errors="surrogateescape"), self._secret.encode()
        )  # fmt: skip
        target: dict[str, Any] = {"query": out.query, "body": out.body, "header": out.headers}[rule.in_]
        target.update(ours)
        target[rule.sign] = signing.encoded(raw, rule.encoding, rule.case)


class SignedHeaders(NoAuth):
    """A signature over a text of closed words (the moment, the secret, the body…), in headers."""

    def __init__(self, rule: vocabulary.SignedHeadersAuth, given: Given) -> None:
        self._rule, self._given = rule, given
        self._login = given.part("login") if "login" in template.holes([rule.text, rule.headers]) else ""
        self._secret = given.part("password")

    def sign(self, out: Outgoing) -> None:
        rule = self._rule
        body = _bytes_of(out)
        digest = signing.digest(rule.body_digest or signing.digest_of(rule.algorithm), body)
        values = {
            "login": self._login,
            "secret": self._secret,
            "timestamp": self._given.timestamp(rule.timestamp),
            "nonce": self._given.nonce(rule.nonce),
            "method": out.method,
            "path": urlsplit(out.url).path or "/",
            "query": out.search(),
            "body_digest": signing.encoded(digest, rule.body_encoding, rule.case),
        }
        # The body goes in as bytes: it need not be text in any encoding.
        literals_and_names = re.split(r"\{(\w+)\}", rule.text)
        text = b"".join(
            piece.encode() if i % 2 == 0 else body if piece == "body" else values[piece].encode()
            for i, piece in enumerate(literals_and_names)
        )
        raw = signing.signature(rule.algorithm, text, self._secret.encode())
        values["signature"] = signing.encoded(raw, rule.encoding, rule.case)
        out.headers.update(template.fill(rule.headers, values.__getitem__))


def _as_signed(values: dict[str, Any]) -> None:
    """A list is signed as one text, so it leaves as one, where it would repeat its name unsigned."""
    values.update({name: signing.written(one) for name, one in values.items() if isinstance(one, (list, tuple))})


def _bytes_of(out: Outgoing) -> bytes:
    """The body as it will leave; an envelope is written the way the SOAP engine writes it."""
    if out.data is None and out.envelope is not None:
        written: bytes = etree.tostring(out.envelope, xml_declaration=True, encoding="utf-8")
        return written
    return out.data or b""
