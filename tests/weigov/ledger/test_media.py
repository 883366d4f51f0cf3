"""Bytes are kept once, by what they are; what WeChat calls them is remembered per account and use."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest

from weigov.ledger import media
from weigov.ledger.engine import Ledger
from weigov.ledger.media import Uploaded

APP = "wx0123456789abcdef"
PICTURE = b"\x89PNG\r\n\x00bytes"


def test_the_same_bytes_are_kept_once(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        sha256 = media.keep_blob(connection, PICTURE, "image/png", now=now)
        assert sha256 == hashlib.sha256(PICTURE).hexdigest()
        assert media.keep_blob(connection, PICTURE, "image/png", now=now) == sha256
        assert media.blob(connection, sha256) == (PICTURE, "image/png")
        with pytest.raises(LookupError, match=r"no blob 000000000000$"):
            media.blob(connection, "0" * 64)


def test_an_upload_is_remembered_by_account_and_use(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        assert media.known(connection, APP, "body", "s" * 64) is None
        media.remember(connection, APP, "body", "s" * 64, url="https://mmbiz/1", now=now)
        media.remember(connection, APP, "cover", "s" * 64, remote_id="M1", now=now)
        assert media.known(connection, APP, "body", "s" * 64) == Uploaded("", "https://mmbiz/1")
        assert media.known(connection, APP, "cover", "s" * 64) == Uploaded("M1", "")
        assert media.known(connection, "wxother", "cover", "s" * 64) is None


def test_a_later_upload_replaces_and_a_lost_one_is_forgotten(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as connection:
        media.remember(connection, APP, "cover", "s" * 64, remote_id="M1", now=now)
        media.remember(connection, APP, "cover", "s" * 64, remote_id="M2", now=now)
        assert media.known(connection, APP, "cover", "s" * 64) == Uploaded("M2", "")
        media.forget(connection, APP, "cover", "s" * 64)
        assert media.known(connection, APP, "cover", "s" * 64) is None
