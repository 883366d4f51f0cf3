"""What cannot be mapped waits with its reason; what is mapped otherwise goes nowhere until ``apply``."""

from __future__ import annotations

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite
from tests.weigov.flow.test_articles import NOTICES, POLICIES, publish, said
from tests.weigov.flow.test_messages import ORDINARY, case_of, move, told
from weigov.flow.plan import plan, replay
from weigov.ledger import revisions

LONG = "关于在全市范围内开展城乡居民基本医疗保险参保登记和缴费工作有关事项的补充通知"


def quarantined(town: Deployment) -> list[tuple[str, str, str]]:
    with town.ctx.ledger.read() as connection:
        return [(row.flow, row.key, row.reason) for row in revisions.quarantined(connection, town.ctx.site.site)]


def test_a_poison_record_waits_with_its_reason_and_the_rest_goes_on(calm: Deployment) -> None:
    poison = publish(calm.other, LONG)
    publish(calm.other, "关于供水管道抢修的通知")
    calm.round("cms")
    assert calm.other.titles() == ["关于供水管道抢修的通知"]
    ((flow, key, reason),) = quarantined(calm)
    assert (flow, key) == ("notices", poison["id"])
    assert reason.startswith("title: ") and "32" in reason and "short_title" in reason


def test_mended_upstream_it_goes_by_itself_and_leaves_the_quarantine(calm: Deployment) -> None:
    poison = publish(calm.other, LONG)
    calm.round("cms")
    calm.other.patch(f"/cms/articles/{poison['id']}", short_title="医保参保登记和缴费工作补充通知")
    calm.round("cms")
    assert calm.other.titles() == ["医保参保登记和缴费工作补充通知"]
    assert quarantined(calm) == []


def test_replaying_what_is_not_quarantined_tells_nobody_again(calm: Deployment) -> None:
    article = publish(calm.other, "关于供水管道抢修的通知")
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.round("cms", "cases")
    assert not replay(calm.ctx, "notices", article["id"], person="wang")
    assert not replay(calm.ctx, "case_progress", number, person="wang")
    calm.compose()
    calm.drain()
    assert told(calm.other, number) == ["补正"] and len(calm.other.articles()) == 1


def test_mended_in_the_mapping_it_goes_when_replayed(calm: Deployment) -> None:
    poison = publish(calm.other, LONG)
    calm.round("cms")
    rewrite(
        calm.settings.site / "flows" / "notices.yaml",
        lambda text: text.replace("max: 32, or: short_title}", "max: 64, or: short_title}"),
    )
    calm.reopen()
    calm.apply("notices")
    calm.drain()
    assert calm.other.titles() == []
    assert replay(calm.ctx, "notices", poison["id"], person="wang")
    calm.compose("notices")
    calm.drain()
    # WeChat allows 32 characters, whatever the flow says: refused before any call, and for good.
    assert calm.other.titles() == [] and calm.other.calls("draft/add") == 0
    calm.other.patch(f"/cms/articles/{poison['id']}", title="关于医保参保缴费的补充通知")
    calm.round("cms")
    assert calm.other.titles() == ["关于医保参保缴费的补充通知"]


def test_a_code_nobody_listed_waits_and_is_told_once_the_list_knows_it(calm: Deployment) -> None:
    codes = calm.settings.site / "codes" / "case_status.yaml"
    rewrite(codes, lambda text: text.replace('    "12": 补正\n', ""))
    calm.reopen()
    calm.apply("case_progress")
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.round("cases")
    ((flow, key, reason),) = quarantined(calm)
    assert (flow, key) == ("case_progress", number) and "12" in reason and "case_status" in reason
    rewrite(codes, lambda text: text.replace('    "13": 审查\n', '    "12": 补正\n    "13": 审查\n'))
    calm.reopen()
    assert calm.compose("case_progress")["case_progress"].held
    calm.apply("case_progress")
    assert replay(calm.ctx, "case_progress", number, person="wang")
    calm.compose("case_progress")
    calm.drain()
    assert told(calm.other, number) == ["补正"] and quarantined(calm) == []


def test_a_changed_layout_delivers_nothing_until_it_is_applied_and_then_exactly_what_changed(
    calm: Deployment,
) -> None:
    notice = publish(calm.other, "关于供水管道抢修的通知", NOTICES)
    policies = [publish(calm.other, f"示范市第{n}号文件", POLICIES) for n in "一二"]
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.round("cms", "cases")
    before = {a["title"]: a for a in calm.other.standing()}
    rewrite(calm.settings.site / "layouts" / "policy.html.j2", lambda text: text.replace("发布机构", "发文机构"))
    calm.reopen()
    calm.other.patch(f"/cms/articles/{policies[0]['id']}", append="（更正）")
    calm.collect("cms")
    assert "weigov apply policies" in calm.compose("policies")["policies"].held
    calm.compose("notices")
    calm.drain_but_compose()
    assert {a["title"]: a for a in calm.other.standing()} == before

    found = plan(calm.ctx, "policies")
    assert found.changed and set(found.again) == {p["id"] for p in policies} and found.rejected == ()
    assert not plan(calm.ctx, "notices").changed
    assert {a["title"]: a for a in calm.other.standing()} == before
    assert calm.apply("policies") == 2
    calm.compose()
    calm.drain()
    after = {a["title"]: a for a in calm.other.standing()}
    assert set(after) == set(before)
    assert after[notice["title"]] == before[notice["title"]]
    assert all(after[p["title"]]["article_id"] != before[p["title"]]["article_id"] for p in policies)
    assert len(calm.other.articles()) == 5 and len(calm.other.messages()) == 1
    assert [state for state, _ in said(calm.other, policies[1])] == ["confirmed", "confirmed"]


def test_a_comment_in_the_yaml_changes_nothing(calm: Deployment) -> None:
    rewrite(calm.settings.site / "flows" / "policies.yaml", lambda text: f"# reviewed in March\n{text}")
    calm.reopen()
    publish(calm.other, "示范市第一号文件", POLICIES)
    calm.round("cms")
    assert calm.other.titles() == ["示范市第一号文件"]


def test_messages_are_not_sent_again_because_their_words_changed(calm: Deployment) -> None:
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    calm.round("cases")
    rewrite(
        calm.settings.site / "flows" / "case_progress.yaml",
        lambda text: text.replace('format: "YYYY年M月D日 HH:mm"', 'format: "YYYY年MM月DD日 HH:mm"', 1),
    )
    calm.reopen()
    found = plan(calm.ctx, "case_progress")
    assert found.changed and found.again == ()
    assert calm.apply("case_progress") == 0
    calm.round("cases")
    assert told(calm.other, number) == ["补正"]
    move(calm.other, number, "13")
    calm.round("cases")
    assert calm.other.messages()[-1]["data"]["time4"].startswith("2026年03月10日 ")


@pytest.mark.parametrize("begin", ["now", "all", "2026-03-06"])
def test_begin_decides_what_of_the_past_is_published(calm: Deployment, begin: str) -> None:
    old = calm.settings.site / "flows" / "policies.yaml"
    text = old.read_text(encoding="utf-8")
    new = text.replace("flow: policies", "flow: letters").replace("begin: now", f"begin: {begin}")
    (calm.settings.site / "flows" / "letters.yaml").write_text(
        new.replace("via: publish", "via: draft"), encoding="utf-8"
    )
    calm.reopen()
    past = [a for a in calm.other.get("/cms/articles", channel_code="0104") if a["status"] == 1]
    calm.compose("letters")
    calm.drain()
    wanted = [a for a in past if begin == "all" or a["publishTime"] >= begin] if begin != "now" else []
    assert len(calm.other.state()["drafts"]) == len(wanted)
    assert {"now": not wanted, "all": len(wanted) == 13}.get(begin, 0 < len(wanted) < 13)


def test_what_happened_while_a_flow_was_broken_is_told_when_it_is_mended(calm: Deployment) -> None:
    flow = calm.settings.site / "flows" / "case_progress.yaml"
    number = case_of(calm.other, ORDINARY[0])
    rewrite(flow, lambda text: text.replace("order: latest", "odrer: latest"))
    calm.reopen()
    assert "case_progress" not in calm.ctx.site.flows
    move(calm.other, number, "12")
    calm.round("cases")
    assert told(calm.other, number) == []
    rewrite(flow, lambda text: text.replace("odrer: latest", "order: latest"))
    calm.reopen()
    calm.round("cases")
    assert told(calm.other, number) == ["补正"]


def test_an_article_withdrawn_while_its_flow_was_broken_goes_when_it_is_mended(calm: Deployment) -> None:
    article = publish(calm.other, "关于供水管道抢修的通知")
    calm.round("cms")
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("begin: now", "beginn: now"))
    calm.reopen()
    calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    calm.round("cms")
    assert len(calm.other.standing()) == 1
    rewrite(flow, lambda text: text.replace("beginn: now", "begin: now"))
    calm.reopen()
    calm.round("cms")
    assert calm.other.standing() == []


def test_a_flow_that_watches_another_field_takes_what_was_there_for_known(calm: Deployment) -> None:
    flow = calm.settings.site / "flows" / "case_progress.yaml"
    rewrite(flow, lambda text: text.replace("on_change_of: [status]", "on_change_of: [status, office]"))
    calm.reopen()
    moved, touched = (case_of(calm.other, identity) for identity in ORDINARY[:2])
    move(calm.other, moved, "12")
    now = next(c for c in calm.other.get("/cases/cases", applicant_id=ORDINARY[1]) if c["case_no"] == touched)
    move(calm.other, touched, now["status"])  # changed upstream, but nothing the flow watches
    calm.collect("cases")
    calm.apply("case_progress")
    calm.round("cases")
    assert told(calm.other, moved) == ["补正"] and len(calm.other.messages()) == 1
