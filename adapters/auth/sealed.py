"""Bodies encrypted with SM4 and signed with SM2, as the national health insurance platform and its kin want them.

What is signed and how the key comes about differs between them, and is said in the descriptor. An answer is taken
only when its signature is the other side's; what it decrypts to then stands in it under the name of the clear body.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters import outcome, paths, signing, template, vocabulary
from adapters.auth import sm2
from adapters.auth.base import Given, NoAuth, Untrusted
from adapters.outgoing import Outgoing
from adapters.wire import Reply

_KEY_BYTES = 16


class SealedBody(NoAuth):
    """Our body sealed; theirs opened."""

    def __init__(self, rule: vocabulary.SealedBodyAuth, given: Given) -> None:
        self._rule, self._given = rule, given
        derived = rule.key == "derived"
        self._login = given.part("login") if derived or "login" in template.holes(rule.params) else ""
        self._secret = given.part("password") if derived or rule.signs == "members" else ""
        self._key = _derived(self._login, self._secret) if derived else _key(given, "sm4_secret_key")
        fixed = rule.cipher == "sm4-cbc" and rule.iv == "connection"
        self._iv = _key(given, "sm4_iv") if fixed else None
        user_id = rule.user_id.encode()
        try:
            name = "sm2_private_key"
            self._signer = sm2.Signer(given.extra(name), user_id)
            name = "sm2_public_key"
            self._verifier = sm2.Verifier(given.extra(name), user_id)
        except ValueError as error:
            raise given.unfit(name, str(error)) from None

    def sign(self, out: Outgoing) -> None:
        rule = self._rule
        values = {
            "login": self._login,
            "timestamp": self._given.timestamp(rule.timestamp),
            "nonce": self._given.nonce(rule.nonce),
        }
        sent = template.fill(rule.params, values.__getitem__)
        clear = _compact(_tidy(out.body, rule.numbers))
        sealed = signing.encoded(self._sealed(clear.encode()), rule.encoding, rule.case)
        raw = self._signer.sign(self._signed(sent, clear, sealed), rule.signature_form)
        sent |= {rule.data: sealed, rule.sign: signing.encoded(raw, rule.signature_encoding)}
        out.data = _compact(sent).encode()
        out.headers["Content-Type"] = "application/json"

    def open(self, reply: Reply) -> Reply:
        try:
            return self._believed(reply)
        except RecursionError:
            raise Untrusted("its answer is nested too deeply to be read") from None

    def _believed(self, reply: Reply) -> Reply:
        if not 200 <= reply.status < 300:
            # What stands before the system answers unsigned: of such an answer only the status is taken.
            return reply.with_body(b"")
        rule = self._rule
        answer = _parsed(reply.body)
        if not isinstance(answer, dict):
            raise Untrusted("its answer is no JSON object")
        members = {name: value for name, value in answer.items() if name not in (rule.data, rule.sign, rule.plain)}
        sealed, signature = answer.get(rule.data), answer.get(rule.sign)
        bare = not sealed and rule.signs == "members"  # nothing but a code and a message, signed all the same
        if not isinstance(signature, str) or not (bare or isinstance(sealed, str)):
            said = outcome.said(paths.dotted(rule.message)(answer)) if rule.message else ""
            raise Untrusted(f"its answer has no {rule.data} and {rule.sign}" + (f": {said}" if said else ""))
        clear: str | None = None
        try:
            if not bare:
                clear = self._opened(signing.decoded(str(sealed), rule.encoding)).decode()
            raw = signing.decoded(signature, rule.signature_encoding)
        except ValueError:
            raise Untrusted(
                f"its answer cannot be decrypted: check the SM4 key of connection {self._given.connection.name}"
            ) from None
        # Some sign the clear body as they sent it, most in the form both sides sign.
        forms = {clear, _signed_form(clear, rule.numbers)}
        if not any(
            self._verifier.verify(self._signed(members, form, sealed or ""), raw, rule.signature_form)
            for form in forms
        ):
            raise Untrusted(
                "the signature of its answer is not valid: check sm2_public_key of connection "
                + self._given.connection.name
            )
        opened = {} if clear is None else {rule.plain: _parsed(clear)}
        # What stands beside a signed text is nobody's: it must not say what the answer means.
        signed = members if rule.signs == "members" else {}
        return reply.with_body(_compact(signed | opened).encode())

    def _signed(self, members: Mapping[str, Any], clear: str | None, sealed: str) -> bytes:
        """The bytes under the signature."""
        if self._rule.signs == "plain":
            return (clear or "").encode()
        if self._rule.signs == "sealed":
            return sealed.encode()
        return signing.joined(
            {**members, self._rule.plain: clear}, secret=self._secret, secret_at="suffix",
            secret_name=self._rule.secret_name,
        ).encode()  # fmt: skip

    def _sealed(self, clear: bytes) -> bytes:
        if self._rule.cipher == "sm4-cbc" and self._iv is None:
            iv = self._given.random(_KEY_BYTES)
            return iv + sm2.encrypt(self._key, clear, iv)
        return sm2.encrypt(self._key, clear, self._iv)

    def _opened(self, sealed: bytes) -> bytes:
        if self._rule.cipher == "sm4-cbc" and self._iv is None:
            return sm2.decrypt(self._key, sealed[_KEY_BYTES:], sealed[:_KEY_BYTES])
        return sm2.decrypt(self._key, sealed, self._iv)


def _derived(login: str, secret: str) -> bytes:
    """The key the platform derives: the secret under the head of the id, as upper-case hex, and of that the head."""
    head = login.encode()[:_KEY_BYTES].ljust(_KEY_BYTES, b"\0")
    return sm2.encrypt(head, secret.encode()).hex().upper()[:_KEY_BYTES].encode()


def _key(given: Given, name: str) -> bytes:
    text = given.extra(name)
    if len(text) == _KEY_BYTES:
        return text.encode()  # sixteen characters are a key as they stand; as hex or base64 they would be too short
    try:
        raw = sm2.key_bytes(text)
    except ValueError as error:
        raise given.unfit(name, str(error)) from None
    if len(raw) != _KEY_BYTES:
        raise given.unfit(name, f"is not {_KEY_BYTES} bytes long")
    return raw


def _tidy(value: Any, numbers: str) -> Any:
    """Members by name, empty ones left out: the form both sides sign."""
    if isinstance(value, Mapping):
        there = {name: inner for name, inner in value.items() if inner is not None and inner not in ("", [])}
        return {name: _tidy(inner, numbers) for name, inner in sorted(there.items())}
    if isinstance(value, (list, tuple)):
        return [_tidy(inner, numbers) for inner in value]
    return signing.written(value) if numbers == "text" and value is not None else value


def _signed_form(clear: str | None, numbers: str) -> str | None:
    """A body they sent, in the form both sides sign; one that is no JSON object as it is."""
    parsed = _parsed(clear) if clear is not None else None
    return _compact(_tidy(parsed, numbers)) if isinstance(parsed, dict) else clear


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text if isinstance(text, str) else None
