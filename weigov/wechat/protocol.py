"""What WeChat's bytes mean. No I/O.

``encode`` makes a request body, ``read_answer`` turns an answer into a value or one typed error. WeChat answers
HTTP 200 with ``errcode`` inside; success often has no errcode. What an errcode means is ``errcodes.csv``'s business.

A *send* changes something at WeChat, a *read* does not. Whatever is not surely an answer (5xx, a web page, half a
JSON text) leaves a send unknown and a read unavailable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from weigov.errors import OutcomeUnknown, RateLimited, RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.wechat.errcodes import ErrCode, look_up, wait_s

#: Calls that change nothing; any other path is a send.
READS = frozenset(
    "/cgi-bin/" + path
    for path in (
        "token",
        "stable_token",
        "menu/get",
        "get_current_selfmenu_info",
        "draft/get",
        "draft/count",
        "draft/batchget",
        "freepublish/get",
        "freepublish/getarticle",
        "freepublish/batchget",
        "material/batchget_material",
        "material/get_materialcount",
        "template/get_all_private_template",
        "template/get_industry",
        "openapi/quota/get",
        "openapi/rid/get",
        "user/info",
        "user/info/batchget",
        "user/get",
        "tags/get",
        "message/mass/get",
    )
) | {
    "/datacube/" + path
    for path in (
        "getarticleread",
        "getarticleshare",
        "getarticletotaldetail",
        "getbizsummary",
        "getusersummary",
        "getusercumulate",
    )
}


class AccountStopped(RemoteUnavailable):
    """It surely did not act, and will not for any delivery until a person acts: stop, and say so once.

    ``whole_account`` tells whether every call is affected or only those of ``operation``'s kind.
    """

    def __init__(
        self, system: str, operation: str, message: str, *, code: int | str | None = None, whole_account: bool = True
    ) -> None:
        super().__init__(system, operation, message, code=code)
        self.whole_account = whole_account


class TokenRefused(RemoteUnavailable):
    """It surely did not act: the access token was not the one it wants."""


def operation_of(path: str) -> str:
    """``/cgi-bin/draft/add`` as errors call it: ``draft/add``."""
    return path.removeprefix("/cgi-bin/").removeprefix("/")


# strict=False: nicknames carry raw control characters.
_FROM_JSON = json.JSONDecoder(strict=False).decode


def encode(path: str, value: Mapping[str, Any]) -> bytes:
    """Compact JSON in raw UTF-8: lengths are counted on what is sent, so ``\\u4e00`` would count six for one.

    Raises RecordRejected for text that is not Unicode (a lone surrogate).
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        raise RecordRejected(operation_of(path), "the text holds half a character (lone surrogate)") from None


def read_answer(
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    sending: bool,
    now: datetime,
    system: str = "wechat",
) -> dict[str, Any]:
    """The answer to a call of ``path``, or the one error that tells the caller what to do.

    ``now`` turns "tomorrow" into ``RateLimited.retry_after_s``. An ``already_done`` answer is returned as a value.

    Raises TokenRefused, AccountStopped, RateLimited, RemoteUnavailable (surely not done; or a read that may be asked
    again), RemoteRefused (surely not done, for good), OutcomeUnknown (a send that may have been done).
    """
    operation = operation_of(path)
    if status != 200:
        raise _no_answer(system, operation, f"HTTP {status} instead of an answer", sending=sending)
    try:
        answer = _FROM_JSON(body.decode("utf-8", "replace"))  # for digests are cut within a character
    except ValueError:
        kind = headers.get("Content-Type", "no type").split(";")[0][:40]
        raise _no_answer(system, operation, f"the answer is not JSON ({kind})", sending=sending) from None
    if not isinstance(answer, dict):
        raise _no_answer(system, operation, "the answer is not an object", sending=sending)
    try:
        code = int(answer.get("errcode", 0))
    except (TypeError, ValueError):
        raise _no_answer(system, operation, "the errcode is not a number", sending=sending) from None
    known = look_up(code)
    if known.reaction in ("ok", "already_done"):
        return answer
    raise _error(known, system, operation, str(answer.get("errmsg", "")), sending=sending, now=now)


def _no_answer(system: str, operation: str, what: str, *, sending: bool) -> RemoteError:
    if sending:
        return OutcomeUnknown(system, operation, f"{what}; it may have been done")
    return RemoteUnavailable(system, operation, what)


def _error(known: ErrCode, system: str, operation: str, errmsg: str, *, sending: bool, now: datetime) -> RemoteError:
    code = known.code
    message = f"{code} {known.zh}。{known.advice} [{scrub(errmsg)}]"
    match known.reaction:
        case "refresh_token":
            return TokenRefused(system, operation, message, code=code)
        case "quota":
            return RateLimited(system, operation, message, code=code, retry_after_s=wait_s(known.until, now))
        case "account_stopped" | "call_stopped":
            whole = known.reaction == "account_stopped"
            return AccountStopped(system, operation, message, code=code, whole_account=whole)
        case "ambiguous":
            return (OutcomeUnknown if sending else RemoteUnavailable)(system, operation, message, code=code)
        case _:
            return RemoteRefused(system, operation, message, code=code)


_LONG = re.compile(r"[A-Za-z0-9_+/=-]{27,}")  # openids (28), secrets (32), tokens, media ids; a rid is 26 long
_PARAMETER = re.compile(
    r"(?i)\b(access_token|secret|appsecret|openid|touser|refresh_token)([\"']?\s*[=:]\s*)[^\s&,]+"
)


def scrub(text: str) -> str:
    """``text`` from WeChat without tokens, secrets and openids, on one line of at most 200 characters."""
    text = " ".join(text.split())
    text = _PARAMETER.sub(r"\1\2***", text)
    return _LONG.sub("***", text)[:200]
