"""The vendors' systems under a test client: what they are asked here, no adapter of ours would ask."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from lxml import etree

from sandbox.app import create_app
from sandbox.vendors import SUBSYSTEMS
from sandbox.vendors.soap import ENVELOPE
from sandbox.world import World


class Client:
    """Calls into the application itself, without a port; cookies are kept as a browser keeps them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._cookies = httpx.Cookies()
        self._transport = httpx.ASGITransport(create_app(world, SUBSYSTEMS))

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://sandbox", cookies=self._cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self._cookies = client.cookies
                return answer

        return asyncio.run(send())

    def soap(self, path: str, body: str, action: str = "") -> tuple[int, str]:
        """The status, and the text the operation returned (or the fault's)."""
        text = f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        answer = self.call("POST", path, content=text.encode(), headers=headers)
        result = etree.fromstring(answer.content, etree.XMLParser(recover=True))[0][0]
        found = result.findtext("faultstring") if result.tag.endswith("}Fault") else result[0].text
        return answer.status_code, found or ""

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, "/_sandbox" + path, json=body).json()


@pytest.fixture
def client() -> Iterator[Client]:
    world = World.open(":memory:")
    yield Client(world)
    world.close()
