"""A fake peer, and a client that speaks to it; where other projects' recorded answers are, if they are here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.weigov.wechat.fake import NOW, Peer, Store, account, peer
from weigov.wechat.client import AccountClient
from weigov.wechat.token import TokenKeeper
from weigov.wechat.transport import Timeouts


@pytest.fixture
def shared() -> Path:
    """The folder of recorded answers: WEIGOV_SHARED, or ``shared`` beside the project."""
    folder = Path(os.environ.get("WEIGOV_SHARED", Path(__file__).parents[4] / "shared"))
    if not (folder / "fixtures" / "wechat").is_dir():
        pytest.skip("other projects' recorded answers are not here (set WEIGOV_SHARED)")
    return folder


@dataclass
class Talk:
    peer: Peer
    store: Store
    keeper: TokenKeeper
    client: AccountClient


@pytest.fixture
def talk() -> Iterator[Talk]:
    with peer() as other, requests.Session() as http:
        store = Store()
        who = account(other.base_url)
        keeper = TokenKeeper(who, store, http, lambda: NOW)
        timeouts = Timeouts(connect_s=1, read_s=0.5, total_s=2)
        yield Talk(other, store, keeper, AccountClient(who, keeper, http, lambda: NOW, timeouts=timeouts))
