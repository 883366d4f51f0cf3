"""The three types of connection, each able to say in one line whether it works.

A hook here only tests: tasks speak to systems through ``adapters`` and to WeChat through ``weigov.wechat``. Pressing
Test says truthfully what was tried and what was not. No secret is in the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from airflow.sdk import BaseHook

from adapters.wire import Limits, NoAnswer, NotSent, Wire
from weigov.errors import WeigovError
from weigov.ports import Connection, Token
from weigov.wechat.account import account_from_connection
from weigov.wechat.token import TokenKeeper
from weigov_airflow.credentials import connection

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


class _Reached(_Hook):
    """A government system: whether its address answers. How it logs in is in its descriptor, not known here."""

    probe = ""

    def try_it(self, found: Connection) -> tuple[bool, str]:
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


class GovSoapHook(_Reached):
    """A system over SOAP; asks for its WSDL."""

    conn_type = "gov_soap"
    hook_name = "政务系统 SOAP Government system (SOAP)"
    default_conn_name = "gov_soap_default"
    probe = "?wsdl"


class _Once:
    """A token store for one question: it remembers nothing, so what is stored for real stays untouched."""

    def read(self, appid: str, family: str) -> Token | None:
        return None

    def refresh(self, appid: str, family: str, seen_version: int, fetch: Callable[[], tuple[str, datetime]]) -> Token:
        value, expires_at = fetch()
        return Token(value, expires_at, 1)
