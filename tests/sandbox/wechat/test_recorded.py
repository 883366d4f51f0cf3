"""Our answers have the shape of recorded ones: the same keys with the same kinds of value."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.people import PEOPLE
from tests.sandbox.conftest import Api, png

RECORDED = Path(__file__).parents[4] / "shared/fixtures/wechat"
pytestmark = pytest.mark.interop

# Not in every recording: fields of later documentation.
LATER = {"article_type", "msg_data_id", "is_deleted", "item"}


def recorded(name: str) -> Any:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded answers at {RECORDED.name}")
    found = json.loads(path.read_text("utf-8"))
    return found.get("response", found)


def shape(value: Any) -> Any:
    """Keys and kinds; a list has the shape of its first item."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key not in LATER}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def _publish(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    submitted = api.publish()
    api.world.clock.advance(1)
    return submitted, api.post("/cgi-bin/freepublish/get", {"publish_id": submitted["publish_id"]})


def test_token_and_uploads(api: Api) -> None:
    assert shape(api.stable_token()) == shape(recorded("api_answers/wechatpy_token.json"))
    ours = api.upload("/cgi-bin/media/uploadimg", png())
    assert shape(ours) == shape(recorded("api_answers/wechatpy_media_uploadimg.json"))


def test_menu(api: Api) -> None:
    theirs = recorded("menu/wechatpy_menu_get.json")
    answer = api.post("/cgi-bin/menu/create", theirs["menu"])
    assert shape(answer) == shape(recorded("menu/wechatpy_menu_create.json"))
    assert api.get("/cgi-bin/menu/get") == theirs


def test_drafts(api: Api) -> None:
    added = api.add_draft()
    assert set(added) == set(recorded("draft_publish/draft_add_response_recorded.json"))
    ours = api.post("/cgi-bin/draft/get", {"media_id": added["media_id"]})
    assert shape(ours) == shape(recorded("draft_publish/draft_get_response_recorded.json"))
    theirs = recorded("draft_publish/draft_batchget_response_recorded.json")
    listed = api.post("/cgi-bin/draft/batchget", {"offset": 0, "count": 20})
    assert set(listed) == set(theirs) and set(listed["item"][0]) == set(theirs["item"][0])
    assert set(listed["item"][0]["content"]) == set(theirs["item"][0]["content"])


def test_publishing(api: Api) -> None:
    submitted, done = _publish(api)
    assert shape(submitted) == shape(recorded("draft_publish/freepublish_submit_response_recorded.json"))
    theirs = recorded("draft_publish/freepublish_get_success_recorded.json")
    assert shape(done) == shape(theirs)
    assert shape(done["article_detail"]["item"][0]) == shape(theirs["article_detail"]["item"][0])
    read = api.post("/cgi-bin/freepublish/getarticle", {"article_id": done["article_id"]})
    assert shape(read) == shape(recorded("draft_publish/freepublish_getarticle_response_recorded.json"))
    listed = api.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 20})
    documented = recorded("draft_publish/doc_freepublish_batchget_response.json")
    assert set(listed) == set(documented) and set(listed["item"][0]) == set(documented["item"][0])


def test_mass_messages(api: Api) -> None:
    media_id = api.add_draft()["media_id"]
    body = {"filter": {"is_to_all": True}, "msgtype": "mpnews", "mpnews": {"media_id": media_id}, "clientmsgid": "k"}
    sent = api.post("/cgi-bin/message/mass/sendall", body)
    assert set(sent) == set(recorded("mass/forum_sendall_ok.json"))
    api.world.clock.advance(61)
    again = api.post("/cgi-bin/message/mass/sendall", body)
    assert set(again) == set(recorded("mass/forum_45065_with_msg_id.json"))
    _same_words(again, recorded("mass/forum_45065_with_msg_id.json"))
    ours = api.post("/cgi-bin/message/mass/get", {"msg_id": sent["msg_id"]})
    assert ours == recorded("mass/wechatpy_message_mass_get.json") | {"msg_id": sent["msg_id"]}
    one = {**body, "touser": [PEOPLE[0].openid]}
    _same_words(api.post("/cgi-bin/message/mass/send", one), recorded("mass/forum_40130_one_openid.json"))
    _same_words(api.post("/cgi-bin/message/mass/get", {"msg_id": 1}), recorded("mass/forum_40059.json"))


def test_templates(api: Api) -> None:
    ours = api.get("/cgi-bin/template/get_all_private_template")
    assert shape(ours) == shape(recorded("template/template_list_sample.json"))


def _same_words(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """All before the rid or hint."""
    expected = theirs.get("errmsg_prefix") or theirs["errmsg"].split(" rid:")[0].split(" hint:")[0]
    assert (ours["errcode"], ours["errmsg"].split(" rid:")[0]) == (theirs["errcode"], expected)


def test_refusals_in_wechats_words(api: Api) -> None:
    _same_words(api.get("/cgi-bin/draft/count", token="x" * 138), recorded("errors/forum_40001.json"))
    _same_words(api.post("/cgi-bin/draft/get", {"media_id": "gone"}), recorded("errors/forum_40007.json"))
    four = {"button": [{"type": "click", "name": "a", "key": "a"}] * 4}
    _same_words(api.post("/cgi-bin/menu/create", four), recorded("menu/forum_menu_40016_four_top.json"))
    unfollowed = next(person for person in PEOPLE if person.persona == "unfollowed")
    _same_words(api.send(unfollowed.openid), recorded("template/forum_43004_not_following.json"))
    path = f"/_sandbox/wechat/accounts/{api.appid}/limits"
    api.client.put(path, json={"path": "/cgi-bin/draft/count", "daily": 0})
    _same_words(api.get("/cgi-bin/draft/count"), recorded("errors/forum_45009.json"))
