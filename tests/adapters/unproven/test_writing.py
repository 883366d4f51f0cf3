"""Writing: accepted, refused in the vendor's words, or unknown; and the answer to a question."""

from __future__ import annotations

import base64
import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.auth import LoginRefused
from tests.adapters.unproven.conftest import CONNECTIONS, Ledger, Sandbox, opened, pull, write_backs
from weigov.errors import OutcomeUnknown, RateLimited, RemoteRefused

# writing


WRITES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    # operation, what is accepted, what is refused, and the words of the refusal
    "epoint": (
        "mark_published", {"id": "KEY", "link": "https://mp.example/s/1?a=1&b=2", "state": "confirmed"},
        {"id": "no-such", "state": "confirmed"}, "信息不存在",
    ),
    "trs_hycloud": (
        "mark_published", {"id": "KEY", "link": "https://mp.example/s/1?a=1&b=2", "state": "confirmed"},
        {"id": "1", "state": "confirmed"}, "文档不存在",
    ),
    "trs_wcm": ("delete", {"ids": "KEY"}, {"ids": "1"}, "does not confirm"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_accepted_refused_or_unknown_as_the_vendor_says(sandbox: Sandbox, name: str) -> None:
    operation, good, bad, words = WRITES[name]
    system = opened(name, sandbox)
    key = sorted(pull(system, Ledger()).records)[1]
    values = {word: key if value == "KEY" else value for word, value in good.items()}
    system.write(operation, values, key="k")
    assert [one["id"] for one in write_backs(sandbox, name)] == [key]
    if "link" in good:
        assert write_backs(sandbox, name)[0]["detail"]["url"] == good["link"]
    with pytest.raises(RemoteRefused, match=words):
        system.write(operation, bad, key="k")
    sandbox.fault("lose_answer", CONNECTIONS[name][0] + "*", times=1)
    with pytest.raises(OutcomeUnknown):
        system.write(operation, values, key="k")
    assert len(write_backs(sandbox, name)) == 2  # it had taken effect
    sandbox.fault("refuse_before", CONNECTIONS[name][0] + "*", times=1)
    with pytest.raises(OutcomeUnknown):
        system.write(operation, values, key="k")


def test_wcm_publishes_what_was_not_public(sandbox: Sandbox) -> None:
    system = opened("trs_wcm", sandbox)
    key = sorted(pull(system, Ledger()).records)[1]
    sandbox.ask("PATCH", f"/trs_wcm/articles/{key}", {"state": "1"})
    system.write("publish", {"ids": key}, key="k")
    assert not pull(system, Ledger()).records[key].withdrawn


def zipped(channel: str, title: str) -> bytes:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><WCMDOCUMENTS><WCMDOCUMENT Version="6.0"><PROPERTIES>'
        f"<DOCCHANNEL>{channel}</DOCCHANNEL><DOCTITLE>{title}</DOCTITLE><DOCHTMLCON>&lt;p&gt;正文&lt;/p&gt;</DOCHTMLCON>"
        "</PROPERTIES></WCMDOCUMENT></WCMDOCUMENTS>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.xml", document)
    return packed.getvalue()


def test_wcm_import_says_which_document_it_made_and_why_it_made_none(sandbox: Sandbox) -> None:
    system = opened("trs_wcm_import", sandbox)
    made = system.write("import_documents", {"zip": zipped("1201", "微信留言摘编㎡")}, key="k").remote_id
    listed = pull(opened("trs_wcm", sandbox), Ledger()).records
    assert listed[made].get("title") == "微信留言摘编㎡" and listed[made].withdrawn  # new, not yet published
    with pytest.raises(RemoteRefused, match="栏目不存在"):
        system.write("import_documents", {"zip": zipped("999", "x")}, key="k")
    with pytest.raises(RemoteRefused, match="导入文件格式错误"):
        system.write("import_documents", {"zip": base64.b64decode("AAAA")}, key="k")
    sandbox.fault("lose_answer", CONNECTIONS["trs_wcm_import"][0], times=1)
    with pytest.raises(OutcomeUnknown):
        system.write("import_documents", {"zip": zipped("1202", "答复丢失")}, key="k")


LETTER = {
    "asker": "user900", "asked_at": datetime(2026, 1, 5, 1, 0, tzinfo=UTC), "number": "WX000001", "name": "𠮷田先生",
    "phone": "", "open": "1", "title": "路灯不亮", "text": "学府街路灯不亮 <三天了> & 没人修", "area": "370100",
    "link": "https://h5.example/q/1",
}  # fmt: skip


def test_hanweb_takes_31_strings_in_their_places(sandbox: Sandbox) -> None:
    system = opened("hanweb", sandbox)
    assert system.write("consult", LETTER, key="k").remote_id == "370100WX000001"
    system.write("consult", LETTER, key="k")  # the same key again overwrites
    system.write("complain", {**LETTER, "number": "WX000002", "case_id": "P1", "item_name": "居住证"}, key="k")
    found = {one["questioncode"]: one for one in sandbox.ask("GET", "/hanweb/letters")}
    assert len(found) == 19
    letter = found["WX000001"]
    assert letter["content"] == LETTER["text"] and letter["name"] == "𠮷田先生" and letter["title"] == "路灯不亮"
    assert letter["submitdate"] == "2026-01-05 09:00:00" and letter["platform"] == "1" and letter["state"] == "1"
    assert letter["detailurl"] == LETTER["link"] and letter["acceptdate"] == ""
    assert found["WX000002"]["platform"] == "2" and found["WX000002"]["itemname"] == "居住证"
    with pytest.raises(RemoteRefused, match="必填项为空：title"):
        system.write("consult", {**LETTER, "title": ""}, key="k")
    sandbox.fault("lose_answer", CONNECTIONS["hanweb"][0], times=1)
    with pytest.raises(OutcomeUnknown):
        system.write("consult", {**LETTER, "number": "WX000003"}, key="k")
    with pytest.raises(LoginRefused):
        opened("hanweb", sandbox, password="wrong").write("consult", LETTER, key="k")


# the one that only answers


def test_a_question_comes_back_with_its_answer(sandbox: Sandbox) -> None:
    system = opened("openai_qa", sandbox)
    result = system.write(
        "ask", {"conversation": "P0001", "text": "公积金贷款最高能贷多少？", "model": "demo"}, key="k"
    )
    assert "60万元" in result.message
    asked = sandbox.ask("GET", "/openai_qa/asked")
    assert [(one["chat_id"], one["answer_id"]) for one in asked] == [("P0001", result.remote_id)]


def test_a_question_may_be_refused_postponed_or_lost(sandbox: Sandbox) -> None:
    system = opened("openai_qa", sandbox)
    question = {"conversation": "P0001", "text": "图书馆几点开门？", "model": "demo"}
    with pytest.raises(RemoteRefused, match="must end with a question"):
        system.write("ask", {**question, "text": ""}, key="k")
    for password in ("fastgpt-wrong-key", "sk-wrong-key"):
        with pytest.raises(LoginRefused) as caught:
            opened("openai_qa", sandbox, password=password).write("ask", question, key="k")
        assert password not in str(caught.value)
    sandbox.fault("says_no", "/openai_qa/completions", value="upstream model timed out", times=1)
    with pytest.raises(OutcomeUnknown, match="upstream model timed out"):
        system.write("ask", question, key="k")
    sandbox.fault("lose_answer", "/openai_qa/v1/chat/completions", times=1)
    with pytest.raises(OutcomeUnknown):
        system.write("ask", question, key="k")
    for _ in range(9):
        system.write("ask", question, key="k")
    with pytest.raises(RateLimited) as limited:
        system.write("ask", question, key="k")
    assert limited.value.retry_after_s and limited.value.retry_after_s <= 61
