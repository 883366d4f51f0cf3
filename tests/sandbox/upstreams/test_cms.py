from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
import requests

from sandbox.content import articles, columns

LOGIN = {"appId": "weigov", "appSecret": "demo-cms-secret"}


class Cms:
    """The CMS's REST calls, as raw as they are."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.token = self.post("/cms/api/login", LOGIN)["data"]["token"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-Access-Token": self.token} if hasattr(self, "token") else {}
        answer = requests.post(self.base + path, json=body, headers=headers, timeout=5)
        assert answer.status_code == 200
        return dict(answer.json())

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = requests.get(self.base + path, params=query, headers={"X-Access-Token": self.token}, timeout=5)
        assert answer.status_code == 200
        return dict(answer.json())

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 20):
            rows = self.get("/cms/api/articles", page=page, pageSize=50, **query)["data"]["rows"]
            if not rows:
                break
            found += rows
        return found

    def act(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, f"{self.base}/_sandbox/cms{path}", json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def cms(base: str) -> Cms:
    return Cms(base)


def test_a_wrong_secret_is_refused_inside_http_200(cms: Cms) -> None:
    answer = cms.post("/cms/api/login", {**LOGIN, "appSecret": "x"})
    assert answer == {"code": 403, "msg": "appId或appSecret错误", "data": None}


@pytest.mark.parametrize("path", ["/cms/api/articles", "/cms/api/channels", "/cms/api/articles/1893021547810004993"])
def test_a_wrong_token_is_refused_inside_http_200(cms: Cms, path: str) -> None:
    cms.token = "wrong"
    assert cms.get(path) == {"code": 401, "msg": "token已失效", "data": None}


def test_a_token_lives_half_an_hour(cms: Cms) -> None:
    requests.post(f"{cms.base}/_sandbox/clock/advance", json={"seconds": 29 * 60}, timeout=5)
    assert cms.get("/cms/api/channels")["code"] == 200
    requests.post(f"{cms.base}/_sandbox/clock/advance", json={"seconds": 61}, timeout=5)
    assert cms.get("/cms/api/channels")["code"] == 401


def test_every_column_but_the_top_ones_has_its_parent_before_it(cms: Cms) -> None:
    rows = cms.get("/cms/api/channels")["data"]["rows"]
    assert len(rows) == len(columns())
    seen = {0}
    for row in rows:
        assert row["parentId"] in seen
        seen.add(row["id"])
    assert [row["name"] for row in rows if row["parentId"] == 0] == ["信息发布", "办事服务", "更多"]


def test_paging_gives_every_article_once_in_the_order_of_change(cms: Cms) -> None:
    rows = cms.rows()
    total = cms.get("/cms/api/articles")["data"]["total"]
    assert len(rows) == len({row["id"] for row in rows}) == total == len(articles()) >= 60
    order = [(row["updateTime"], row["id"]) for row in rows]
    assert order == sorted(order)


def test_a_page_holds_fifty_at_most_and_nobody_is_told(cms: Cms) -> None:
    answer = cms.get("/cms/api/articles", pageSize=500)
    assert answer["code"] == 200
    assert len(answer["data"]["rows"]) == answer["data"]["pageSize"] == 50


def test_ids_are_numbers_a_double_cannot_hold(cms: Cms) -> None:
    for row in cms.rows():
        assert isinstance(row["id"], int) and len(str(row["id"])) == 19
    assert any(int(float(row["id"])) != row["id"] for row in cms.rows())


def test_updated_after_is_inclusive_and_knows_seconds(cms: Cms) -> None:
    rows = cms.rows()
    stamp = rows[30]["updateTime"]
    found = cms.rows(updatedAfter=stamp)
    assert [r["id"] for r in found] == [r["id"] for r in rows if r["updateTime"] >= stamp]
    later = (datetime.fromisoformat(stamp) + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S")
    assert len(cms.rows(updatedAfter=later)) < len(found)


def test_some_articles_share_the_second_of_their_change(cms: Cms) -> None:
    stamps = [row["updateTime"] for row in cms.rows()]
    assert max(map(stamps.count, stamps)) >= 3


@pytest.mark.parametrize(
    "query", [{"updatedAfter": "2026-01-05"}, {"page": 0}, {"page": "x"}, {"pageSize": -1}, {"channelCode": "%"}]
)
def test_a_wrong_parameter_is_named(cms: Cms, query: dict[str, Any]) -> None:
    answer = cms.get("/cms/api/articles", **query)
    assert answer["code"] == 400
    assert next(iter(query)) in answer["msg"]


def test_a_column_is_asked_with_everything_below_it(cms: Cms) -> None:
    notices = cms.rows(channelCode="0102")
    assert {row["channelCode"] for row in notices} == {"010201", "010202", "010203"}
    policies = cms.rows(channelCode="0104")
    assert len([n for n in notices if n["status"]]) >= 12
    assert len([p for p in policies if p["status"] and p["indexNumber"]]) >= 10
    assert len([p for p in policies if p["docNumber"]]) >= 10


def test_a_long_title_has_a_short_one_that_fits(cms: Cms) -> None:
    long = [row for row in cms.rows() if len(unescape(row["title"])) > 32]
    assert long
    for row in long:
        assert 0 < len(row["shortTitle"]) <= 32


def test_titles_are_as_odd_as_in_life(cms: Cms) -> None:
    titles = "".join(row["title"] for row in cms.rows())
    for oddity in ("&ldquo;", "𠮷", "☀️", "ＣＰＩ", "“"):
        assert oddity in titles


def test_bodies_carry_what_word_leaves_behind(cms: Cms) -> None:
    bodies = [cms.get(f"/cms/api/articles/{row['id']}")["data"]["html"] for row in cms.rows()]
    everything = "".join(bodies)
    for trace in ("MsoNormal", "<o:p>", "<style", "<script", "<!--[if gte mso 9]>", "data:image/png", "_GoBack"):
        assert trace in everything
    assert any(body.count("<table") >= 3 for body in bodies)
    assert len(set(bodies)) >= len(bodies) - 2  # the withdrawn ones are empty
    assert "{{host}}" not in everything and "{md" not in everything


def test_pictures_are_pictures_but_for_the_dead_one(cms: Cms) -> None:
    magic = {".png": b"\x89PNG", ".jpg": b"\xff\xd8", ".bmp": b"BM", "webp": b"RIFF"}
    names: set[str] = set()
    for row in cms.rows():
        html = cms.get(f"/cms/api/articles/{row['id']}")["data"]["html"]
        names |= {part.split('"')[0] for part in html.split("/cms/files/")[1:]}
    sizes = {}
    for name in names:
        answer = requests.get(f"{cms.base}/cms/files/{name}", timeout=5)
        sizes[name] = len(answer.content)
        if name.startswith("dead-"):
            assert answer.status_code == 404
        else:
            assert answer.content.startswith(magic[name[-4:]])
    assert {name[-4:] for name in names} == set(magic)
    assert all(sizes[name] > 1_000_000 for name in names if name.startswith("huge-"))
    assert any(name.startswith("huge-") for name in names)


def test_covers_and_attachments_can_be_fetched(cms: Cms) -> None:
    kinds = set()
    for row in cms.rows():
        detail = cms.get(f"/cms/api/articles/{row['id']}")["data"]
        for part in detail["attachments"]:
            answer = requests.get(part["url"], timeout=5)
            assert len(answer.content) == part["size"] > 0
            kinds.add(part["name"].rsplit(".", 1)[-1])
        if detail["cover"]:
            assert requests.get(detail["cover"], timeout=5).status_code == 200
    assert kinds == {"doc", "xls", "pdf"}


def test_an_edit_comes_again_with_a_later_stamp_even_in_the_same_second(cms: Cms) -> None:
    requests.post(f"{cms.base}/_sandbox/clock/freeze", timeout=5)
    article_id = cms.rows(channelCode="0104")[0]["id"]
    before = cms.rows()[-1]["updateTime"]
    first = cms.act("PATCH", f"/articles/{article_id}", {"title": "改过的标题"})
    second = cms.act("PATCH", f"/articles/{article_id}", {"append": "补充说明。"})
    requests.post(f"{cms.base}/_sandbox/clock/unfreeze", timeout=5)
    assert before <= first["updateTime"] < second["updateTime"]
    newest = cms.rows(updatedAfter=first["updateTime"])[-1]
    assert (newest["id"], newest["title"]) == (article_id, "改过的标题")
    assert "补充说明。" in cms.get(f"/cms/api/articles/{article_id}")["data"]["html"]


def test_a_withdrawn_article_stays_in_the_list_without_its_body(cms: Cms) -> None:
    article_id = cms.rows(channelCode="0102")[5]["id"]
    cms.act("POST", f"/articles/{article_id}/withdraw")
    row = next(r for r in cms.rows() if r["id"] == article_id)
    assert row["status"] == 0
    assert cms.get(f"/cms/api/articles/{article_id}")["data"]["html"] == ""
    cms.act("POST", f"/articles/{article_id}/restore")
    assert cms.get(f"/cms/api/articles/{article_id}")["data"]["html"] != ""


def test_a_new_article_is_the_newest_and_reads_as_written(cms: Cms) -> None:
    new = cms.act("POST", "/articles", {"title": "新通知", "channel_code": "010201", "text": "第一段\n第二段"})
    row = cms.rows()[-1]
    assert (str(row["id"]), row["title"], row["status"]) == (new["id"], "新通知", 1)
    html = cms.get(f"/cms/api/articles/{row['id']}")["data"]["html"]
    assert html.count("<p ") == 2 and "第二段" in html


def test_what_is_written_back_is_seen_and_changes_no_stamp(cms: Cms) -> None:
    row = cms.rows()[0]
    body = {"link": "https://mp.weixin.qq.com/s/abc", "state": "confirmed", "note": "x"}
    assert cms.post(f"/cms/api/articles/{row['id']}/wechat", body)["data"] == {"id": row["id"]}
    newest = cms.act("GET", "/write-backs")[-1]
    assert newest.items() >= {"id": str(row["id"]), **body}.items()
    assert cms.rows()[0] == row


@pytest.mark.parametrize(("article_id", "body", "code"), [(1, {"state": "x"}, 404), (None, {"link": "x"}, 400)])
def test_a_write_back_that_cannot_be_kept_is_refused(
    cms: Cms, article_id: int | None, body: dict[str, str], code: int
) -> None:
    target = article_id or cms.rows()[0]["id"]
    before = len(cms.act("GET", "/write-backs"))
    assert cms.post(f"/cms/api/articles/{target}/wechat", body)["code"] == code
    assert len(cms.act("GET", "/write-backs")) == before


@pytest.mark.parametrize(
    "path", ["/cms/api/articles/1", "/cms/api/articles/99999999999999999999", "/cms/api/articles/abc"]
)
def test_an_unknown_article_is_no_server_error(cms: Cms, path: str) -> None:
    assert cms.get(path)["code"] in (400, 404)
