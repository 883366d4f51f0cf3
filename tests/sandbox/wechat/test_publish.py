"""Publishing: what is accepted, what becomes of it, and what is taken down."""

import pytest

from tests.sandbox.conftest import Api

SUBMIT, GET = "/cgi-bin/freepublish/submit", "/cgi-bin/freepublish/get"


def _published(api: Api, **changes: str) -> tuple[int, str]:
    publish_id = api.publish(**changes)["publish_id"]
    api.world.clock.advance(1)
    return publish_id, api.post(GET, {"publish_id": publish_id})["article_id"]


def test_a_submit_consumes_the_draft(api: Api) -> None:
    media_id = api.add_draft()["media_id"]
    answer = api.post(SUBMIT, {"media_id": media_id})
    assert answer["errcode"] == 0 and isinstance(answer["publish_id"], int)
    assert api.post(SUBMIT, {"media_id": media_id})["errcode"] == 40007
    assert api.post("/cgi-bin/draft/get", {"media_id": media_id})["errcode"] == 40007


def test_it_is_publishing_until_its_second_has_passed_on_the_sandboxs_clock(api: Api) -> None:
    publish_id = api.publish()["publish_id"]
    assert api.post(GET, {"publish_id": publish_id}) == {
        "publish_id": publish_id,
        "publish_status": 1,
        "fail_idx": [1],
    }
    api.world.clock.advance(1)
    done = api.post(GET, {"publish_id": publish_id})
    assert done["publish_status"] == 0 and done["fail_idx"] == []
    assert done["article_detail"]["count"] == 1
    assert f"mid={publish_id}&idx=1" in done["article_detail"]["item"][0]["article_url"]


@pytest.mark.parametrize(("status", "fail_idx"), [(2, [1]), (3, []), (4, [1])])
def test_a_publishing_may_fail_on_request(api: Api, status: int, fail_idx: list[int]) -> None:
    api.client.post("/_sandbox/faults", json={"kind": "publish_status", "value": status, "times": 1})
    publish_id = api.publish()["publish_id"]
    api.world.clock.advance(1)
    answer = api.post(GET, {"publish_id": publish_id})
    assert answer == {"publish_id": publish_id, "publish_status": status, "fail_idx": fail_idx}
    assert api.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 20})["total_count"] == 0


def test_publish_id_is_a_string_where_that_is_set(api: Api) -> None:
    path = f"/_sandbox/wechat/accounts/{api.appid}/settings"
    assert api.client.patch(path, json={"publish_id_as": "string"}).status_code == 200
    assert isinstance(api.publish()["publish_id"], str)


@pytest.mark.parametrize(("publish_id", "errcode"), [("", 40002), (1, 53502), ("x", 53502)])
def test_an_unknown_publish_id_is_refused(api: Api, publish_id: object, errcode: int) -> None:
    assert api.post(GET, {"publish_id": publish_id})["errcode"] == errcode


def test_published_articles_are_listed_newest_first_and_can_be_read(api: Api) -> None:
    _published(api, title="一")
    _, article_id = _published(api, title="二", content_source_url="https://a.cn/2")
    page = api.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 1, "no_content": 1})
    assert (page["total_count"], page["item_count"]) == (2, 1)
    item = page["item"][0]["content"]["news_item"][0]
    assert (item["title"], item["is_deleted"]) == ("二", False)
    read = api.post("/cgi-bin/freepublish/getarticle", {"article_id": article_id})["news_item"][0]
    assert (read["content"], read["content_source_url"]) == ("<p>正文</p>", "https://a.cn/2")
    assert api.post("/cgi-bin/freepublish/getarticle", {"article_id": "gone"})["errcode"] == 53600


def test_a_deleted_article_stays_deleted(api: Api) -> None:
    publish_id, article_id = _published(api)
    delete = "/cgi-bin/freepublish/delete"
    assert api.post(delete, {"article_id": article_id, "index": 2})["errcode"] == 40060
    assert api.post(delete, {"article_id": article_id})["errcode"] == 0
    assert api.post(delete, {"article_id": article_id})["errcode"] == 53600
    assert api.post(GET, {"publish_id": publish_id})["publish_status"] == 5
    read = api.post("/cgi-bin/freepublish/getarticle", {"article_id": article_id})
    assert read["news_item"][0]["is_deleted"] is True
    counts = api.client.get("/_sandbox/wechat/articles", params={"appid": api.appid}).json()["distinct"]
    assert [(one["published"], one["standing"]) for one in counts] == [(1, 0)]


def test_one_article_of_several_is_deleted_by_its_index(api: Api) -> None:
    thumb = api.cover()
    articles = [api.article(title=title, thumb_media_id=thumb) for title in ("一", "二")]
    media_id = api.post("/cgi-bin/draft/add", {"articles": articles})["media_id"]
    publish_id = api.post(SUBMIT, {"media_id": media_id})["publish_id"]
    api.world.clock.advance(1)
    done = api.post(GET, {"publish_id": publish_id})
    assert [item["idx"] for item in done["article_detail"]["item"]] == [1, 2]
    api.post("/cgi-bin/freepublish/delete", {"article_id": done["article_id"], "index": 1})
    read = api.post("/cgi-bin/freepublish/getarticle", {"article_id": done["article_id"]})
    assert [item["is_deleted"] for item in read["news_item"]] == [True, False]
    assert api.post(GET, {"publish_id": publish_id})["publish_status"] == 0


def test_wechat_may_take_an_article_down_long_after(api: Api) -> None:
    publish_id, article_id = _published(api)
    path = f"/_sandbox/wechat/articles/{article_id}/take-down"
    assert api.client.post(path, json={"status": 6}).status_code == 200
    assert api.post(GET, {"publish_id": publish_id})["publish_status"] == 6
    assert api.client.post("/_sandbox/wechat/articles/none/take-down", json={"status": 6}).status_code == 404


def test_articles_bear_the_moment_they_were_due_even_when_asked_about_late(api: Api) -> None:
    start = api.world.clock.timestamp()
    publish_id = api.publish()["publish_id"]
    api.world.clock.advance(3600)
    api.post(GET, {"publish_id": publish_id})
    listed = api.client.get("/_sandbox/wechat/articles", params={"appid": api.appid}).json()["published"]
    assert listed[0]["published_at"] == pytest.approx(start + 1, abs=0.01)
