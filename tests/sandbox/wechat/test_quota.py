"""Limits by Beijing day and by minute."""

from datetime import datetime

from tests.sandbox.conftest import Api


def _limit(api: Api, path: str, **limits: int) -> None:
    answer = api.client.put(f"/_sandbox/wechat/accounts/{api.appid}/limits", json={"path": path, **limits})
    assert answer.status_code == 200


def test_the_day_is_beijings(api: Api) -> None:
    _limit(api, "/cgi-bin/draft/count", daily=1)
    api.world.clock.set(datetime.fromisoformat("2027-03-01T23:59:50+08:00"))
    api.token = api.stable_token()["access_token"]
    assert api.get("/cgi-bin/draft/count") == {"total_count": 0}
    refusal = api.get("/cgi-bin/draft/count")
    assert refusal["errcode"] == 45009
    assert " rid: " in refusal["errmsg"]
    api.world.clock.advance(11)
    assert "errcode" not in api.get("/cgi-bin/draft/count")


def test_a_minute_limit_ends_with_the_minute(api: Api) -> None:
    _limit(api, "/cgi-bin/draft/count", minute=1)
    assert "errcode" not in api.get("/cgi-bin/draft/count")
    assert api.get("/cgi-bin/draft/count")["errcode"] == 45011
    api.world.clock.advance(60)
    assert "errcode" not in api.get("/cgi-bin/draft/count")


def test_publishing_may_be_asked_about_a_hundred_times_a_day(api: Api) -> None:
    publish_id = api.publish()["publish_id"]
    codes = [api.post("/cgi-bin/freepublish/get", {"publish_id": publish_id}).get("errcode", 0) for _ in range(101)]
    assert codes == [0] * 100 + [45009]


def test_a_call_refused_for_its_fields_counts_and_one_refused_for_quota_does_not(api: Api) -> None:
    _limit(api, "/cgi-bin/draft/add", daily=1)
    assert api.post("/cgi-bin/draft/add", {"articles": []})["errcode"] == 44003
    assert api.post("/cgi-bin/draft/add", {"articles": []})["errcode"] == 45009
    answer = api.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/draft/add"})
    assert answer["quota"] == {"daily_limit": 1, "used": 1, "remain": 0}


def test_quota_get_names_unknown_and_empty_paths(api: Api) -> None:
    assert api.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/nothing"})["errcode"] == 76021
    assert api.post("/cgi-bin/openapi/quota/get", {"cgi_path": ""})["errcode"] == 76003


def test_clearing_works_ten_times_a_month(api: Api) -> None:
    _limit(api, "/cgi-bin/draft/count", daily=1)
    api.get("/cgi-bin/draft/count")
    codes = [api.post("/cgi-bin/clear_quota", {"appid": api.appid})["errcode"] for _ in range(11)]
    assert codes == [0] * 10 + [48006]
    assert "errcode" not in api.get("/cgi-bin/draft/count")
