"""A sandbox with WeChat alone, over a real port and on a frozen clock, and an account's view of it."""

import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import requests
import uvicorn

from sandbox import wechat
from sandbox.app import create_app
from sandbox.clock import BEIJING
from sandbox.people import PEOPLE, SERVICE_APPID
from sandbox.wechat.accounts import accounts
from sandbox.wire import ClosableProtocol
from sandbox.world import World

MORNING = datetime(2026, 1, 5, 9, tzinfo=BEIJING)


def png(width: int = 4, height: int = 3, padding: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xc8\x1e\x1e" * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"tEXt", b"padding\0" + b"x" * padding)
        + chunk(b"IEND", b"")
    )


class Client(requests.Session):
    """Paths instead of addresses."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url
        self.trust_env = False

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        return super().request(method, self.base_url + str(url), *args, **{"timeout": 10, **kwargs})


@dataclass
class Api:
    """Calls as one account makes them: raw UTF-8 bodies, the token in the query."""

    client: Client
    world: World
    appid: str
    secret: str
    token: str = ""

    def stable_token(self, **more: Any) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, **more}
        return self.raw("/cgi-bin/stable_token", json.dumps(body).encode())

    def post(self, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        return self.raw(path, json.dumps(body, ensure_ascii=False).encode(), token)

    def raw(self, path: str, body: bytes, token: str | None = None) -> dict[str, Any]:
        query = {"access_token": self.token if token is None else token}
        answer = self.client.post(path, params=query, data=body)
        assert answer.status_code == 200
        result: dict[str, Any] = answer.json()
        return result

    def get(self, path: str, token: str | None = None, **query: str) -> dict[str, Any]:
        query["access_token"] = self.token if token is None else token
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200
        result: dict[str, Any] = answer.json()
        return result

    def upload(self, path: str, content: bytes, filename: str = "a.png", **query: str) -> dict[str, Any]:
        query["access_token"] = self.token
        answer = self.client.post(path, params=query, files={"media": (filename, content)})
        result: dict[str, Any] = answer.json()
        return result

    def cover(self) -> str:
        media_id: str = self.upload("/cgi-bin/material/add_material", png(), type="image")["media_id"]
        return media_id

    def article(self, **changes: Any) -> dict[str, Any]:
        thumb = changes.pop("thumb_media_id", None) or self.cover()
        return {"title": "关于停水的通知", "content": "<p>正文</p>", "thumb_media_id": thumb, **changes}

    def add_draft(self, **changes: Any) -> dict[str, Any]:
        return self.post("/cgi-bin/draft/add", {"articles": [self.article(**changes)]})

    def publish(self, **changes: Any) -> dict[str, Any]:
        return self.post("/cgi-bin/freepublish/submit", {"media_id": self.add_draft(**changes)["media_id"]})

    def send(self, openid: str = PEOPLE[0].openid, **changes: Any) -> dict[str, Any]:
        fields = {
            "thing1": "居住证办理",
            "phrase2": "已受理",
            "character_string3": "SF202601050001",
            "time4": "2026年1月5日 09:30",
            **changes.pop("fields", {}),
        }
        body = {
            "touser": openid,
            "template_id": "TM00123",
            "data": {key: {"value": value} for key, value in fields.items() if value is not None},
            **changes,
        }
        return self.post("/cgi-bin/message/template/send", body)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = World.open(tmp_path_factory.mktemp("sandbox") / "sandbox.db", f"http://127.0.0.1:{port}")
    app = create_app(world, {"wechat": wechat})
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, http=ClosableProtocol, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the sandbox did not start"
        time.sleep(0.01)
    yield world
    server.should_exit = True
    thread.join(10)
    world.close()


@pytest.fixture
def world(served: World) -> World:
    """Its first day, at a clock that stands still, always at the same moment: an hour later is still that day."""
    served.faults.forget()
    served.clock.freeze()
    served.clock.set(MORNING)
    served.reset("wechat", wechat)
    return served


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(world.base_url) as client:
        yield client


@pytest.fixture
def account_api(client: Client, world: World) -> Callable[[str], Api]:
    def make(appid: str) -> Api:
        secret = next(one.secret for one in accounts(world) if one.appid == appid)
        api = Api(client, world, appid, secret)
        api.token = api.stable_token()["access_token"]
        return api

    return make


@pytest.fixture
def api(account_api: Callable[[str], Api]) -> Api:
    """The verified service account, with a token."""
    return account_api(SERVICE_APPID)
