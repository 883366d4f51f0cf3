"""What the citizen sees, and that nobody's text runs there."""

import re
from datetime import datetime

import pytest

from sandbox.clock import BEIJING
from sandbox.people import PEOPLE
from sandbox.phone.view import day, moment
from tests.sandbox.conftest import Api, png

HOSTILE = '"><script>x()</script>'
ME = PEOPLE[0].openid


def _page(api: Api, path: str = "", openid: str = ME, status: int = 200) -> str:
    answer = api.client.get(f"/phone/{openid}{path}")
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "default-src 'none'" in policy
    return answer.text


def _published(api: Api, **changes: str) -> str:
    publish_id = api.publish(**changes)["publish_id"]
    api.world.clock.advance(1)
    article_id: str = api.post("/cgi-bin/freepublish/get", {"publish_id": publish_id})["article_id"]
    return article_id


def test_a_template_message_shows_its_title_fields_and_link(api: Api) -> None:
    api.send(url="https://www.gov.example/case/1")
    page = _page(api)
    for text in ("示范市政府", "办件进度通知", "事项名称", "居住证办理", "已受理", "2026年1月5日 09:30"):
        assert text in page
    assert 'href="https://www.gov.example/case/1"' in page and "详情" in page


def test_hostile_template_values_are_shown_as_text(api: Api) -> None:
    assert api.send(fields={"thing1": "<img src=x onerror>"}, url=f"https://a.cn/{HOSTILE}")["errcode"] == 0
    page = _page(api)
    assert "&lt;img src=x onerror&gt;" in page
    assert "<img src=x" not in page and "<script>x" not in page


def test_a_link_that_is_no_web_address_leads_nowhere(api: Api) -> None:
    api.send(url="javascript:alert(1)")
    assert "javascript:" not in _page(api)


def test_hostile_menu_names_and_article_titles_are_shown_as_text(api: Api) -> None:
    button = {"name": "<i>菜</i>", "sub_button": [{"type": "click", "name": HOSTILE, "key": HOSTILE}]}
    assert api.post("/cgi-bin/menu/create", {"button": [button]})["errcode"] == 0
    article_id = _published(api, title=HOSTILE, author="<b>x</b>", content_source_url="https://a.cn/'\"><u>")
    for page in (_page(api), _page(api, "/profile"), _page(api, f"/article/{article_id}/1")):
        assert "<script>x" not in page
        assert "<i>菜" not in page and "<b>x" not in page and "<u>" not in page


def test_the_menu_shows_four_and_eight_characters(api: Api) -> None:
    subs = [{"type": "view", "name": "九个字的子菜单名称", "url": "https://a.cn/"}]
    api.post("/cgi-bin/menu/create", {"button": [{"name": "五个字的名", "sub_button": subs}]})
    page = _page(api)
    assert "五个字的..." in page and "九个字的子菜单名..." in page


def test_an_article_is_listed_and_read_with_its_pictures_from_here(api: Api) -> None:
    url = api.upload("/cgi-bin/media/uploadimg", png())["url"]
    article_id = _published(
        api, title="停水通知", content=f'<p>正文<img src="{url}"></p>', content_source_url="https://a.cn/1"
    )
    listed = _page(api, "/profile")
    assert "停水通知" in listed and "今天" in listed
    read = _page(api, f"/article/{article_id}/1")
    assert "mmbiz.qpic.cn" not in read
    for source in re.findall(r'<img src="(/mmbiz[^"]+)"', read + listed):
        assert api.client.get(source).content == png()
    assert 'href="https://a.cn/1"' in read and "阅读原文" in read


def test_a_link_to_a_published_article_opens_on_this_phone(api: Api) -> None:
    article_id = _published(api)
    shown = api.post("/cgi-bin/freepublish/getarticle", {"article_id": article_id})
    api.send(url=shown["news_item"][0]["url"])
    assert f'href="/phone/{ME}/article/{article_id}/1"' in _page(api)


def test_a_deleted_article_says_so_and_leaves_the_list(api: Api) -> None:
    article_id = _published(api, title="停水通知")
    api.post("/cgi-bin/freepublish/delete", {"article_id": article_id})
    assert "停水通知" not in _page(api, "/profile")
    assert "已被发布者删除" in _page(api, f"/article/{article_id}/1")


def test_who_blocked_the_account_sees_no_message(api: Api) -> None:
    blocked = next(person for person in PEOPLE if person.persona == "blocked")
    api.send(blocked.openid)
    assert "居住证办理" not in _page(api, openid=blocked.openid)


def test_who_left_sees_neither_menu_nor_messages_to_come(api: Api) -> None:
    api.post("/cgi-bin/menu/create", {"button": [{"type": "view", "name": "通知", "url": "https://a.cn/"}]})
    left = next(person for person in PEOPLE if person.persona == "unfollowed")
    page = _page(api, openid=left.openid)
    assert "取消关注" in page and 'class="menu"' not in page


def test_messages_close_together_share_one_time(api: Api) -> None:
    for pause in (0, 60, 400):
        api.world.clock.advance(pause)
        api.send()
    page = _page(api)
    assert (page.count('class="when"'), page.count('class="card"')) == (2, 3)


def test_the_version_changes_when_something_new_is_to_be_seen(api: Api) -> None:
    def version() -> str:
        return str(api.client.get(f"/phone/{ME}/version").json()["version"])

    seen = [version()]
    api.send()
    seen.append(version())
    api.post("/cgi-bin/menu/create", {"button": [{"type": "view", "name": "通知", "url": "https://a.cn/"}]})
    seen.append(version())
    _published(api)
    seen.append(version())
    assert len(set(seen)) == 4
    assert version() == seen[-1]


def test_a_tap_on_the_menu_is_an_event(api: Api) -> None:
    button = {"name": "办事", "sub_button": [{"type": "click", "name": "查询", "key": "query"}]}
    api.post("/cgi-bin/menu/create", {"button": [button]})
    assert api.client.post(f"/phone/{ME}/tap", json={"top": 0, "sub": 0}).json() == {"ok": True}
    assert api.client.post(f"/phone/{ME}/tap", json={"top": 3}).status_code == 404
    (event,) = api.client.get("/_sandbox/wechat/events", params={"appid": api.appid}).json()
    assert event["event"] == "CLICK" and "<![CDATA[query]]>" in event["xml"]


def test_side_by_side_are_conversation_articles_and_the_newest_article(api: Api) -> None:
    article_id = _published(api)
    page = _page(api, "/desk")
    for screen in ("?menu=1", "/profile", f"/article/{article_id}/1"):
        assert f'<iframe src="/phone/{ME}{screen}"' in page
    _page(api, "/desk", openid="nobody", status=404)


def test_everybody_is_on_the_first_page_and_nobody_else_has_one(api: Api) -> None:
    index = api.client.get("/phone/")
    assert all(person.openid in index.text for person in PEOPLE)
    _page(api, openid="nobody", status=404)
    _page(api, "/article/none/1", status=404)


@pytest.mark.parametrize(
    ("ago_s", "shown", "day_shown"),
    [
        (0, "12:00", "今天"),
        (86400, "昨天 12:00", "昨天"),
        (3 * 86400, "星期日 12:00", "3月7日"),
        (400 * 86400, "2026年2月3日 12:00", "2026年2月3日"),
    ],
)
def test_times_read_as_wechat_writes_them(ago_s: int, shown: str, day_shown: str) -> None:
    now = datetime(2027, 3, 10, 12, 0, tzinfo=BEIJING)
    assert moment(now.timestamp() - ago_s, now) == shown
    assert day(now.timestamp() - ago_s, now) == day_shown
