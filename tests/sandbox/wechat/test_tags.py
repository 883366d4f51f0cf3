"""Tags: made, given, counted, taken away."""

from typing import Any

import pytest

from sandbox.people import PEOPLE
from tests.sandbox.conftest import Api


def listed(api: Api) -> dict[str, int]:
    return {tag["name"]: tag["count"] for tag in api.get("/cgi-bin/tags/get")["tags"]}


def test_a_tag_is_made_given_counted_and_taken_away(api: Api) -> None:
    tag = api.post("/cgi-bin/tags/create", {"tag": {"name": "个体工商户"}})["tag"]
    people = [person.openid for person in PEOPLE[:3]]
    assert api.post("/cgi-bin/tags/members/batchtagging", {"openid_list": people, "tagid": tag["id"]})["errcode"] == 0
    assert listed(api)["个体工商户"] == 3
    assert api.post("/cgi-bin/user/tag/get", {"tagid": tag["id"], "next_openid": ""}) == {
        "count": 3,
        "data": {"openid": people},
        "next_openid": people[-1],
    }
    assert tag["id"] in api.post("/cgi-bin/tags/getidlist", {"openid": people[0]})["tagid_list"]
    assert tag["id"] in api.get("/cgi-bin/user/info", openid=people[0])["tagid_list"]
    api.post("/cgi-bin/tags/members/batchuntagging", {"openid_list": people[:1], "tagid": tag["id"]})
    assert listed(api)["个体工商户"] == 2
    api.post("/cgi-bin/tags/delete", {"tag": {"id": tag["id"]}})
    assert "个体工商户" not in listed(api)


def test_nobody_who_left_is_counted(api: Api) -> None:
    tag = api.post("/cgi-bin/tags/create", {"tag": {"name": "市民"}})["tag"]["id"]
    for some in (PEOPLE[:50], PEOPLE[50:]):
        openids = [person.openid for person in some]
        api.post("/cgi-bin/tags/members/batchtagging", {"openid_list": openids, "tagid": tag})
    assert listed(api)["市民"] == sum(person.persona != "unfollowed" for person in PEOPLE)


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("tags/create", {"tag": {"name": "市民"}}, 45157),
        ("tags/create", {"tag": {"name": "长" * 31}}, 45158),
        ("tags/update", {"tag": {"id": 2, "name": "我的"}}, 45058),
        ("tags/delete", {"tag": {"id": 999}}, 45159),
        ("tags/members/batchtagging", {"openid_list": [], "tagid": 100}, 40032),
        ("tags/members/batchtagging", {"openid_list": ["oNobody"], "tagid": 100}, 40003),
        ("tags/members/batchtagging", {"openid_list": ["oNobody"], "tagid": 99}, 45159),
    ],
)
def test_what_breaks_the_rules_is_refused(api: Api, path: str, body: dict[str, Any], errcode: int) -> None:
    api.post("/cgi-bin/tags/create", {"tag": {"name": "市民"}})
    assert api.post(f"/cgi-bin/{path}", body)["errcode"] == errcode


def test_a_citizen_has_twenty_tags_and_an_account_a_hundred(api: Api) -> None:
    refused = 0
    for n in range(100):
        answer = api.post("/cgi-bin/tags/create", {"tag": {"name": f"第{n}个"}})
        refused += answer.get("errcode") == 45056
    assert refused == 0
    assert api.post("/cgi-bin/tags/create", {"tag": {"name": "又一个"}})["errcode"] == 45056
    tags = [tag["id"] for tag in api.get("/cgi-bin/tags/get")["tags"] if tag["id"] >= 100]
    give = "/cgi-bin/tags/members/batchtagging"
    answers = [api.post(give, {"openid_list": [PEOPLE[40].openid], "tagid": tag})["errcode"] for tag in tags[:21]]
    assert answers == [0] * 20 + [45059]
