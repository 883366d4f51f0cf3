"""Answers without the people in them: the bytes an upstream sent, with stand-ins where a person or a secret stood.

Only those tokens change; every other byte stays, so that a tape still shows what a system really sends: its odd
prologs, its escapes, its broken ends. Therefore nothing is parsed and written anew: two small lexers walk the text
and know at each token which column it belongs to. Texts inside texts (a CDATA that holds XML, a string that holds
JSON) are walked the same way. What no lexer understands is still searched for numbers, phones, mails and secrets.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import zlib
from collections.abc import Callable, Collection, Sequence

from adapters.look.personal import HIDDEN, StandIns, is_personal, is_secret

_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[a-z]+', re.DOTALL)
_XML = re.compile(
    r"<!\[CDATA\[(?P<cdata>.*?)\]\]>|<!--.*?-->|<\?.*?\?>|<!.*?>|</(?P<close>[^\s>]+)\s*>"
    r"|<(?P<open>[^\s/>!?]+)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*?)(?P<empty>/?)>|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?P<before>\s+(?P<name>[^\s=\"'>/]+)\s*=\s*)(?P<mark>[\"'])(?P<value>.*?)(?P=mark)", re.DOTALL
)
_REFERENCE = re.compile(r"<(?:[\w.-]+:)?(?P<name>[\w.-]+)(?:\s[^>]*?)?\s(?:href|ref)=[\"']#(?P<id>[^\"']+)[\"']")
_FILE = re.compile(r"[A-Za-z0-9+/\s]{1024,}={0,2}\s*")  # base64 of something nobody has looked into
_PART_OF_TEXT = re.compile(rb"(?i)content-type:\s*(?:text/|application/(?:[\w.-]+\+)?(?:xml|json))")
_PART_IN_BASE64 = re.compile(rb"(?i)content-transfer-encoding:\s*base64")
_BASE64 = re.compile(r"\s*(?:[A-Za-z0-9+/]\s*){24,}={0,2}\s*")
_JSONP = re.compile(r"\s*[\w$.]+\s*\(\s*[{\[]")
_GZIP = b"\x1f\x8b"
_MAX_UNPACKED = 64 * 1024 * 1024
_NESTED = 5  # texts within texts
_PERSON = "\0person"  # an element (multiRef) that a personal column points at

Columns = Collection[tuple[str, ...]]  #: a column is the names that lead to it: ("applicant", "name")


class Redaction:
    """What to take out of one stream's answers."""

    def __init__(
        self, stand_ins: StandIns, personal: Columns, kept: Collection[str] = (), *,
        packed: Callable[[bytes], str] | None = None,
    ) -> None:  # fmt: skip
        """``personal`` columns go whatever they are called; ``kept`` ones (keys, tokens of paging) stay, unless they
        are somebody's number. ``packed``: texts in base64 or gzip are unpacked, and it tells what those are encoded
        in; without it they are files."""
        self._packed = packed
        self._stand_ins = stand_ins
        self._personal = frozenset(personal)
        self._kept = frozenset(kept)

    def body(self, body: bytes, encoding: str) -> bytes:
        """An answer's bytes; those that are no text of ``encoding`` stay as they are. Raises LookupError for one
        that does not exist."""
        if self._packed is not None and body.startswith(_GZIP):
            inner = _gunzipped(body)
            return body if inner is None else gzip.compress(self.body(inner, self._packed(inner)), mtime=0)
        text = body.decode(encoding, "surrogateescape")
        made = self.text(text)
        return body if made == text else made.encode(encoding, "surrogateescape")

    def reads(self, body: bytes, encoding: str) -> bool:
        """Whether an answer can be looked through: of bytes that are no text of ``encoding`` nobody knows whom they
        hold."""
        if self._packed is not None and body.startswith(_GZIP):
            return True
        try:
            body.decode(encoding)
        except UnicodeDecodeError:
            return False
        return True

    def parts(self, body: bytes, boundary: bytes, encoding: str) -> bytes:
        """The same for an answer in several parts (MIME): what is no text is a file, and only its length stays."""
        made = []
        for part in body.split(b"--" + boundary):
            head, gap, content = part.partition(b"\r\n\r\n")
            if gap and _PART_OF_TEXT.search(head) and not _PART_IN_BASE64.search(head):
                content = self.body(content, encoding)
            elif gap:
                content = re.sub(rb"[^\r\n=]", b"A", content)
            made.append(head + gap + content)
        return (b"--" + boundary).join(made)

    def text(self, text: str) -> str:
        return self._text(text, (), 0)

    def person(self, text: str) -> str:
        return self._stand_ins.person(text)

    def value(self, text: str, *path: str) -> str:
        """A value by itself, such as a request's parameter."""
        return self._value(text, path, 0)

    # one value

    def _value(self, text: str, path: Sequence[str], depth: int) -> str:
        name = path[-1] if path else ""
        if name in self._kept or not text.strip():
            return self._stand_ins.anywhere(text)
        if self._is_person(path):
            return self._stand_ins.person(text)
        if is_secret(name):
            return HIDDEN
        if self._packed is None and _FILE.fullmatch(text):
            return re.sub(r"[A-Za-z0-9+/]", "A", text)
        return self._text(text, path, depth + 1) if depth < _NESTED else self._stand_ins.anywhere(text)

    def _is_person(self, path: Sequence[str]) -> bool:
        if path and is_personal(path[-1]):
            return True
        for column in self._personal:
            width = len(column)
            if any(tuple(path[at : at + width]) == column for at in range(len(path) - width + 1)):
                return True
        return False

    # texts

    def _text(self, text: str, path: Sequence[str], depth: int) -> str:
        begins = text.lstrip("\ufeff \t\r\n")[:1]
        if begins == "<":
            return self._xml(text, path, depth)
        if begins in ("{", "[") or _JSONP.match(text):
            return self._json(text, path, depth)
        unpacked = self._unpacked(text) if self._packed is not None else None
        return self._stand_ins.anywhere(text) if unpacked is None else unpacked

    def _unpacked(self, text: str) -> str | None:
        """What base64 holds, redacted and packed again; None for what is none."""
        if not _BASE64.fullmatch(text) or self._packed is None:
            return None
        try:
            inner = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            return None
        return base64.b64encode(self.body(inner, self._packed(inner))).decode()

    def _json(self, text: str, path: Sequence[str], depth: int) -> str:
        pieces: list[str] = []
        stack = list(path)  # the name each open object or list stands under
        outer = len(stack)
        objects: list[bool] = []
        name, key_next, at = "", False, 0
        for match in _JSON.finditer(text):
            token = match.group()
            pieces.append(text[at : match.start()])
            at = match.end()
            if token in "{[":
                stack.append(name)
                objects.append(token == "{")
                key_next, name = token == "{", "" if token == "{" else name
            elif token in "}]" and objects:
                name, key_next = stack.pop(), False
                objects.pop()
            elif token == ",":
                key_next = bool(objects) and objects[-1]
                name = name if key_next or len(stack) == outer else stack[-1]
            elif token == ":":
                key_next = False
            elif token[0] == '"' and key_next:
                name = _unquoted(token) or ""
                shown = self._stand_ins.anywhere(name)
                token = token if shown == name else json.dumps(shown, ensure_ascii=token.isascii())
            elif token[0] in '"-0123456789':
                token = self._json_value(token, [*(one for one in stack if one), name], depth)
            pieces.append(token)
        pieces.append(text[at:])
        done = "".join(pieces)
        return done if _is_json(text) else self._stand_ins.anywhere(done)

    def _json_value(self, token: str, path: Sequence[str], depth: int) -> str:
        value = _unquoted(token) if token[0] == '"' else token
        if value is None:
            return self._stand_ins.anywhere(token)
        made = self._value(value, path, depth)
        if made == value:
            return token
        if token[0] == '"':
            return json.dumps(made, ensure_ascii=token.isascii())
        return made if re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", made) else json.dumps(made)

    def _xml(self, text: str, path: Sequence[str], depth: int) -> str:
        pieces: list[str] = []
        stack = list(path)
        outer = len(stack)
        named = ""  # of a Map's item: what its key says
        people = {m["id"] for m in _REFERENCE.finditer(text) if self._is_person([m["name"]])}
        at = read = 0
        for match in _XML.finditer(text):
            token = match.group()
            pieces.append(text[at : match.start()])
            at = match.end()
            read += len(token)
            if match["open"] is not None:
                name = match["open"].rpartition(":")[2]
                attributes, one = self._attributes(match["attributes"], [*stack, name], depth)
                token = f"<{match['open']}{attributes}{match['empty']}>"
                if not match["empty"]:
                    stack.append(_PERSON if one in people else name)
            elif match["close"] is not None:
                if len(stack) > outer:
                    stack.pop()
            elif (match["text"] or match["cdata"] or "").strip():
                value = html.unescape(token) if match["cdata"] is None else match["cdata"]
                inner = stack[-1] if stack else ""
                here = [*stack, named] if inner == "value" and named else stack
                named = value.strip() if inner in ("key", "name") else "" if inner == "value" else named
                made = self._stand_ins.person(value) if _PERSON in stack else self._value(value, here, depth)
                if made != value:
                    token = html.escape(made, quote=False) if match["cdata"] is None else f"<![CDATA[{made}]]>"
            pieces.append(token)
        pieces.append(text[at:])
        done = "".join(pieces)
        return done if read == len(text) else self._stand_ins.anywhere(done)

    def _attributes(self, written: str, path: Sequence[str], depth: int) -> tuple[str, str]:
        """The attributes of a tag, and the ``id`` among them."""
        one = ""

        def made(match: re.Match[str]) -> str:
            nonlocal one
            value = html.unescape(match["value"])
            name = match["name"].rpartition(":")[2]
            if name == "id":
                one = value
            if match["name"].startswith("xmlns"):
                return match.group()
            new = self._value(value, [*path, f"@{name}"], depth)
            if new == value:
                return match.group()
            mark = match["mark"]
            return f"{match['before']}{mark}{html.escape(new)}{mark}"

        return _ATTRIBUTE.sub(made, written), one


def _gunzipped(body: bytes) -> bytes | None:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            inner = file.read(_MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return inner if len(inner) <= _MAX_UNPACKED else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text.lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _unquoted(token: str) -> str | None:
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
