"""Subscribe notices and customer-service messages: what a citizen agreed to, and how long they may be answered."""

from typing import Any

from sandbox.people import PEOPLE
from tests.sandbox.conftest import Api

OPENID = PEOPLE[0].openid
DATA = {"thing1": {"value": "滨湖片区"}, "time2": {"value": "15:01"}, "thing3": {"value": "请储水"}}


def notice(api: Api, **changes: Any) -> Any:
    body = {"touser": OPENID, "template_id": "TM00201", "data": DATA, **changes}
    return api.post("/cgi-bin/message/subscribe/bizsend", body)["errcode"]


def answer(api: Api, **changes: Any) -> Any:
    body = {"touser": OPENID, "msgtype": "text", "text": {"content": "已办好"}, **changes}
    return api.post("/cgi-bin/message/custom/send", body)["errcode"]


def control(api: Api, what: str, **body: Any) -> None:
    assert api.client.post(f"/_sandbox/wechat/citizens/{OPENID}/{what}", json=body).status_code == 200


def test_an_agreement_is_good_for_one_notice(api: Api) -> None:
    assert notice(api) == 43101
    control(api, "agree", template_id="TM00201", answer="reject")
    assert notice(api) == 43101
    control(api, "agree", template_id="TM00201")
    assert notice(api, template_id="TM00123") == 40037
    assert notice(api, data={**DATA, "thing1": {"value": "长" * 21}}) == 47003
    assert [notice(api), notice(api)] == [0, 43101]
    control(api, "agree", template_id="TM00201", long_term=True)
    assert [notice(api), notice(api), notice(api)] == [0, 0, 0]
    control(api, "take-back", template_id="TM00201")
    assert notice(api) == 43101
    listed = api.get("/cgi-bin/template/get_all_private_template")["template_list"]
    assert "TM00201" not in {one["template_id"] for one in listed}


def test_a_citizen_who_wrote_may_be_answered_five_times_in_two_days(api: Api) -> None:
    assert answer(api) == 45015
    control(api, "say", text="什么时候办好？")
    two = [{"title": "一", "url": "https://a.example"}] * 2
    assert answer(api, msgtype="news", news={"articles": two}) == 45008
    assert [answer(api) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    control(api, "say", text="谢谢")
    assert answer(api) == 0
    api.world.clock.advance(48 * 3600 + 1)
    api.token = api.stable_token()["access_token"]
    assert answer(api) == 45015
    shown = api.client.get(f"/phone/{OPENID}").text
    assert shown.count("已办好") == 6
