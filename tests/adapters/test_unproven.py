"""The systems known from documents only, through the real engine, against the sandbox's vendors.

This proves that a descriptor and the shape that was described fit each other, and nothing about a real installation.
"""

from __future__ import annotations

import base64
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import uvicorn

from adapters import open_system
from adapters.auth import LoginRefused
from adapters.descriptor import UNPROVEN, find_descriptor, load_descriptor, shape
from adapters.vocabulary import Descriptor
from adapters.wire import Limits
from sandbox.app import create_app
from sandbox.vendors import SUBSYSTEMS
from sandbox.wire import ClosableProtocol
from sandbox.world import World
from tests.adapters.upstream import Mirror
from weigov.errors import OutcomeUnknown, RateLimited, RemoteRefused, RemoteUnavailable
from weigov.ports import Batch, Connection, PullState, SourceSystem
from weigov.records import Record

#: system → the path of its connection's address, login, password.
CONNECTIONS = {
    "epoint": ("/epoint/WebBuilderMobileService/Service.asmx", "", "demo-epoint-token"),
    "trs_wcm": ("/trs_wcm/wcm/services/trswcm:WCMDocumentService", "", ""),
    "trs_wcm_import": ("/trs_wcm/wcm/services/trswcm:ImportService", "", ""),
    "trs_hycloud": ("/trs_hycloud", "weigov", "demo-hycloud-secret"),
    "hanweb": ("/hanweb/sdzw/services/zxts", "", "demo-hanweb-sign"),
    "openai_qa": ("/openai_qa", "", "fastgpt-demo-qa-key"),
}
#: A system's list, by which ``says_no`` finds it.
LISTS = {
    "epoint": "/epoint/GetInfoList",
    "trs_wcm": "/trs_wcm/queryDocuments",
    "trs_hycloud": "/trs_hycloud/queryDocumentsInQuanbu",
    "hanweb": "/hanweb/zxquery",
}
CMS = ("epoint", "trs_wcm", "trs_hycloud")


class Sandbox:
    """The vendors over a real port, and the tester's hand."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.ask("POST", "/faults", {"kind": kind, "path": path, **more})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    world = World.open(tmp_path_factory.mktemp("vendors") / "sandbox.db", f"http://127.0.0.1:{port}")
    config = uvicorn.Config(
        create_app(world, SUBSYSTEMS), "127.0.0.1", port, http=ClosableProtocol, log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive(), "the sandbox did not start"
    yield world.base_url
    server.should_exit = True
    thread.join(10)
    world.close()


@pytest.fixture
def sandbox(served: str) -> Iterator[Sandbox]:
    it = Sandbox(served)
    yield it
    it.ask("POST", "/reset", {})


class Ledger(Mirror):
    """A mirror that also forgets what is gone."""

    def state(self, parents: Any = lambda stream: iter(())) -> PullState:
        live = [key for key, record in self.records.items() if not record.withdrawn]
        return replace(super().state(parents), live=lambda: iter(live))

    def take(self, batches: Iterator[Batch]) -> None:
        super().take(batches)
        for key in (key for batch in self.batches for key in batch.gone):
            it = self.records[key]
            self.records[key] = Record(it.kind, key, it.fields, it.extra, it.partition, True, it.row_digest)

    @property
    def changed(self) -> set[str]:
        return {record.key for batch in self.batches for record in batch.records}

    @property
    def live(self) -> set[str]:
        return {key for key, record in self.records.items() if not record.withdrawn}


def opened(
    name: str,
    sandbox: Sandbox,
    *,
    size: int | None = 5,
    password: str | None = None,
    sleeps: list[float] | None = None,
) -> SourceSystem:
    """The system, with pages of ``size`` so that a list has several."""
    path, login, secret = CONNECTIONS[name]
    descriptor = load_descriptor(find_descriptor(name))
    if size is not None:
        descriptor = _paged(descriptor, size)
    waited = sleeps if sleeps is not None else []
    return open_system(
        name, descriptor, Connection(name, "", sandbox.url + path, login, secret if password is None else password),
        sleep=waited.append, limits=Limits(connect_s=2, read_s=5, total_s=10),
    )  # fmt: skip


def _paged(descriptor: Descriptor, size: int) -> Descriptor:
    streams = {
        name: stream.model_copy(update={"paging": stream.paging.model_copy(update={"size": size})})
        if stream.paging else stream
        for name, stream in descriptor.streams.items()
    }  # fmt: skip
    return descriptor.model_copy(update={"streams": streams})


def now(days: int = 0) -> datetime:
    # A second change within one second is stamped with the next one.
    return datetime.now(UTC) + timedelta(minutes=1, days=days)


def pull(system: SourceSystem, ledger: Ledger, stream: str = "", days: int = 0) -> Ledger:
    name = stream or ("answers" if system.name == "hanweb" else "articles")
    columns = Ledger()
    if system.name == "epoint" and name == "articles":
        columns.take(system.pull("columns", columns.state(), now(days)))
    state = ledger.state(lambda stream: iter(columns.records.values()))
    ledger.take(system.pull(name, state, now(days)))
    return ledger


def write_backs(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.ask("GET", f"/{name}/write-backs")
    return found


# what holds for all of them


@pytest.mark.parametrize("name", CONNECTIONS)
def test_it_says_itself_that_it_is_unproven(name: str) -> None:
    path = find_descriptor(name)
    assert shape(load_descriptor(path)).unproven and UNPROVEN in path.parts
    assert "not proven" in path.with_suffix(".md").read_text(encoding="utf-8").splitlines()[2]


@pytest.mark.parametrize("name", LISTS)
def test_every_record_of_every_page_is_read(sandbox: Sandbox, name: str) -> None:
    sandbox.fault("says_no", LISTS[name], skip=10_000)  # it only counts
    ledger = pull(opened(name, sandbox), Ledger())
    assert ledger.last.complete and not ledger.rejected
    assert sandbox.ask("GET", "/faults")[0]["seen"] > 3
    if name == "hanweb":
        assert set(ledger.records) == {one["zxuniqueid"] for one in sandbox.ask("GET", "/hanweb/letters")}
        return
    theirs = {one["id"]: one for one in sandbox.ask("GET", f"/{name}/articles")}
    assert set(ledger.records) == set(theirs)
    for key, record in ledger.records.items():
        assert record.get("title") == theirs[key]["title"] and record.get("html") == theirs[key]["html"]
        assert record.get("column") == theirs[key]["column"]
        assert [one["name"] for one in record.get("attachments") or []] == [n for n, _ in theirs[key]["files"]]
        assert all(one["url"].startswith("http") for one in record.get("attachments") or [])


@pytest.mark.parametrize("name", LISTS)
def test_a_second_pull_takes_what_changed_and_little_else(sandbox: Sandbox, name: str) -> None:
    system = opened(name, sandbox)
    ledger = pull(system, Ledger())
    cursors, before = dict(ledger.cursors), dict(ledger.records)
    pull(system, ledger)
    assert ledger.last.complete and len(ledger.changed) <= 1  # the newest again, because of the overlap
    key = sorted(before)[2]
    if name == "hanweb":
        sandbox.ask("PATCH", f"/hanweb/letters/{key}", {"answer": "更正后的答复"})
    else:
        sandbox.ask("PATCH", f"/{name}/articles/{key}", {"title": "更正：新的标题"})
    pull(system, ledger)
    assert {one for one in before if ledger.records[one].fields != before[one].fields} == {key}
    assert len(ledger.changed) <= 2 and ledger.cursors != cursors


@pytest.mark.parametrize("name", LISTS)
def test_a_refusal_inside_200_is_one_clear_refusal_in_the_vendors_words(sandbox: Sandbox, name: str) -> None:
    sandbox.fault("says_no", LISTS[name], value="数据库连接失败")
    with pytest.raises(RemoteRefused, match="数据库连接失败"):
        pull(opened(name, sandbox), Ledger())


@pytest.mark.parametrize("name", LISTS)
def test_a_refusal_in_the_middle_of_a_list_moves_no_cursor(sandbox: Sandbox, name: str) -> None:
    sandbox.fault("says_no", LISTS[name], skip=2, times=1)
    ledger = Ledger()
    if name == "epoint":  # one column is refused, the others are read
        pull(opened(name, sandbox), ledger)
        assert any(batch.incomplete for batch in ledger.batches) and "028003" not in ledger.cursors
    else:
        with pytest.raises(RemoteRefused, match="系统繁忙"):
            pull(opened(name, sandbox), ledger)
        assert ledger.cursors == {}
    assert ledger.records
    pull(opened(name, sandbox), ledger)
    assert len(ledger.records) == (17 if name == "hanweb" else 23) and ledger.last.complete


@pytest.mark.parametrize("name", LISTS)
def test_a_page_for_people_and_a_lost_answer_are_read_again(sandbox: Sandbox, name: str) -> None:
    sandbox.fault("html_200", CONNECTIONS[name][0] + "*", times=1)
    sandbox.fault("lose_answer", CONNECTIONS[name][0] + "*", skip=1, times=1)
    sleeps: list[float] = []
    ledger = pull(opened(name, sandbox, sleeps=sleeps), Ledger())
    assert ledger.last.complete and len(sleeps) == 2


@pytest.mark.parametrize("name", ["epoint", "trs_hycloud", "hanweb"])
def test_a_wrong_secret_is_said_once_and_not_shown(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        pull(opened(name, sandbox, password="wrong-pass"), Ledger())
    assert "wrong-pass" not in str(caught.value) and f"connection {name}" in str(caught.value)


# withdrawals


@pytest.mark.parametrize(("name", "state"), [("trs_wcm", "-10"), ("trs_wcm", "1"), ("trs_hycloud", "已撤稿")])
def test_an_article_with_another_state_is_withdrawn(sandbox: Sandbox, name: str, state: str) -> None:
    system = opened(name, sandbox)
    ledger = pull(system, Ledger())
    key = sorted(ledger.records)[4]
    sandbox.ask("PATCH", f"/{name}/articles/{key}", {"state": state})
    assert pull(system, ledger).records[key].withdrawn and len(ledger.live) == 22


@pytest.mark.parametrize("name", ["epoint", "trs_hycloud"])
def test_a_deleted_article_is_seen_missing_and_withdrawn(sandbox: Sandbox, name: str) -> None:
    system = opened(name, sandbox)
    ledger = pull(system, Ledger())
    key = sorted(ledger.records)[3]
    sandbox.ask("DELETE", f"/{name}/articles/{key}")
    pull(system, ledger, days=2)
    assert ledger.records[key].withdrawn and len(ledger.live) == 22


@pytest.mark.parametrize("name", ["epoint", "trs_hycloud"])
def test_many_missing_at_once_withdraw_nothing_before_somebody_looked(sandbox: Sandbox, name: str) -> None:
    system = opened(name, sandbox)
    ledger = pull(system, Ledger())
    for key in sorted(ledger.records)[:8]:
        sandbox.ask("DELETE", f"/{name}/articles/{key}")
    pull(system, ledger, days=2)
    assert len(ledger.live) == 23
    assert any("--accept-vanished" in batch.incomplete for batch in ledger.batches)


def test_hanweb_an_answer_leaves_the_public_with_its_letter(sandbox: Sandbox) -> None:
    system = opened("hanweb", sandbox)
    ledger = pull(system, Ledger())
    assert len(ledger.live) == 13  # fourteen are answered, and one of them is not public
    sandbox.ask("PATCH", "/hanweb/letters/370100ZX000006", {"isopen": "0"})
    sandbox.ask("PATCH", "/hanweb/letters/370100ZX000007", {"state": "2"})  # asked again
    pull(system, ledger)
    assert ledger.records["370100ZX000006"].withdrawn and ledger.records["370100ZX000007"].withdrawn
    questions = pull(system, Ledger(), "questions")
    assert {record.get("status") for record in questions.records.values()} == {"1", "2", "3"}


# characters


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("epoint", "𠮷田町友好交流团来访我市"),  # a reference inside a document that calls itself gb2312
        ("trs_hycloud", "𠮷田町友好交流团来访我市"),
        ("trs_wcm", "?田町友好交流团来访我市"),  # destroyed by its own database, before it was stored
    ],
)
def test_what_gbk_cannot_write_arrives_as_it_was_sent(sandbox: Sandbox, name: str, title: str) -> None:
    titles = {record.get("title") for record in pull(opened(name, sandbox), Ledger()).records.values()}
    assert title in titles
    assert "朱镕基故居修缮工程（420㎡）开工" in titles  # in GBK, not in the gb2312 it is called
    assert "关于“一网通办”<试运行>的通知 & 操作说明" in titles


def test_hanweb_surrogate_halves_are_put_together(sandbox: Sandbox) -> None:
    records = pull(opened("hanweb", sandbox), Ledger()).records
    assert str(records["370100ZX000000"].get("short_question")).startswith("𠮷田先生问")


# log-in


def test_hycloud_a_lost_session_is_opened_again_in_the_middle_of_a_list(sandbox: Sandbox) -> None:
    system = opened("trs_hycloud", sandbox)
    ledger = pull(system, Ledger())
    sandbox.ask("POST", "/trs_hycloud/expire-sessions")
    key = sorted(ledger.records)[0]
    sandbox.ask("PATCH", f"/trs_hycloud/articles/{key}", {"title": "会话失效后的更正"})
    assert pull(system, ledger).records[key].get("title") == "会话失效后的更正"
    assert ledger.last.complete


def test_hycloud_a_write_into_a_lost_session_is_not_taken_for_done(sandbox: Sandbox) -> None:
    system = opened("trs_hycloud", sandbox)
    key = sorted(pull(system, Ledger()).records)[0]
    sandbox.ask("POST", "/trs_hycloud/expire-sessions")
    values = {"id": key, "link": "https://mp.example/s/1", "state": "confirmed"}
    with pytest.raises(RemoteUnavailable, match="log-in had run out"):
        system.write("mark_published", values, key="k")
    assert write_backs(sandbox, "trs_hycloud") == []
    assert system.write("mark_published", values, key="k").remote_id == key


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
