"""What a callback says: bytes WeChat posted → one message, and the key it is stored under once. No I/O.

WeChat sends XML or JSON (chosen in its console), and up to three times when the answer is late. Ids are text: they
pass 2^53. Unknown tags are kept and ignored. A DTD is refused: no callback has one.

The timestamp of a callback is signed but its age is not judged: the inbox keeps every key for good, so a replay is
never more than a duplicate, while a clock that runs wrong would lose receipts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from xml.parsers import expat

from weigov.errors import CallbackRejected
from weigov.wechat.account import Account
from weigov.wechat.crypto import decrypt, is_signed

_MAX_DEPTH = 16

#: Events that report on a job, and where they carry its id: one per job, whoever they seem to come from.
_JOB_EVENTS: Mapping[str, tuple[str, ...]] = {
    "masssendjobfinish": ("MsgID", "MsgId"),
    "templatesendjobfinish": ("MsgID", "MsgId"),
    "publishjobfinish": ("PublishEventInfo.publish_id",),
    "subscribe_msg_sent_event": ("SubscribeMsgSentEvent.List.MsgID",),
}
#: publish_status that comes long after success, of the same job: taken down by its author (5) or by WeChat (6).
_LATER = ("5", "6")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a citizen or an event of WeChat's. ``event`` is lower case, '' for a message."""

    kind: Literal["message", "event"]
    type: str  # MsgType
    event: str
    openid: str = field(repr=False)
    created_at: datetime
    remote_id: str  # MsgId of a message; MsgID or publish_id of a job's event; else ''
    dedupe_key: str
    raw: Mapping[str, Any] = field(repr=False)  # every field as it came, all values text


def verify_url(account: Account, query: Mapping[str, str]) -> str:
    """The echostr to answer when WeChat checks the callback address. Raises CallbackRejected."""
    _check_signature(account, query, "signature")
    return query.get("echostr", "")


def parse_callback(account: Account, query: Mapping[str, str], body: bytes) -> tuple[Message, bytes]:
    """The message in an encrypted callback, and its plaintext.

    ``query`` is the address's (timestamp, nonce, msg_signature…), ``body`` what was posted. Only safe mode is taken:
    in plain and compatible mode a citizen's words travel in the clear.

    Raises CallbackRejected: not signed by WeChat, not for this account, not in safe mode, not readable.
    """
    outer = parse_payload(body)
    sealed = outer.get("Encrypt")
    if not isinstance(sealed, str) or not sealed or "MsgType" in outer:
        raise CallbackRejected("not in safe mode; choose 安全模式 for messages in WeChat's console")
    _check_signature(account, query, "msg_signature", sealed)
    payload = decrypt(sealed, account.aes_keys, account.appid)
    return read_message(payload), payload


def _check_signature(account: Account, query: Mapping[str, str], name: str, *more: str) -> None:
    signature, timestamp, nonce = (query.get(k, "") for k in (name, "timestamp", "nonce"))
    if not account.callback_token or not signature or not timestamp.isdigit():
        raise CallbackRejected(f"no {name} and timestamp, or no callback token is configured")
    if not is_signed(signature, account.callback_token, timestamp, nonce, *more):
        raise CallbackRejected(f"the {name} is wrong; compare the token with the one in WeChat's console")


def read_message(payload: bytes) -> Message:
    """The message in a decrypted payload. Raises CallbackRejected when it is not one."""
    raw = parse_payload(payload)
    kind: Literal["message", "event"] = "event" if _text(raw, "MsgType").lower() == "event" else "message"
    openid, created = _text(raw, "FromUserName"), _text(raw, "CreateTime")
    if not raw.get("MsgType") or not created.isdigit():
        raise CallbackRejected("it has no MsgType or no CreateTime")
    event = _text(raw, "Event").lower() if kind == "event" else ""
    if kind == "message":
        remote_id = _text(raw, "MsgId") or _text(raw, "MsgID")
        key = f"message:{remote_id}" if remote_id else _hashed("message", openid, created, _text(raw, "MsgType"))
    else:
        remote_id = next((i for i in (_text(raw, path) for path in _JOB_EVENTS.get(event, ())) if i), "")
        # "0" was seen where a client_msg_id had been given: no id at all
        later = _text(raw, "PublishEventInfo.publish_status")
        key = (
            f"{event}:{remote_id}" + (f":{later}" if later in _LATER else "")
            if remote_id not in ("", "0")
            else _hashed("event", openid, created, event, _text(raw, "EventKey"), _text(raw, "Status"), *_lists(raw))
        )
    return Message(kind, _text(raw, "MsgType"), event, openid, _time(created), remote_id, key, raw)


def listed(raw: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    """The entries of ``tag``'s List, which WeChat writes as one thing where there is one. JSON may have no List."""
    part = raw.get(tag)
    found = part.get("List", part) if isinstance(part, Mapping) else part
    entries = found if isinstance(found, list) else [found]
    return [one for one in entries if isinstance(one, Mapping)]


def _lists(raw: Mapping[str, Any]) -> list[str]:
    """What tells two events about agreements in one second apart."""
    parts = [raw[tag] for tag in sorted(raw) if tag.startswith("SubscribeMsg")]
    return [json.dumps(parts, sort_keys=True)] if parts else []


def _time(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise CallbackRejected("its CreateTime is not a time") from None


def _hashed(*parts: str) -> str:
    """A key that does not show the openid in it."""
    digest = hashlib.sha256("\0".join(parts[1:]).encode("utf-8", "replace")).hexdigest()
    return f"{parts[0]}:{digest[:40]}"


def _text(raw: Mapping[str, Any], path: str) -> str:
    value: Any = raw
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def parse_payload(body: bytes) -> dict[str, Any]:
    """The fields of an XML or JSON payload, scalars as text, a repeated tag as a list. Raises CallbackRejected."""
    try:
        if body.lstrip()[:1] == b"{":
            parsed = json.loads(body.decode("utf-8", "replace"), strict=False, parse_int=str, parse_float=str)
            return dict(parsed)
        return _Xml().read(body)
    except (ValueError, RecursionError, expat.ExpatError):
        raise CallbackRejected("it is neither XML nor JSON as WeChat writes them") from None


class _Xml:
    """WeChat's XML as nested dicts, by expat alone: no DTD, no entities but the five, bounded depth."""

    def __init__(self) -> None:
        self._stack: list[tuple[str, dict[str, Any], list[str]]] = [("", {}, [])]

    def read(self, body: bytes) -> dict[str, Any]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.Parse(body, True)
        root = next(iter(self._stack[0][1].values()))
        if not isinstance(root, dict):
            raise ValueError("no fields")
        return root

    def _doctype(self, *_: Any) -> None:
        raise ValueError("a DTD")

    def _start(self, name: str, _: Any) -> None:
        if len(self._stack) > _MAX_DEPTH:
            raise ValueError("too deep")
        self._stack.append((name, {}, []))

    def _data(self, text: str) -> None:
        self._stack[-1][2].append(text)

    def _end(self, _: str) -> None:
        name, children, text = self._stack.pop()
        value: Any = children or "".join(text)
        siblings = self._stack[-1][1]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]
