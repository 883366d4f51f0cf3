"""Template messages, one by one or many at once: by the same rules, token and errors, asked again once where the
token was refused.

``message`` and ``msgid`` are what both ways share; ``Messages`` is the many, on ``lanes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from weigov.errors import OutcomeUnknown, RecordRejected, RemoteError
from weigov.ports import Clock
from weigov.wechat import rules
from weigov.wechat.account import Account
from weigov.wechat.lanes import Lanes, Outcome
from weigov.wechat.protocol import AccountStopped, TokenRefused, encode, operation_of
from weigov.wechat.sdk import value_of
from weigov.wechat.token import TokenKeeper
from weigov.wechat.transport import Timeouts
from weigov.wechat.way import Way

SEND = "/cgi-bin/message/template/send"

Tag = TypeVar("Tag")


def message(
    account: Account,
    openid: str,
    template_id: str,
    data: Mapping[str, str],
    url: str,
    client_msg_id: str,
    fields: Sequence[str],
) -> dict[str, Any]:
    """The body of one call. Raises AccountStopped or RecordRejected where WeChat would refuse it."""
    if reason := rules.not_permitted(account.type, account.verified, SEND):
        raise AccountStopped(account.system, operation_of(SEND), reason, whole_account=False)
    problems = rules.message_problems(template_id, data, url, fields)
    if problems or not openid:
        raise RecordRejected(operation_of(SEND), *problems, *([] if openid else ["touser: missing"]))
    made: dict[str, Any] = {"touser": openid, "template_id": template_id}
    if url:
        made["url"] = url
    return made | {"client_msg_id": client_msg_id, "data": {key: {"value": value} for key, value in data.items()}}


def msgid(account: Account, answer: Mapping[str, Any]) -> str:
    """What WeChat calls the message. Raises OutcomeUnknown when the answer does not say."""
    if answer.get("msgid") is None:
        raise OutcomeUnknown(account.system, operation_of(SEND), "the answer has no msgid")
    return str(answer["msgid"])


@dataclass(slots=True)
class _Call(Generic[Tag]):
    tag: Tag
    body: bytes = field(repr=False)
    token: str = field(repr=False)
    is_second: bool = False


class Messages(Generic[Tag]):
    """Many messages of one account under way at once; ``tag`` says whose each is. Close it."""

    def __init__(
        self, account: Account, keeper: TokenKeeper, way: Way, clock: Clock, timeouts: Timeouts, *, width: int
    ) -> None:
        self._account, self._keeper, self._clock = account, keeper, clock
        self._lanes: Lanes[_Call[Tag]] = Lanes(way, width, timeouts)
        self._path = ("", "")  # the token it is for, and it

    def close(self) -> None:
        """Hang up. What is under way gets no answer."""
        self._lanes.close()

    @property
    def under_way(self) -> int:
        """Messages of which ``answers`` has not said yet what became of them."""
        return self._lanes.under_way

    def send(
        self,
        tag: Tag,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        url: str,
        client_msg_id: str,
        *,
        fields: Sequence[str] = (),
    ) -> None:
        """Begin to send one. Raises what ``AccountClient.send_template`` raises of what was surely not sent."""
        made = message(self._account, openid, template_id, data, url, client_msg_id, fields)
        self._post(_Call(tag, encode(SEND, made), self._keeper.token()))

    def answers(self, enough: int, within_s: float) -> list[tuple[Tag, str | RemoteError]]:
        """Wait for ``enough`` messages, for those answered ``within_s`` after the first, or for all there are.

        Each with its msgid, or with the error that ``AccountClient.send_template`` raises.
        """
        found: list[tuple[Tag, str | RemoteError]] = []
        while not found and self._lanes.under_way:
            for call, outcome in self._lanes.answers(enough, within_s):
                result = self._result(call, outcome)
                if result is not None:
                    found.append((call.tag, result))
        return found

    def _post(self, call: _Call[Tag]) -> None:
        if call.token != self._path[0]:
            self._path = (call.token, f"{SEND}?access_token={quote(call.token, safe='')}")
        self._lanes.post(call, self._path[1], call.body)

    def _result(self, call: _Call[Tag], outcome: Outcome) -> str | RemoteError | None:
        """None: it is under way once more, with another token."""
        try:
            return msgid(self._account, value_of(outcome, SEND, self._account.system, now=self._clock()))
        except TokenRefused as refused:
            if call.is_second:
                return refused
            try:
                call.token, call.is_second = self._keeper.refused(call.token), True
            except RemoteError as error:
                return error
            self._post(call)
            return None
        except RemoteError as error:
            return error
