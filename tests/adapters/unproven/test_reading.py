"""Reading: to the end, again, past refusals and lost sessions; what is withdrawn; which characters arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest

from adapters.auth import LoginRefused
from adapters.descriptor import UNPROVEN, find_descriptor, load_descriptor, shape
from tests.adapters.unproven.conftest import CONNECTIONS, LISTS, Ledger, Sandbox, opened, pull, write_backs
from weigov.errors import RemoteRefused, RemoteUnavailable

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


def test_a_list_that_begins_with_the_newest_is_left_early_and_read_whole_once_a_day(sandbox: Sandbox) -> None:
    sandbox.fault("says_no", LISTS["trs_hycloud"], skip=10_000)  # it only counts
    system, ledger, pages = opened("trs_hycloud", sandbox), Ledger(), [0]
    for days in (0, 0, 2):
        assert pull(system, ledger, days=days).last.complete
        pages.append(sandbox.ask("GET", "/faults")[0]["seen"])
    assert [after - before for before, after in pairwise(pages)] == [5, 3, 5]


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
    assert not any("name" in record.extra for record in (*questions.records.values(), *ledger.records.values()))
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
