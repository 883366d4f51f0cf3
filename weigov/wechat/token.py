"""One access token, shared by all workers through the ledger.

A keeper never stores a token itself: it reads the store's, and replaces it by compare-and-set under the store's lock.
Who sees a token refused says *which*; it is replaced only while it is still the stored one. ``stable_token`` gives
the same token to everybody who asks, so a refused one is asked for normally first and forced only if that did not
help: forcing is allowed 20 times a day, 30 s apart, and kills the token of everybody else. The store counts these for
all workers; when they are used up the account stands still with one reason, until WeChat renews the token by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Literal

import requests

from weigov.errors import RateLimited, RemoteUnavailable
from weigov.ports import Clock, Token, TokenStore
from weigov.wechat.account import Account
from weigov.wechat.protocol import AccountStopped, TokenRefused, encode, read_answer
from weigov.wechat.transport import NoAnswer, NotSent, Timeouts, exchange, prepare

Family = Literal["stable", "token"]

MARGIN = timedelta(minutes=4)  # WeChat itself renews 5 minutes before the end; the old one lives on meanwhile
FORCE_APART = timedelta(minutes=5)
LIFE = timedelta(hours=2)
FORCE_LIMIT = timedelta(seconds=30)  # WeChat's own
FORCE_PER_DAY = 20  # WeChat's own
#: How long a keeper goes by what it read. A token replaced meanwhile is refused without effect, and read again.
HELD_S = 2.0
_TIMEOUTS = Timeouts(connect_s=5, read_s=10, total_s=15)


class TokenKeeper:
    """The access token of ``account``. ``family``: ``stable`` (stable_token) or ``token`` (the older /token)."""

    def __init__(
        self, account: Account, store: TokenStore, http: requests.Session, clock: Clock, family: Family = "stable"
    ) -> None:
        self._account = account
        self._store = store
        self._http = prepare(http, account.base_url)
        self._clock = clock
        self._family = family
        self._held: Token | None = None
        self._held_until = 0.0

    def token(self) -> str:
        """A token good for at least four more minutes.

        Raises AccountStopped (wrong secret, IP not allowed…), RateLimited or RemoteUnavailable; nothing was sent.
        """
        held = self._held
        if held is not None and monotonic() < self._held_until and held.expires_at - self._clock() > MARGIN:
            return held.value
        stored = self._store.read(self._account.appid, self._family)
        if stored is not None and stored.expires_at - self._clock() > MARGIN:
            self._held, self._held_until = stored, monotonic() + HELD_S
            return stored.value
        return self._replace(stored, refused=None).value

    def refused(self, value: str) -> str:
        """The token to use after WeChat refused ``value``: a newer stored one, or a newly fetched one.

        When forcing a new one would be too soon it is ``value`` again. Raises what ``token`` raises.
        """
        self._held = None
        stored = self._store.read(self._account.appid, self._family)
        if stored is not None and stored.value != value:
            return self.token()
        return self._replace(stored, refused=value).value

    def _replace(self, stored: Token | None, refused: str | None) -> Token:
        def fetch() -> tuple[str, datetime]:
            fetched = self._fetch(force=False)
            if fetched[0] == refused and self._may_force(fetched[1]):
                return self._force() or fetched
            return fetched

        return self._store.refresh(self._account.appid, self._family, stored.version if stored else 0, fetch)

    def _may_force(self, expires_at: datetime) -> bool:
        """Not for a token hardly issued, nor soon after the last time: then the same one is tried once more."""
        now = self._clock()
        if self._family != "stable" or now - (expires_at - LIFE) < FORCE_LIMIT:
            return False
        answer = self._store.spend_force(self._account.appid, now=now, per_day=FORCE_PER_DAY, apart=FORCE_APART)
        if answer == "used_up":
            raise self._used_up()
        return answer == "granted"

    def _force(self) -> tuple[str, datetime] | None:
        """None: somebody else forced one a moment ago."""
        try:
            return self._fetch(force=True)
        except RateLimited as error:
            if error.code != 45009:
                return None
            self._store.no_force_left(self._account.appid, now=self._clock(), per_day=FORCE_PER_DAY)
            raise self._used_up() from None

    def _used_up(self) -> AccountStopped:
        return AccountStopped(
            self._account.system,
            self._operation,
            f"40001 令牌被拒，今日强制刷新额度（{FORCE_PER_DAY} 次）已用完；"
            "查是否有别的程序在用同一 AppSecret 刷新令牌，令牌到期换新后自动恢复"
            " (token refused, no forced refresh left today)",
            code=40001,
        )

    @property
    def _operation(self) -> str:
        return "stable_token" if self._family == "stable" else "token"

    def _fetch(self, *, force: bool) -> tuple[str, datetime]:
        now = self._clock()
        answer = self._ask(force=force, now=now)
        value, life_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(life_s, int) or life_s <= 0:
            raise RemoteUnavailable(self._account.system, self._operation, "the answer holds no usable token")
        return value, now + timedelta(seconds=life_s)

    def _ask(self, *, force: bool, now: datetime) -> Mapping[str, Any]:
        account, path = self._account, "/cgi-bin/" + self._operation
        identity = {"grant_type": "client_credential", "appid": account.appid, "secret": account.secret}
        request: dict[str, Any]
        if self._family == "stable":
            body = encode(path, {**identity, "force_refresh": force})
            request = {"method": "POST", "data": body, "headers": {"Content-Type": "application/json"}}
        else:
            request = {"method": "GET", "params": identity}
        try:
            answer = exchange(self._http, url=account.base_url + path, timeouts=_TIMEOUTS, **request)
            return read_answer(
                path, answer.status, answer.headers, answer.body, sending=False, now=now, system=account.system
            )
        except (NotSent, NoAnswer) as error:
            raise RemoteUnavailable(account.system, self._operation, str(error)) from None
        except TokenRefused as error:  # 40001 here means the secret
            raise AccountStopped(
                account.system,
                self._operation,
                f"{error.code} AppSecret 不对；在公众平台查看或重置 AppSecret，更新连接后再恢复 (wrong AppSecret)",
                code=error.code,
            ) from None
