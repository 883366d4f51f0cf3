"""One call of the WeChat API: which endpoint, for which account, in which order it is checked.

Order: the endpoint's name, access_token, quota, the body's JSON, permission by account type, then the endpoint's
own fields (rulebook §13.3; no source states the order). A refusal undoes everything but its count.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response

from sandbox.wechat import quota, token
from sandbox.wechat.accounts import Account
from sandbox.wechat.errors import Refused
from sandbox.wire import NoAnswer
from sandbox.world import World

# Who may call: anyone with a token; verified accounts; verified service accounts; all but unverified personal and
# company accounts (publishing since July 2025).
Permission = Literal["all", "verified", "verified_service", "may_publish"]


@dataclass(frozen=True)
class Upload:
    filename: str
    content: bytes


@dataclass
class Call:
    """What a handler may look at. ``after`` runs once the effect is kept, before the answer leaves."""

    world: World
    path: str
    method: str
    query: dict[str, str]
    raw: bytes
    caller_ip: str
    upload: Upload | None = None
    form: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    owner: Account | None = None
    after: list[Callable[[], None]] = field(default_factory=list)
    lose_answer: bool = False

    @property
    def account(self) -> Account:
        if self.owner is None:
            raise LookupError(f"{self.path} is called without a token")
        return self.owner

    @property
    def now(self) -> float:
        return self.world.clock.timestamp()


Answer = dict[str, Any] | Response
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """``literal_escapes``: ``\\uXXXX`` in the body is taken as six characters, as drafts do."""

    path: str
    handler: Handler
    method: Literal["GET", "POST", "ANY"] = "POST"
    permission: Permission = "all"
    body: Literal["json", "form", "none"] = "json"
    needs_token: bool = True
    literal_escapes: bool = False


ENDPOINTS: dict[str, Endpoint] = {}


def register(*endpoints: Endpoint) -> None:
    for endpoint in endpoints:
        ENDPOINTS[endpoint.path] = endpoint


def handle(call: Call) -> Response:
    """Check, act, count, answer."""
    errcode = 0
    try:
        with call.world.transaction():
            endpoint = _admit(call)
        with call.world.transaction():
            _read_body(call, endpoint)
            _permit(call, endpoint)
            answer = endpoint.handler(call)
    except Refused as refusal:
        errcode = refusal.errcode
        answer = refusal.answer()
    _count(call, errcode)
    if errcode == 0:
        for act in call.after:
            act()
        if call.lose_answer:
            return NoAnswer()
    return answer if isinstance(answer, Response) else compact(answer)


def compact(answer: dict[str, Any]) -> Response:
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json; encoding=utf-8")


def ok(**more: Any) -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok", **more}


def _admit(call: Call) -> Endpoint:
    endpoint = ENDPOINTS.get(call.path)
    if endpoint is None:
        raise Refused(40066)
    if endpoint.needs_token:
        call.owner = token.check(call.world, call.query.get("access_token", ""), call.caller_ip)
        quota.spend(call.world, call.owner.appid, call.path)
    if endpoint.method == "GET" and call.method != "GET":
        raise Refused(43001)
    if endpoint.method == "POST" and call.method != "POST":
        raise Refused(43002)
    return endpoint


def _read_body(call: Call, endpoint: Endpoint) -> None:
    if endpoint.body != "json" or call.method != "POST":
        return
    if not call.raw.strip():
        raise Refused(44002)
    raw = _literal_escapes(call.raw) if endpoint.literal_escapes else call.raw
    try:
        body = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise Refused(47001) from error
    if not isinstance(body, dict):
        raise Refused(47001)
    call.body = body


def _literal_escapes(raw: bytes) -> bytes:
    """Double the backslash of every ``\\uXXXX`` above ASCII, so that it is counted and shown as it was written."""
    parts = raw.split(b"\\\\")  # an escaped backslash is no beginning of an escape
    return b"\\\\".join(_doubled(part) for part in parts)


def _doubled(part: bytes) -> bytes:
    pieces = part.split(b"\\u")
    done = [pieces[0]]
    for piece in pieces[1:]:
        above_ascii = not piece.lower().startswith((b"000", b"001", b"002", b"003", b"004", b"005", b"006", b"007"))
        done.append((b"\\\\u" if above_ascii else b"\\u") + piece)
    return b"".join(done)


def _permit(call: Call, endpoint: Endpoint) -> None:
    owner = call.owner
    if owner is None or endpoint.permission == "all":
        return
    service = owner.kind == "service"
    allowed = {
        "verified": owner.verified,
        "verified_service": owner.verified and service,
        "may_publish": owner.verified,
    }[endpoint.permission]
    if not allowed:
        raise Refused(48001)


def _count(call: Call, errcode: int) -> None:
    appid = call.owner.appid if call.owner else str(call.query.get("appid") or call.body.get("appid") or "")
    with call.world.transaction() as db:
        db.execute(
            "INSERT INTO wx_call VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET calls = calls + 1",
            (appid, call.path, errcode),
        )
