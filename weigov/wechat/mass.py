"""Mass messages: one method per call, answers with small values; and what MASSSENDJOBFINISH says.

A send is accepted first and decided later. WeChat honours our key, ``client_msg_id`` of at most 32 bytes, for 24
hours: a repetition is answered with the msg_id of the first. Each call raises what the client's calls raise.
Sources: the official pages on mass sending and on its events, as read in autumn 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from weigov.errors import OutcomeUnknown, RateLimited, RecordRejected, RemoteUnavailable
from weigov.ports import Clock
from weigov.wechat import rules
from weigov.wechat.account import Account
from weigov.wechat.errcodes import wait_s
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.sdk import Json, Sdk

State = Literal["sending", "sent", "failed", "deleted", "unknown"]

#: msg_status of message/mass/get.
STATES: Mapping[str, State] = {
    "SENDING": "sending",
    "SEND_SUCCESS": "sent",
    "SEND_FAIL": "failed",
    "DELETE": "deleted",
}
#: No mass send is left: of the day for a subscription account, of the month for a service account.
NONE_LEFT = 45028

#: err(n) of the event → what to tell people.
WHY: Mapping[int, str] = {
    10001: "涉嫌广告 advertising",
    20001: "涉嫌政治 politics",
    20002: "涉嫌色情 pornography",
    20004: "涉嫌社会 harm to society",
    20006: "涉嫌违法犯罪 crime",
    20008: "涉嫌欺诈 fraud",
    20013: "涉嫌版权 copyright",
    21000: "涉嫌其他 another reason",
    22000: "涉嫌互推 mutual promotion",
    30001: "原创校验出现系统错误 the check for originality failed",
    30002: "原创校验被判定为不能群发 the check for originality forbids sending",
    30003: "原创校验被判定为转载 judged to be a reprint, and the flow stops for those",
    40001: "管理员拒绝 the account's administrator refused on the phone",
    40002: "管理员三十分钟内无响应 the account's administrator did not confirm within 30 minutes",
}
_ERR = re.compile(r"err\s*\(?\s*(\d+)\s*\)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mass message WeChat took. ``msg_data_id`` joins it to the figures; '' where the key was used before."""

    msg_id: str
    msg_data_id: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one, as the event says it. ``urls``: place of the article, from 1 → its address."""

    msg_id: str
    state: State
    reason: str = ""
    urls: Mapping[int, str] = field(default_factory=dict)
    total: int = 0  # citizens it was for
    sent: int = 0  # whom it reached; WeChat calls its counts approximate


class Mass:
    """The mass messages of one account."""

    def __init__(self, account: Account, sdk: Sdk, clock: Clock) -> None:
        self._account = account
        self._sdk = sdk
        self._clock = clock

    def tag_id(self, name: str) -> int:
        """The number of a tag. Raises RecordRejected when the account has none of that name, or nobody has it."""
        for tag in self._sdk.tag.get():
            if str(tag.get("name", "")) == name:
                if tag.get("count") == 0:
                    raise RecordRejected("tags/get", f"nobody has the tag {name!r}")
                return int(tag["id"])
        raise RecordRejected("tags/get", f"the account has no tag {name!r}: make it in WeChat's console")

    def send(self, media_id: str, client_msg_id: str, *, tag: str | None, reprints: bool) -> Sent:
        """Send a draft to those who have ``tag``, or to everybody when it is None.

        ``reprints``: go on where WeChat judges an article to be one. The same ``client_msg_id`` is sent once within
        24 hours; used again, it is answered with what it was answered before.
        """
        self._check("message/mass/sendall", rules.mass_problems(media_id, client_msg_id))
        audience: Json = {"is_to_all": True} if tag is None else {"is_to_all": False, "tag_id": self.tag_id(tag)}
        message = {
            "filter": audience,
            "mpnews": {"media_id": media_id},
            "msgtype": "mpnews",
            "send_ignore_reprint": int(reprints),
            "clientmsgid": client_msg_id,
        }
        try:
            answer = self._sdk.mass_message.sendall(message)
        except RateLimited as error:
            if error.code == NONE_LEFT and self._account.type == "service":
                error.retry_after_s = wait_s("month", self._clock())
            raise
        if answer.get("msg_id") in (None, "", 0):
            raise OutcomeUnknown(self._account.system, "message/mass/sendall", "the answer has no msg_id")
        return Sent(str(answer["msg_id"]), str(answer.get("msg_data_id") or ""))

    def preview(self, media_id: str, wxname: str) -> None:
        """Show a draft to one person, who must follow the account, by the name they have in WeChat. 100 a day."""
        self._check("message/mass/preview")
        self._sdk.mass_message.preview(media_id, wxname)

    def state(self, msg_id: str) -> State:
        """What became of one. No counts and no addresses: those are in the event only."""
        answer = self._sdk.mass_message.get(msg_id)
        if "msg_status" not in answer:
            raise RemoteUnavailable(self._account.system, "message/mass/get", "the answer has no msg_status")
        return STATES.get(str(answer["msg_status"]).strip().upper().replace(" ", "_"), "unknown")

    def delete(self, msg_id: str, index: int) -> None:
        """Take an article of a sent message back for good; ``index`` from 1, 0 = all of them."""
        self._check("message/mass/delete")
        self._sdk.mass_message.delete(msg_id, index)

    def _check(self, operation: str, problems: list[str] | None = None) -> None:
        reason = rules.not_permitted(self._account.type, self._account.verified, "/cgi-bin/" + operation)
        if reason:
            raise AccountStopped(self._account.system, operation, reason, whole_account=False)
        if problems:
            raise RecordRejected(operation, *problems)


def result(fields: Mapping[str, Any]) -> Result:
    """A MASSSENDJOBFINISH event as a value. Never raises: what cannot be understood must not stop those behind it."""
    status = str(fields.get("Status", "")).strip()
    plain = status.replace(" ", "").casefold()
    urls = {
        _number(item.get("ArticleIdx")): str(item.get("ArticleUrl", "")).strip()
        for item in _items(fields.get("ArticleUrlResult"))
    }
    known: dict[str, State] = {"sendsuccess": "sent", "sendfail": "failed", "": "unknown"}
    state = known.get(plain, "failed")
    return Result(
        msg_id=str(fields.get("MsgID") or fields.get("MsgId") or "").strip(),
        state=state,
        reason=_why(status, fields) if state == "failed" else "",
        urls={idx: url for idx, url in sorted(urls.items()) if idx > 0 and url},
        total=max(0, _number(fields.get("TotalCount"))),
        sent=max(0, _number(fields.get("SentCount"))),
    )


def _why(status: str, fields: Mapping[str, Any]) -> str:
    found = _ERR.search(status)
    if found is None:
        return f"WeChat: {status}"
    why = WHY.get(int(found[1]), "未公开的原因 a reason WeChat does not explain")
    reprints = [
        f"article {item.get('ArticleIdx')} of {item.get('OriginalArticleUrl')}"
        for item in _items(fields.get("CopyrightCheckResult"))
    ]
    return f"WeChat: {status} {why}" + (f" ({'; '.join(reprints)})" if reprints else "")


def _items(part: Any) -> list[Mapping[str, Any]]:
    """The items of a list in a list; it may be empty, a blank, or one thing where JSON gives a list of one."""
    listed = part.get("ResultList") if isinstance(part, Mapping) else None
    items = listed.get("item") if isinstance(listed, Mapping) else listed
    if isinstance(items, Mapping):
        items = [items]
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1
