"""The types of connection, each able to say in one line whether it works.

A hook here only tests: tasks speak to systems through ``adapters`` and to WeChat through ``weigov.wechat``. Pressing
Test says truthfully what was tried and what was not: of a system of the site the same as ``weigov check``, of any
other address only whether it answers. No secret is in the answer, and no line of a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from airflow.sdk import BaseHook

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.look.check import check, summary
from adapters.vocabulary import Descriptor
from adapters.wire import Limits, NoAnswer, NotSent, Wire
from weigov.errors import ConfigError, WeigovError
from weigov.notify import Notice, tell
from weigov.ports import Connection, Force, Token
from weigov.settings import Settings
from weigov.wechat.account import account_from_connection
from weigov.wechat.token import TokenKeeper
from weigov.wiring import clock, usable_site
from weigov_airflow.credentials import AirflowCredentials, connection

_LIMITS = Limits(connect_s=5, read_s=10, total_s=15, max_bytes=1 << 20)


class _Hook(BaseHook):
    """What Airflow asks of a hook, and the frame of a test."""

    conn_name_attr = "conn_id"

    def __init__(self, conn_id: str = "") -> None:
        super().__init__()
        self.conn_id = conn_id

    def test_connection(self) -> tuple[bool, str]:
        """(does it work, one line for the operator)"""
        try:
            return self.try_it(connection(self.conn_id))
        except WeigovError as error:
            # The test runs under a name of Airflow's own that means nothing to anybody.
            return False, str(error).replace(f"connection {self.conn_id}: ", "")

    def try_it(self, found: Connection) -> tuple[bool, str]:
        raise NotImplementedError


class WeChatAccountHook(_Hook):
    """An Official Account: asks WeChat for an access token, which harms no other holder of it."""

    conn_type = "wechat_account"
    hook_name = "微信公众号 WeChat Official Account"
    default_conn_name = "wechat_default"

    def try_it(self, found: Connection) -> tuple[bool, str]:
        account = account_from_connection(found, "service", name=found.login)
        token = TokenKeeper(account, _Once(), requests.Session(), lambda: datetime.now(UTC)).token()
        keys = "callback keys are set" if account.aes_keys and account.callback_token else "no callback keys"
        return bool(token), f"微信已发放 access_token；WeChat issued an access token for {account.appid}; {keys}"


class _SystemHook(_Hook):
    """A government system. How it logs in is in its descriptor, and which descriptor that is in the site."""

    engines: tuple[str, ...] = ()  # a descriptor's, that this type of connection serves

    def try_it(self, found: Connection) -> tuple[bool, str]:
        used = system_of(found, self.engines)
        if used is None or not used.descriptor.streams:  # what is only written to is not tried by writing
            return self.reach(found)
        return _checked(used, found)

    def reach(self, found: Connection) -> tuple[bool, str]:
        """What can be said where no system of the site uses the connection, or one that offers nothing to read."""
        raise NotImplementedError


class _Reached(_SystemHook):
    probe = ""

    def reach(self, found: Connection) -> tuple[bool, str]:
        address = urlsplit(found.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            return False, "没有接口地址：host 应以 https:// 或 http:// 开头 (host must be an http or https address)"
        shown = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        ca_file = found.extra.get("ca_file")
        try:
            wire = Wire(limits=_LIMITS, verify=str(ca_file) if ca_file else True)
            answer = wire.send("GET", found.base_url + self.probe, headers={})
        except (NotSent, NoAnswer, OSError, ValueError) as error:
            return False, f"无法连通 {shown} cannot be reached: {error}"
        said = f"{shown} 已连通，HTTP {answer.status}；未尝试登录 reached, log-in not tried"
        return answer.status < 500, said


class GovRestHook(_Reached):
    """A system over REST."""

    conn_type = "gov_rest"
    hook_name = "政务系统 REST Government system (REST)"
    default_conn_name = "gov_rest_default"
    engines = ("rest",)


class GovSoapHook(_Reached):
    """A system over SOAP; asks for its WSDL where the site does not know it."""

    conn_type = "gov_soap"
    hook_name = "政务系统 SOAP Government system (SOAP)"
    default_conn_name = "gov_soap_default"
    engines = ("soap",)
    probe = "?wsdl"


class _OfExchange(_SystemHook):
    def reach(self, found: Connection) -> tuple[bool, str]:
        return False, "站点中没有系统使用此连接，未测试 not tried: no system of the site uses this connection"


class GovTableHook(_OfExchange):
    """Exchange tables: the database two sides share."""

    conn_type = "gov_table"
    hook_name = "前置库 Exchange tables"
    default_conn_name = "gov_table_default"
    engines = ("table",)


class GovFilesHook(_OfExchange):
    """Exchanged files: the folder two sides share."""

    conn_type = "gov_files"
    hook_name = "文件交换 Exchanged files"
    default_conn_name = "gov_files_default"
    engines = ("files",)


class AlertHook(_Hook):
    """Where the people on duty are told. Its test tells them something: nothing less shows that they hear it."""

    conn_type = "weigov_alert"
    hook_name = "值班通知 Alerts"
    default_conn_name = "duty_default"

    def try_it(self, found: Connection) -> tuple[bool, str]:
        address = urlsplit(found.base_url)
        if address.scheme in ("smtp", "smtps"):
            return False, "邮件没有测试：收件人写在 site.yaml not tried: the receivers of mail are in site.yaml"
        notice = Notice("[政微通] 测试 test", "收到即表示通知有效 this is a test", {"state": "test"})
        tell("webhook" if found.base_url and "qyapi" not in found.base_url else "wecom", (), found, notice)
        return True, "已发出一条测试通知 a test message was sent"


@dataclass(frozen=True, slots=True)
class _Used:
    """A system of the site, and the descriptor it is read by."""

    name: str
    descriptor: Descriptor
    media_hosts: tuple[str, ...]
    now: datetime


def system_of(found: Connection, engines: tuple[str, ...]) -> _Used | None:
    """The system of the site that uses this connection; None where the site cannot be read, or has none.

    Airflow tests what is typed into a form under a passing name of its own. So where no system names the connection,
    it is the system whose stored connection has the same address and log-in, or else the only one of its kind that
    has no connection yet.
    """
    settings = Settings.from_environ()
    try:
        site, _ = usable_site(settings.site)
        now = clock(settings)()
    except WeigovError:
        return None
    credentials = AirflowCredentials(settings.secrets_file)
    same: list[_Used] = []
    waiting: list[_Used] = []
    for name, config in site.systems.items():
        descriptor = load_descriptor(site.shapes[name].file)
        used = _Used(name, descriptor, tuple(config.media_hosts), now)
        if config.connection == found.name:
            return used
        if descriptor.engine not in engines:
            continue
        try:
            stored = credentials.get(config.connection)
        except ConfigError:
            waiting.append(used)
            continue
        if _address(stored) == _address(found):
            same.append(used)
    if same:
        return same[0]
    return waiting[0] if len(waiting) == 1 else None


def _address(of: Connection) -> tuple[Any, ...]:
    """What tells two systems apart: where they are, and who we are there."""
    return of.base_url, of.extra.get("url"), of.extra.get("folder"), of.login


def _checked(used: _Used, found: Connection) -> tuple[bool, str]:
    system = open_system(
        used.name, used.descriptor, found, media_hosts=used.media_hosts, limits=_LIMITS, sleep=lambda seconds: None
    )
    try:
        checked = list(check(system, used.descriptor, found.base_url, used.now))
    finally:
        system.close()
    good, said = summary(used.name, used.descriptor, checked)
    return good, said.replace(f"connection {found.name}", "this connection")


class _Once:
    """A token store for one question: it remembers nothing, so what is stored for real stays untouched."""

    def read(self, appid: str, family: str) -> Token | None:
        return None

    def refresh(self, appid: str, family: str, seen_version: int, fetch: Callable[[], tuple[str, datetime]]) -> Token:
        value, expires_at = fetch()
        return Token(value, expires_at, 1)

    def spend_force(self, appid: str, *, now: datetime, per_day: int, apart: timedelta) -> Force:
        return "used_up"  # a test kills nobody's token

    def no_force_left(self, appid: str, *, now: datetime, per_day: int) -> None:
        pass
