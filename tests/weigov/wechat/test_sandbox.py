"""The client and the gateway against the sandbox's WeChat, which shares no code with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import requests

from sandbox.app import create_app as create_sandbox
from sandbox.clock import BEIJING
from sandbox.people import PEOPLE, SERVICE_APPID
from sandbox.wechat.accounts import account as sandbox_account
from sandbox.wire import ClosableProtocol
from sandbox.world import World
from tests.weigov.serving import Web, serve
from tests.weigov.wechat.fake import AES_KEY, Store, account
from weigov.errors import OutcomeUnknown, RateLimited, RemoteRefused, RemoteUnavailable
from weigov.gateway.app import Gateway, InboxMessage, create_app
from weigov.wechat.account import Account
from weigov.wechat.callback import read_message
from weigov.wechat.client import AccountClient, publish_status
from weigov.wechat.cover import draw
from weigov.wechat.media import for_article, for_cover
from weigov.wechat.protocol import AccountStopped
from weigov.wechat.token import TokenKeeper

CASE = {
    "thing1": "居住证办理",
    "phrase2": "已受理",
    "character_string3": "SF202601050001",
    "time4": "2026年1月5日 09:30",
}
MENU: list[dict[str, Any]] = [
    {"type": "view", "name": "信息发布", "url": "https://gov.example/news"},
    {"name": "更多+", "sub_button": [{"type": "click", "name": "我的办件", "key": "my_cases"}]},
]


@dataclass
class Other:
    """The other side, and our client of its service account."""

    world: World
    web: Web
    who: Account
    store: Store
    client: AccountClient

    def citizen(self, persona: str = "ordinary") -> str:
        return next(p.openid for p in PEOPLE if p.persona == persona)

    def article(self) -> dict[str, str]:
        cover = for_cover(draw("通知").data)
        image = for_article(cover.data)
        url = self.client.upload_image(image.data, image.filename, image.content_type)
        return {
            "title": "关于公布2026年市级重点项目名单的通知",
            "author": "市发展改革局",
            "digest": "名单见正文",
            "content": f'<section><p>各有关单位：</p><img src="{url}"></section>',
            "content_source_url": "https://gov.example/1.html#weigov-1",
            "thumb_media_id": self.client.add_material_image(cover.data, cover.filename, cover.content_type),
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Web]]:
    world = World.open(tmp_path_factory.mktemp("sandbox") / "sandbox.db")
    world.clock.set(datetime(2026, 1, 5, 9, tzinfo=BEIJING))  # whenever they run, no test meets midnight
    with serve(create_sandbox(world), http=ClosableProtocol, lifespan="on") as web:
        yield world, web
    world.close()


@pytest.fixture
def other(running: tuple[World, Web]) -> Iterator[Other]:
    world, web = running
    owner = sandbox_account(world, SERVICE_APPID)
    assert owner is not None
    who = account(web.base_url, appid=owner.appid, secret=owner.secret)
    store = Store()
    with requests.Session() as http:
        keeper = TokenKeeper(who, store, http, world.clock.now)
        yield Other(world, web, who, store, AccountClient(who, keeper, http, world.clock.now))
    world.faults.clear()


def test_a_menu_is_made_read_back_and_removed(other: Other) -> None:
    other.client.create_menu(MENU)
    got = other.client.get_menu().buttons
    assert [b["name"] for b in got] == ["信息发布", "更多+"]
    other.client.create_menu(got)  # what it gives it takes
    other.client.delete_menu()
    assert other.client.get_menu().buttons == ()


def test_a_conditional_menu_is_added_listed_and_deleted_even_twice(other: Other) -> None:
    other.client.create_menu(MENU)
    menuid = other.client.add_conditional_menu({"client_platform_type": "1"}, MENU[1:])
    (found,) = other.client.get_menu().conditionals
    assert (found.menuid, found.rule, len(found.buttons)) == (menuid, {"client_platform_type": "1"}, 1)
    assert other.client.get_current_menu().is_open and other.client.tags() == {}
    for _ in range(2):
        other.client.delete_conditional_menu(menuid)
    assert other.client.get_menu().conditionals == ()
    other.client.delete_menu()


def test_an_article_goes_from_draft_to_published_to_gone(other: Other) -> None:
    article = other.article()
    media_id = other.client.add_draft([article])
    kept = other.client.get_draft(media_id)
    assert kept is not None and kept[0]["title"] == article["title"]
    assert kept[0]["content_source_url"] == article["content_source_url"] and "mmbiz.qpic.cn" in kept[0]["content"]
    assert media_id in [item.id for item in other.client.batchget_drafts().items]

    publish_id = other.client.submit(media_id).publish_id
    assert other.client.get_draft(media_id) is None
    other.world.clock.advance(60)
    status = other.client.get_publish(publish_id)
    assert (status.publish_id, status.state, len(status.urls)) == (publish_id, "published", 1)
    page = other.client.batchget_published(no_content=False)
    found = next(item for item in page.items if item.id == status.article_id)
    assert found.articles[0]["content_source_url"] == article["content_source_url"]

    other.client.delete_published(status.article_id)
    after = other.client.get_article(status.article_id)
    assert after is None or after[0]["is_deleted"]
    other.client.delete_draft(other.client.add_draft([article]))
    quota = other.client.quota("/cgi-bin/draft/add")
    assert quota.used >= 2 and quota.remain == quota.daily_limit - quota.used


def test_materials_can_be_found_again(other: Other) -> None:
    article = other.article()
    listed = other.client.batchget_material()
    assert article["thumb_media_id"] in [item["media_id"] for item in listed["item"]]


def test_a_template_message_arrives_once_for_one_key(other: Other) -> None:
    assert "TM00123" in [t.template_id for t in other.client.list_templates()]
    openid = other.citizen()
    first = other.client.send_template(openid, "TM00123", CASE, "https://gov.example/c", "k1", fields=list(CASE))
    assert first.isdigit()
    assert other.client.user_info(openid)["subscribe"] == 1


def test_citizens_who_cannot_be_reached_and_fields_wechat_refuses_are_refusals(other: Other) -> None:
    with pytest.raises(RemoteRefused) as caught:
        other.client.send_template(other.citizen("unfollowed"), "TM00123", CASE, "", "k2")
    assert caught.value.code == 43004
    with pytest.raises(RemoteRefused) as caught:
        other.client.send_template(other.citizen(), "TM00123", {"thing1": "x"}, "", "k3")
    assert caught.value.code == 47003 and "phrase2" in str(caught.value)


def test_a_lost_answer_is_unknown_and_the_effect_is_there(other: Other) -> None:
    media_id = other.client.add_draft([other.article()])
    other.world.faults.arm("lose_answer", "/cgi-bin/freepublish/submit", times=1)
    with pytest.raises(OutcomeUnknown):
        other.client.submit(media_id)
    assert other.client.get_draft(media_id) is None
    for kind in ("http_502", "html_200", "refuse_before"):
        other.world.faults.arm(kind, "/cgi-bin/draft/add", times=1)
        with pytest.raises(OutcomeUnknown):
            other.client.add_draft([other.article()])
    with pytest.raises(OutcomeUnknown):
        other.client.send_template(other.citizen("timeout_after_accept"), "TM00123", CASE, "", "k4")


def test_a_token_refused_once_is_not_noticed_and_refused_for_ever_is_bounded(other: Other) -> None:
    other.world.faults.arm("errcode", "/cgi-bin/menu/get", value="40001", times=1)
    assert other.client.get_menu().buttons == ()
    fault = other.world.faults.arm("errcode", "/cgi-bin/menu/get", value="40001")
    with pytest.raises(RemoteUnavailable):
        other.client.get_menu()
    assert next(f.fired for f in other.world.faults.all() if f.id == fault) == 2


def test_a_token_another_program_killed_is_replaced(other: Other) -> None:
    other.client.get_menu()
    other.world.clock.advance(31)
    body = {"grant_type": "client_credential", "appid": other.who.appid, "secret": other.who.secret}
    assert "access_token" in other.web.post("/cgi-bin/stable_token", json={**body, "force_refresh": True}).json()
    assert other.client.get_menu().buttons == ()
    other.world.clock.advance(7300)
    assert other.client.get_menu().buttons == ()


@pytest.mark.parametrize(
    ("code", "expected"), [("45009", RateLimited), ("48001", AccountStopped), ("-1", OutcomeUnknown)]
)
def test_what_it_says_is_understood(other: Other, code: str, expected: type[Exception]) -> None:
    other.world.faults.arm("errcode", "/cgi-bin/menu/create", value=code, times=1)
    with pytest.raises(expected):
        other.client.create_menu(MENU)


def test_a_wrong_secret_is_one_line(other: Other) -> None:
    who = account(other.web.base_url, appid=SERVICE_APPID, secret="0" * 32)
    with requests.Session() as http:
        client = AccountClient(
            who, TokenKeeper(who, Store(), http, other.world.clock.now), http, other.world.clock.now
        )
        with pytest.raises(AccountStopped, match=r"^wechat city stable_token: 40125 .*AppSecret") as caught:
            client.get_menu()
        assert "0" * 32 not in str(caught.value)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def test_events_come_back_through_the_gateway_once(other: Other) -> None:
    kept: dict[str, InboxMessage] = {}
    came: list[str] = []

    def store(message: InboxMessage) -> bool:
        came.append(message.dedupe_key)
        return kept.setdefault(message.dedupe_key, message) is message

    with serve(create_app(Gateway({"city": other.who}, store))) as gateway:
        callback = {"url": f"{gateway.base_url}/wechat/city", "token": "cbtoken", "encoding_aes_key": AES_KEY}
        set_up = other.web.put(f"/_sandbox/wechat/accounts/{SERVICE_APPID}/callback", json=callback)
        assert set_up.status_code == 200, set_up.text
        try:
            other.world.faults.arm("duplicate_event", times=1)
            msgid = other.client.send_template(other.citizen(), "TM00123", CASE, "", "k5")
            publish_id = other.client.submit(other.client.add_draft([other.article()])).publish_id
            other.world.clock.advance(60)
            message_key, job_key = f"templatesendjobfinish:{msgid}", f"publishjobfinish:{publish_id}"
            wait_until(lambda: came.count(message_key) == 2 and job_key in kept)
        finally:
            other.web.delete(f"/_sandbox/wechat/accounts/{SERVICE_APPID}/callback")
    assert (kept[message_key].event, kept[message_key].remote_id) == ("templatesendjobfinish", msgid)
    assert kept[message_key].openid == other.citizen() and came.count(message_key) == 2
    job = read_message(kept[job_key].payload).raw["PublishEventInfo"]
    assert publish_status(job) == other.client.get_publish(publish_id)
