"""wechatpy 1.8.18 with what it lacks, bound to our token keeper, transport and error table.

wechatpy knows the calls; this knows how one is made. ``auto_retry`` is off and never reached: with a token refused
for good, wechatpy's own retry recursed through 973 requests. A refused token is replaced once per call (such an
answer is without effect), anything else is raised as one of Weigov's errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import requests
from wechatpy import WeChatClient
from wechatpy.client.api.base import BaseWeChatAPI

from weigov.errors import OutcomeUnknown, RemoteUnavailable
from weigov.ports import Clock
from weigov.wechat.account import Account
from weigov.wechat.protocol import READS, TokenRefused, encode, operation_of, read_answer
from weigov.wechat.token import TokenKeeper
from weigov.wechat.transport import Answer, NoAnswer, NotSent, Timeouts, exchange, prepare

Json = dict[str, Any]


class Drafts(BaseWeChatAPI):  # type: ignore[misc]
    """draft/*: the draft box."""

    def add(self, articles: Sequence[Mapping[str, Any]]) -> Json:
        return self._post("draft/add", data={"articles": list(articles)})  # type: ignore[no-any-return]

    def get(self, media_id: str) -> Json:
        return self._post("draft/get", data={"media_id": media_id})  # type: ignore[no-any-return]

    def delete(self, media_id: str) -> Json:
        return self._post("draft/delete", data={"media_id": media_id})  # type: ignore[no-any-return]

    def batchget(self, offset: int, count: int, no_content: bool) -> Json:
        data = {"offset": offset, "count": count, "no_content": int(no_content)}
        return self._post("draft/batchget", data=data)  # type: ignore[no-any-return]


class FreePublish(BaseWeChatAPI):  # type: ignore[misc]
    """freepublish/*: publishing without notifying the fans."""

    def submit(self, media_id: str) -> Json:
        return self._post("freepublish/submit", data={"media_id": media_id})  # type: ignore[no-any-return]

    def get(self, publish_id: str) -> Json:
        return self._post("freepublish/get", data={"publish_id": publish_id})  # type: ignore[no-any-return]

    def getarticle(self, article_id: str) -> Json:
        return self._post("freepublish/getarticle", data={"article_id": article_id})  # type: ignore[no-any-return]

    def delete(self, article_id: str, index: int) -> Json:
        data = {"article_id": article_id, "index": index}
        return self._post("freepublish/delete", data=data)  # type: ignore[no-any-return]

    def batchget(self, offset: int, count: int, no_content: bool) -> Json:
        data = {"offset": offset, "count": count, "no_content": int(no_content)}
        return self._post("freepublish/batchget", data=data)  # type: ignore[no-any-return]


class TemplateMessages(BaseWeChatAPI):  # type: ignore[misc]
    """message/template/send with client_msg_id, which wechatpy's cannot carry."""

    def send(self, message: Mapping[str, Any]) -> Json:
        return self._post("message/template/send", data=dict(message))  # type: ignore[no-any-return]


class MassMessages(BaseWeChatAPI):  # type: ignore[misc]
    """message/mass/*: wechatpy's names the tag ``group_id``, which is what tags were called before."""

    def sendall(self, message: Mapping[str, Any]) -> Json:
        return self._post("message/mass/sendall", data=dict(message))  # type: ignore[no-any-return]

    def preview(self, media_id: str, wxname: str) -> Json:
        data = {"towxname": wxname, "mpnews": {"media_id": media_id}, "msgtype": "mpnews"}
        return self._post("message/mass/preview", data=data)  # type: ignore[no-any-return]

    def get(self, msg_id: str) -> Json:
        return self._post("message/mass/get", data={"msg_id": msg_id})  # type: ignore[no-any-return]

    def delete(self, msg_id: str, index: int) -> Json:
        data = {"msg_id": int(msg_id) if msg_id.isdigit() else msg_id, "article_idx": index}
        return self._post("message/mass/delete", data=data)  # type: ignore[no-any-return]


class Notices(BaseWeChatAPI):  # type: ignore[misc]
    """message/subscribe/bizsend and message/custom/send: neither has a key."""

    def bizsend(self, message: Mapping[str, Any]) -> Json:
        return self._post("message/subscribe/bizsend", data=dict(message))  # type: ignore[no-any-return]

    def custom(self, message: Mapping[str, Any]) -> Json:
        return self._post("message/custom/send", data=dict(message))  # type: ignore[no-any-return]


class OpenApi(BaseWeChatAPI):  # type: ignore[misc]
    """openapi/*: what is left of the day's calls."""

    def quota(self, path: str) -> Json:
        return self._post("openapi/quota/get", data={"cgi_path": path})  # type: ignore[no-any-return]

    def clear_quota(self, appid: str) -> Json:
        return self._post("clear_quota", data={"appid": appid})  # type: ignore[no-any-return]


class DatacubeDays(BaseWeChatAPI):  # type: ignore[misc]
    """/datacube/*: figures of days. wechatpy knows only the calls that WeChat maintains no longer."""

    def ask(self, name: str, first: date, last: date) -> Json:
        data = {"begin_date": first.isoformat(), "end_date": last.isoformat()}
        return self._post(f"/datacube/{name}", data=data)  # type: ignore[no-any-return]


class Sdk(WeChatClient):  # type: ignore[misc]
    """wechatpy's client, every request of which goes through ``_request`` below."""

    draft = Drafts()
    freepublish = FreePublish()
    template_message = TemplateMessages()
    notices = Notices()
    mass_message = MassMessages()
    openapi = OpenApi()
    datacube_days = DatacubeDays()

    def __init__(
        self, account: Account, keeper: TokenKeeper, http: requests.Session, clock: Clock, timeouts: Timeouts
    ) -> None:
        self._account = account
        self._keeper = keeper
        self._clock = clock
        self._timeouts = timeouts
        super().__init__(account.appid, secret=None, auto_retry=False)
        self._http: requests.Session = prepare(http, account.base_url)

    @property
    def access_token(self) -> str:
        return self._keeper.token()

    def fetch_access_token(self) -> None:
        raise NotImplementedError("the token keeper fetches tokens")

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        path = url_or_endpoint.removeprefix(self.API_BASE_URL)
        if not path.startswith("/"):
            path = "/cgi-bin/" + path
        processor = kwargs.pop("result_processor", None)
        request: Json = {"params": dict(kwargs.get("params") or {})}
        if "files" in kwargs:
            request["files"] = kwargs["files"]
        elif isinstance(kwargs.get("data"), Mapping):
            request["data"] = encode(path, kwargs["data"])
            request["headers"] = {"Content-Type": "application/json"}
        token = self._keeper.token()
        try:
            answer = self._once(method, path, token, request)
        except TokenRefused:
            answer = self._once(method, path, self._keeper.refused(token), request)
        try:
            return processor(answer) if processor else answer
        except (KeyError, TypeError):
            kind = RemoteUnavailable if path in READS else OutcomeUnknown
            raise kind(self._account.system, operation_of(path), "the answer lacks what was asked for") from None

    def _once(self, method: str, path: str, token: str, request: Json) -> Json:
        request["params"]["access_token"] = token
        outcome: Answer | NotSent | NoAnswer
        try:
            outcome = exchange(self._http, method, self._account.base_url + path, timeouts=self._timeouts, **request)
        except (NotSent, NoAnswer) as error:
            outcome = error
        return value_of(outcome, path, self._account.system, now=self._clock())


def value_of(outcome: Answer | NotSent | NoAnswer, path: str, system: str, *, now: datetime) -> Json:
    """What a call of ``path`` came to, as a value or as the error that tells the caller what to do."""
    sending = path not in READS
    if isinstance(outcome, NotSent):
        raise RemoteUnavailable(system, operation_of(path), str(outcome))
    if isinstance(outcome, NoAnswer):
        raise (OutcomeUnknown if sending else RemoteUnavailable)(system, operation_of(path), str(outcome))
    return read_answer(path, outcome.status, outcome.headers, outcome.body, sending=sending, now=now, system=system)
