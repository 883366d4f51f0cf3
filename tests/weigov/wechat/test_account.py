"""A connection becomes an account, or one line says what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.weigov.wechat.fake import AES_KEY, SECRET
from weigov.errors import ConfigError
from weigov.ports import Connection
from weigov.wechat.account import OFFICIAL_API, account_from_connection

CONNECTION = Connection(
    "wechat_city",
    "wechat_account",
    login="wx1",
    password=SECRET,
    extra={"token": "cb", "encoding_aes_key": AES_KEY, "previous_encoding_aes_key": "P" * 43},
)


def test_every_part_is_found_and_no_secret_shows() -> None:
    account = account_from_connection(CONNECTION, "service", name="city")
    assert (account.name, account.appid, account.secret, account.base_url) == ("city", "wx1", SECRET, OFFICIAL_API)
    assert (account.callback_token, account.aes_keys) == ("cb", (AES_KEY, "P" * 43))
    assert not [s for s in (SECRET, AES_KEY, "cb'") if s in repr(account)]
    assert account_from_connection(replace(CONNECTION, base_url="http://127.0.0.1:1/"), "service").base_url[-1] == "1"


def test_everything_missing_is_named_at_once_without_a_secret() -> None:
    wrong = Connection("wechat_city", base_url="ftp://x", extra={"encoding_aes_key": "short!key"})
    everything = r"connection wechat_city: .*appid.*AppSecret.*encoding_aes_key.*https"
    with pytest.raises(ConfigError, match=everything) as e:
        account_from_connection(wrong, "service")
    assert "short!key" not in str(e.value)
