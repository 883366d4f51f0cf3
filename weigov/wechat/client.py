"""One method per call of WeChat we use. Validates by the rulebook, calls once, answers with small values.

Each call raises, and the caller's decision follows from the class alone:

    RecordRejected      the rules say WeChat would refuse; nothing was sent
    AccountStopped      surely not done, and nothing will be until a person acts (a RemoteUnavailable)
    RateLimited         surely not done; again after ``retry_after_s`` (a RemoteUnavailable)
    RemoteUnavailable   surely not done; again later (of a read: it may be asked again)
    RemoteRefused       surely not done; the same request gets the same answer; ``code`` is the errcode
    OutcomeUnknown      it may have been done: never repeat it blindly

Nothing here or below retries, but for one case: a refused access token is replaced once per call. Ids are text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import requests

from weigov.errors import OutcomeUnknown, RecordRejected, RemoteError, RemoteRefused, RemoteUnavailable
from weigov.ports import Clock
from weigov.wechat import menus, rules
from weigov.wechat.account import Account
from weigov.wechat.mass import Mass
from weigov.wechat.menus import Current, Menus
from weigov.wechat.messages import Messages, message, msgid
from weigov.wechat.protocol import READS, AccountStopped, operation_of
from weigov.wechat.sdk import Json, Sdk
from weigov.wechat.statistics import Statistics
from weigov.wechat.token import TokenKeeper
from weigov.wechat.transport import DEFAULT_TIMEOUTS, NotSent, Timeouts
from weigov.wechat.way import Way

_T = TypeVar("_T")
Article = Mapping[str, Any]
PublishState = Literal[
    "published", "publishing", "original_check_failed", "failed", "refused", "deleted_by_user", "banned", "unknown"
]

#: publish_status of freepublish/get and of PUBLISHJOBFINISH.
PUBLISH_STATES: Mapping[int, PublishState] = {
    0: "published",
    1: "publishing",
    2: "original_check_failed",
    3: "failed",
    4: "refused",
    5: "deleted_by_user",
    6: "banned",
}

_GONE = {40007, 53600}  # a media_id or article_id that is not there (any more)


@dataclass(frozen=True, slots=True)
class Listed:
    """One draft (``id`` = media_id) or published item (``id`` = article_id) with its articles."""

    id: str
    articles: tuple[Article, ...] = field(repr=False)
    update_time: int  # epoch seconds


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``total`` counts the whole list."""

    total: int
    items: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class PublishStatus:
    """What became of a submitted draft. ``failed_articles`` counts from 1, and only where WeChat judged them."""

    publish_id: str
    state: PublishState
    article_id: str = ""
    urls: tuple[str, ...] = ()  # in the order of the articles
    failed_articles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Submitted:
    """A draft that was accepted for publishing. The figures know its articles by ``msg_data_id``, '' if not told."""

    publish_id: str
    msg_data_id: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """Today's calls of one path, by WeChat's own count (about 1 % off)."""

    daily_limit: int
    used: int
    remain: int


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """One of the account's message templates; ``content`` carries its ``{{key.DATA}}`` markers."""

    template_id: str
    title: str
    content: str = field(repr=False)


class AccountClient:
    """WeChat for one account. One per thread: ``http`` is not shared between threads."""

    def __init__(
        self,
        account: Account,
        token: TokenKeeper,
        http: requests.Session,
        clock: Clock,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        max_title: int = 32,
    ) -> None:
        self.account = account
        self._sdk = Sdk(account, token, http, clock, timeouts)
        self._token, self._http, self._clock, self._timeouts = token, http, clock, timeouts
        self._max_title = max_title
        self.statistics = Statistics(account, self._sdk)
        self.mass = Mass(account, self._sdk, clock)

    # ---- menu

    def create_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """Make ``buttons`` the default menu; replaces the old one, so it may be repeated."""
        self._check("menu/create", rules.menu_problems(buttons))
        self._sdk.menu.create({"button": list(buttons)})

    def get_menu(self) -> Menus:
        """The default menu and the conditional ones; no buttons when the API made no menu."""
        self._check("menu/get")
        try:
            answer = self._sdk.menu.get()
        except RemoteRefused as error:
            if error.code == 46003:
                return Menus()
            raise
        self._take("menu/get", answer, "menu")
        return self._read("menu/get", menus.read_menus, answer)

    def get_current_menu(self) -> Current:
        """What menu is shown, and whether it is switched on; also one that was made in WeChat's console."""
        answer = self._sdk.menu.get_menu_info()
        self._take("get_current_selfmenu_info", answer, "is_menu_open")
        return self._read("get_current_selfmenu_info", menus.read_current, answer)

    def add_conditional_menu(self, rule: Mapping[str, str], buttons: Sequence[Mapping[str, Any]]) -> str:
        """Add a menu for those who match ``rule`` (tag_id, client_platform_type); returns its menuid.

        The newest that matches is shown. WeChat knows no key and no edit: the same added twice is there twice.
        """
        self._check("menu/addconditional", rules.conditional_problems(rule, buttons))
        answer = self._sdk.menu.add_conditional({"button": list(buttons), "matchrule": dict(rule)})
        return str(self._take("menu/addconditional", answer, "menuid"))

    def delete_conditional_menu(self, menuid: str) -> None:
        """Delete one conditional menu; one that is gone already counts as deleted."""
        self._check("menu/delconditional")
        try:
            self._sdk.menu.del_conditional(menuid)
        except RemoteRefused as error:
            if error.code != 65301:
                raise

    def delete_menu(self) -> None:
        """Remove the default menu, and every conditional one with it."""
        self._check("menu/delete")
        self._sdk.menu.delete()

    # ---- materials

    def upload_image(self, data: bytes, filename: str, content_type: str) -> str:
        """Upload an image for use inside an article; returns its address at WeChat. jpg or png, up to 1 MB."""
        self._check("media/uploadimg", _file_problems(data, 1024 * 1024, content_type, ("image/jpeg", "image/png")))
        return str(self._sdk.media.upload_image((_safe(filename), data, content_type)))

    def add_material_image(self, data: bytes, filename: str, content_type: str) -> str:
        """Keep an image for good, as a cover; returns its media_id."""
        types = ("image/jpeg", "image/png", "image/gif", "image/bmp")
        self._check("material/add_material", _file_problems(data, 10 * 1024 * 1024, content_type, types))
        answer = self._sdk.material.add("image", (_safe(filename), data, content_type))
        return str(self._take("material/add_material", answer, "media_id"))

    def batchget_material(self, offset: int = 0, count: int = 20, type: str = "image") -> Json:
        """One page of the permanent materials, newest first, as WeChat words it (total_count, item)."""
        return dict(self._sdk.material.batchget(type, offset, count))

    # ---- drafts

    def add_draft(self, articles: Sequence[Article]) -> str:
        """Put one draft of 1 to 8 articles into the draft box; returns its media_id."""
        self._check("draft/add", rules.draft_problems(articles, max_title=self._max_title))
        return str(self._take("draft/add", self._sdk.draft.add(articles), "media_id"))

    def get_draft(self, media_id: str) -> tuple[Article, ...] | None:
        """The draft's articles as WeChat keeps them; None when it is gone (published, sent or deleted)."""
        try:
            return _articles(self._take("draft/get", self._sdk.draft.get(media_id), "news_item"))
        except RemoteRefused as error:
            if error.code in _GONE:
                return None
            raise

    def delete_draft(self, media_id: str) -> None:
        """Delete a draft; one that is gone already counts as deleted."""
        try:
            self._sdk.draft.delete(media_id)
        except RemoteRefused as error:
            if error.code not in _GONE:
                raise

    def batchget_drafts(self, offset: int = 0, count: int = 20, no_content: bool = True) -> Page:
        """One page of the draft box, newest first; ``no_content`` leaves the HTML out."""
        return self._page("draft/batchget", self._sdk.draft.batchget(offset, count, no_content), "media_id")

    # ---- publishing

    def submit(self, media_id: str) -> Submitted:
        """Publish a draft. Accepted only: what became of it comes by event or get_publish."""
        self._check("freepublish/submit")
        answer = self._sdk.freepublish.submit(media_id)
        publish_id = str(self._take("freepublish/submit", answer, "publish_id"))
        return Submitted(publish_id, str(answer.get("msg_data_id") or ""))

    def get_publish(self, publish_id: str) -> PublishStatus:
        """What became of a submitted draft. 100 calls a day: ask rarely."""
        answer = self._sdk.freepublish.get(publish_id)
        self._take("freepublish/get", answer, "publish_status")
        return publish_status(answer)

    def delete_published(self, article_id: str, index: int = 0) -> None:
        """Take a published article down for good; ``index`` from 1, 0 = all of them. 10 calls a day."""
        self._check("freepublish/delete")
        self._sdk.freepublish.delete(article_id, index)

    def get_article(self, article_id: str) -> tuple[Article, ...] | None:
        """A published item's articles, each with ``url`` and ``is_deleted``; None when there is no such item."""
        try:
            answer = self._sdk.freepublish.getarticle(article_id)
        except RemoteRefused as error:
            if error.code in _GONE:
                return None
            raise
        return _articles(self._take("freepublish/getarticle", answer, "news_item"))

    def batchget_published(self, offset: int = 0, count: int = 20, no_content: bool = True) -> Page:
        """One page of what is published, newest first; ``no_content`` leaves the HTML out."""
        answer = self._sdk.freepublish.batchget(offset, count, no_content)
        return self._page("freepublish/batchget", answer, "article_id")

    # ---- template messages

    def send_template(
        self,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        url: str,
        client_msg_id: str,
        *,
        fields: Sequence[str] = (),
    ) -> str:
        """Send one template message; returns its msgid. ``fields`` are the template's keys, all of them needed.

        WeChat delivers the same ``client_msg_id`` to the same person once within 10 minutes.
        """
        made = message(self.account, openid, template_id, data, url, client_msg_id, fields)
        return msgid(self.account, self._sdk.template_message.send(made))

    @property
    def sends_abreast(self) -> bool:
        """Whether ``messages`` may be used: not behind a proxy that speaks TLS itself, nor one that is misspelt."""
        return self._way is not None and self._way.is_plain

    def messages(self, width: int) -> Messages[Any]:
        """What sends up to ``width`` template messages at once, from one thread."""
        assert self._way is not None
        return Messages(self.account, self._token, self._way, self._clock, self._timeouts, width=width)

    @cached_property
    def _way(self) -> Way | None:
        try:
            return Way(self._http, self.account.base_url, self._timeouts)
        except NotSent:
            return None  # each call will say so

    def send_notice(
        self, openid: str, template_id: str, data: Mapping[str, str], page: str, *, fields: Sequence[str] = ()
    ) -> None:
        """Send one subscribe notice; the citizen must have agreed to it. Never to be repeated: there is no key."""
        problems = rules.message_problems(template_id, data, page, fields)
        self._check("message/subscribe/bizsend", [*problems, *([] if openid else ["touser: missing"])])
        message: Json = {"touser": openid, "template_id": template_id}
        if page:
            message["page"] = page
        message["data"] = {key: {"value": value} for key, value in data.items()}
        self._sdk.notices.bizsend(message)

    def send_custom(self, openid: str, message: Mapping[str, Any]) -> None:
        """Send one customer-service message (msgtype and its part). Never to be repeated: there is no key."""
        problems = rules.custom_problems(message)
        self._check("message/custom/send", [*problems, *([] if openid else ["touser: missing"])])
        self._sdk.notices.custom({"touser": openid, **message})

    def list_templates(self) -> tuple[TemplateInfo, ...]:
        """The templates this account has added."""
        self._check("template/get_all_private_template")
        answer = self._sdk.template.get_all_private_template()
        return tuple(
            TemplateInfo(str(t.get("template_id", "")), str(t.get("title", "")), str(t.get("content", "")))
            for t in self._take("template/get_all_private_template", answer, "template_list")
        )

    # ---- account and people

    def quota(self, path: str) -> Quota:
        """What is left of today's calls of ``path`` (``/cgi-bin/draft/add``)."""
        quota = self._take("openapi/quota/get", self._sdk.openapi.quota(path), "quota")
        return Quota(int(quota["daily_limit"]), int(quota["used"]), int(quota["remain"]))

    def clear_quota(self) -> None:
        """Have today's calls of every path counted from nothing. Ten a month: only when a person says so."""
        self._sdk.openapi.clear_quota(self.account.appid)

    def tags(self) -> dict[str, str]:
        """The account's tags: name → id."""
        self._check("tags/get")
        answer = self._sdk.tag.get()
        return self._read("tags/get", lambda tags: {str(tag["name"]): str(tag["id"]) for tag in tags}, answer)

    def user_info(self, openid: str) -> Json:
        """What WeChat tells about a follower; ``subscribe`` 0 means they do not follow."""
        return dict(self._sdk.user.get(openid))

    # ---- shared

    def _check(self, operation: str, problems: Sequence[str] = ()) -> None:
        reason = rules.not_permitted(self.account.type, self.account.verified, "/cgi-bin/" + operation)
        if reason:
            raise AccountStopped(self.account.system, operation, reason, whole_account=False)
        if problems:
            raise RecordRejected(operation, *problems)

    def _take(self, operation: str, answer: Mapping[str, Any], key: str) -> Any:
        """A part the answer must have: without it nobody knows what was done."""
        if answer.get(key) is None:
            kind: type[RemoteError] = RemoteUnavailable if "/cgi-bin/" + operation in READS else OutcomeUnknown
            raise kind(self.account.system, operation_of(operation), f"the answer has no {key}")
        return answer[key]

    def _read(self, operation: str, reader: Callable[[Any], _T], answer: Any) -> _T:
        """The answer to a read as a value; one that cannot be understood is none."""
        try:
            return reader(answer)
        except (KeyError, TypeError, AttributeError):
            raise RemoteUnavailable(self.account.system, operation, "the answer cannot be understood") from None

    def _page(self, operation: str, answer: Mapping[str, Any], id_name: str) -> Page:
        items = answer.get("item") or ()
        return Page(
            int(self._take(operation, answer, "total_count")),
            tuple(
                Listed(
                    str(item.get(id_name, "")),
                    _articles((item.get("content") or {}).get("news_item") or ()),
                    int(item.get("update_time") or 0),
                )
                for item in items
            ),
        )


def publish_status(answer: Mapping[str, Any]) -> PublishStatus:
    """freepublish/get's answer, or a PUBLISHJOBFINISH event's PublishEventInfo, as one value.

    Never raises: an event that cannot be understood must not stop those behind it; its state is ``unknown``.
    """
    state = PUBLISH_STATES.get(_number(answer.get("publish_status")), "unknown")
    detail = answer.get("article_detail")
    items = [
        i for i in _listed(detail.get("item") if isinstance(detail, Mapping) else None) if isinstance(i, Mapping)
    ]
    failed = _listed(answer.get("fail_idx")) if state in ("original_check_failed", "refused") else ()
    return PublishStatus(
        publish_id=str(answer.get("publish_id", "")).strip(),
        state=state,
        article_id=str(answer.get("article_id") or "").strip(),
        urls=tuple(str(i.get("article_url", "")).strip() for i in sorted(items, key=lambda i: _number(i.get("idx")))),
        failed_articles=tuple(_number(i) for i in failed),
    )


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _listed(value: Any) -> tuple[Any, ...]:
    """XML gives one thing where JSON gives a list of one."""
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _articles(items: Sequence[Article]) -> tuple[Article, ...]:
    return tuple(dict(item) for item in items)


def _file_problems(data: bytes, max_bytes: int, content_type: str, types: Sequence[str]) -> list[str]:
    problems = []
    if not 0 < len(data) <= max_bytes:
        problems.append(f"media: {len(data)} bytes, 1 to {max_bytes} are allowed")
    if content_type not in types:
        problems.append(f"media: {content_type} is not one of {', '.join(types)}")
    return problems


def _safe(filename: str) -> str:
    """A name that goes into a multipart header as it is; WeChat reads only its extension."""
    stem, _, extension = filename.rpartition(".")
    stem = "".join(c for c in stem if c.isascii() and (c.isalnum() or c in "-_"))[:64] or "image"
    return f"{stem}.{extension.lower()}"
