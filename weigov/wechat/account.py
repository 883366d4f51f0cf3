"""One Official Account as we know it: its ids, its secrets, what kind it is. Secrets never show in a repr."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from weigov.errors import ConfigError
from weigov.ports import Connection

AccountType = Literal["service", "subscription"]

OFFICIAL_API = "https://api.weixin.qq.com"

_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Account:
    """``name`` is the site's word for it; ``aes_keys`` holds the present EncodingAESKey first, then older ones."""

    name: str
    appid: str
    type: AccountType
    secret: str = field(repr=False)
    verified: bool = True
    callback_token: str = field(default="", repr=False)
    aes_keys: tuple[str, ...] = field(default=(), repr=False)
    base_url: str = OFFICIAL_API

    @property
    def system(self) -> str:
        """How errors and logs call it."""
        return f"wechat {self.name}"


def account_from_connection(
    connection: Connection, type: AccountType, *, name: str = "", verified: bool = True
) -> Account:
    """The account that a ``wechat_account`` connection describes.

    login = appid, password = secret; extra: ``token``, ``encoding_aes_key``, ``previous_encoding_aes_key`` (needed
    only where callbacks are received). Raises ConfigError naming every part that is missing or malformed.
    """
    extra = connection.extra
    keys = tuple(str(extra[k]) for k in ("encoding_aes_key", "previous_encoding_aes_key") if extra.get(k))
    wrong = [
        f"{part} is missing"
        for part, value in (("login (appid)", connection.login), ("password (AppSecret)", connection.password))
        if not value
    ]
    wrong += ["an encoding_aes_key is not 43 letters and digits" for key in keys if not _AES_KEY.fullmatch(key)]
    base_url = (connection.base_url or OFFICIAL_API).rstrip("/")
    if not base_url.startswith(("https://", "http://")):
        wrong.append("its address must begin with https:// or http://")
    if wrong:
        raise ConfigError(f"connection {connection.name}: " + "; ".join(wrong))
    return Account(
        name=name or connection.name,
        appid=connection.login,
        type=type,
        secret=connection.password,
        verified=verified,
        callback_token=str(extra.get("token", "")),
        aes_keys=keys,
        base_url=base_url,
    )
