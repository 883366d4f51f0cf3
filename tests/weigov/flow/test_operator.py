"""What the operator reads when something is wrong: one clear line, exit code 1, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sandbox.people import PEOPLE
from tests.weigov.command import Typed, command
from tests.weigov.flow.deployment import AES_KEY, MASTER_KEY, Deployment, rewrite
from tests.weigov.flow.test_articles import POLICIES, publish
from tests.weigov.flow.test_mapping_changes import LONG
from tests.weigov.flow.test_messages import ORDINARY, case_of, move, told

Weigov = Callable[..., Typed]


@pytest.fixture
def weigov(calm: Deployment) -> Weigov:
    return typing_at(calm)


def typing_at(town: Deployment) -> Weigov:
    """Types commands, none of which may show a secret, a person or a trace."""

    def run(*words: str) -> Typed:
        typed = command(town.environ, *words)
        for secret in (town.other.secret, AES_KEY, MASTER_KEY, "demo-cms-secret", "demo-cases-secret", "demo-qa-key"):
            assert secret not in typed.out + typed.err
        for person in PEOPLE:
            assert person.openid not in typed.out + typed.err and person.name not in typed.out + typed.err
        assert "Traceback" not in typed.err
        return typed

    return run


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("how", "said"), [("closed", "http://127.0.0.1:"), ("bad_gateway", "cannot answer now: HTTP 502")]
)
def test_an_unreachable_system_is_one_line_and_the_others_are_read(
    calm: Deployment, weigov: Weigov, how: str, said: str
) -> None:
    calm.other.post("/qa/outage", down=True, how=how)
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    typed = weigov("collect")
    assert typed.code == 1
    (line,) = lines(typed.err)
    assert line.startswith(f"qa/answers: qa answers: {said}")
    assert "cases/cases: changed 1" in typed.out
    weigov("compose")
    calm.drain()
    assert told(calm.other, number) == ["补正"]
    status = weigov("status")
    assert status.code == 0 and "qa/answers" in status.out
    calm.other.post("/qa/outage", down=False)
    assert weigov("collect").code == 0


def test_a_wrong_log_in_of_a_system_names_the_connection(calm: Deployment, weigov: Weigov) -> None:
    with_secret(calm, "cms", password="wrong-secret-1")
    typed = weigov("collect", "cms", "columns")
    assert typed.code == 1
    (line,) = lines(typed.err)
    assert "connection cms" in line and "wrong-secret-1" not in line


def test_a_wrong_wechat_secret_is_one_line_and_nothing_is_lost(calm: Deployment, weigov: Weigov) -> None:
    right = json.loads(calm.settings.secrets_file.read_text())["wechat_city"]["password"]
    with_secret(calm, "wechat_city", password="f" * 32)
    moved = [case_of(calm.other, identity) for identity in ORDINARY[:3]]
    for number in moved:
        move(calm.other, number, "12")
    assert weigov("collect", "cases").code == 0
    assert weigov("compose").code == 0
    calm.other.post(f"/wechat/accounts/{calm.other.appid}/tokens/expire")
    typed = weigov("deliver")
    assert typed.code == 1
    (line,) = lines(typed.err)
    assert line.startswith("city: ") and "AppSecret" in line and "f" * 32 not in line
    assert calm.other.messages() == []
    assert weigov("sync-back").code == 0
    with_secret(calm, "wechat_city", password=right)
    calm.reopen()
    calm.other.advance(minutes=2)
    assert weigov("deliver").code == 0
    calm.drain()
    assert all(told(calm.other, number) == ["补正"] for number in moved)


def with_secret(town: Deployment, name: str, **changes: str) -> None:
    stored = json.loads(town.settings.secrets_file.read_text())
    stored[name] |= changes
    town.settings.secrets_file.write_text(json.dumps(stored))


def test_one_wrong_field_in_a_flow_is_one_line_and_the_other_flows_go_on(calm: Deployment, weigov: Weigov) -> None:
    flow = calm.settings.site / "flows" / "policies.yaml"
    rewrite(flow, lambda text: text.replace("from: publisher", "from: publishr"))
    line_no = next(n for n, line in enumerate(flow.read_text().splitlines(), 1) if "publishr" in line)
    lint = weigov("lint", str(calm.settings.site))
    assert lint.code == 1
    (line,) = lines(lint.err)
    assert line.startswith(f"{flow}:{line_no}: map.author.from: ") and "publisher" in line
    publish(calm.other, "关于供水管道抢修的通知")
    publish(calm.other, "示范市第一号文件", POLICIES)
    for words in (["collect", "cms"], ["compose", "answers"], ["deliver"], ["reconcile"], ["sync-back", "qa"]):
        typed = weigov(*words)
        assert typed.code == 1 and lines(typed.err) == [line]
    typed = weigov("compose")
    assert typed.code == 1 and lines(typed.err) == [line]
    assert "notices: deliveries 1" in typed.out
    named = weigov("compose", "policies")
    assert named.code == 1 and lines(named.err)[0] == line
    assert "there is no sound flow policies" in lines(named.err)[1]
    rewrite(flow, lambda text: text.replace("from: publishr", "from: publisher"))
    calm.reopen()
    calm.round("cms")
    assert calm.other.titles() == ["关于供水管道抢修的通知", "示范市第一号文件"]


def test_a_poison_record_is_listed_with_its_reason_and_status_counts_it(calm: Deployment, weigov: Weigov) -> None:
    poison = publish(calm.other, LONG)
    publish(calm.other, "关于供水管道抢修的通知")
    weigov("collect", "cms").good()
    assert "deliveries 1, quarantined 1" in weigov("compose", "notices").good()
    listed = weigov("quarantine", "list").good()
    assert f"cms/articles/{poison['id']}" in listed and "title: " in listed
    (row,) = json.loads(weigov("quarantine", "list", "--flow", "notices", "--json").good())
    assert row["key"] == poison["id"] and "short_title" in row["reason"]
    assert "quarantine" in weigov("status").good()
    assert "1 of 1" in weigov("quarantine", "replay", "notices").good()
    assert "quarantined 1" in weigov("compose", "notices").good()


def test_reviews_by_command_need_two_people_who_looked_at_these_bytes(calm: Deployment, weigov: Weigov) -> None:
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 2}\nmap:", 1))
    assert "applied" in weigov("apply", "notices", "--yes").good()
    publish(calm.other, "关于供水管道抢修的通知")
    weigov("collect", "cms").good()
    weigov("compose", "notices").good()
    assert "0/2" in weigov("review", "list").good()
    (row,) = json.loads(weigov("review", "list", "--json").good())
    number, digest = str(row["id"]), row["digest"]
    wrong = weigov("review", "approve", number, "--as", "bianji", "--digest", "00000000")
    assert wrong.code == 1 and "look at it again" in wrong.err
    assert "waiting_review" in weigov("review", "approve", number, "--as", "bianji", "--digest", digest[:8]).good()
    again = weigov("review", "approve", number, "--as", "bianji")
    assert again.code == 1 and len(lines(again.err)) == 1 and "already decided" in again.err
    assert "refused" in weigov("review", "refuse", number, "--as", "shenhe", "--comment", "时间有误").good()
    gone = weigov("review", "approve", number, "--as", "shenhe")
    assert gone.code == 1 and "it is refused" in gone.err
    assert "nothing waits" in weigov("review", "list").good()


def test_apply_says_how_many_and_asks_first(calm: Deployment, weigov: Weigov) -> None:
    publish(calm.other, "示范市第一号文件", POLICIES)
    calm.round("cms")
    rewrite(calm.settings.site / "layouts" / "policy.html.j2", lambda text: text.replace("发布机构", "发文机构"))
    planned = weigov("plan", "policies").good()
    assert "1" in planned and "again" in planned
    held = weigov("compose", "policies").good()
    assert "weigov apply policies" in held
    asked = weigov("apply", "policies")  # nobody there to say yes
    assert asked.code == 1
    assert "weigov apply policies" in weigov("compose", "policies").good()
    assert "1 records go before compose again" in weigov("apply", "policies", "--yes").good()
    assert "deliveries 1" in weigov("compose", "policies").good()
    assert "nothing to apply" in weigov("apply", "policies", "--yes").good()


def test_a_sandbox_that_is_gone_a_missing_connection_and_an_empty_ledger_are_one_line_each(
    calm: Deployment, weigov: Weigov
) -> None:
    nowhere = command(calm.environ | {"WEIGOV_CLOCK": "sandbox:http://127.0.0.1:9"}, "deliver")
    assert nowhere.code == 1 and len(lines(nowhere.err)) == 1 and "WEIGOV_CLOCK" in nowhere.err
    empty = command(calm.environ | {"WEIGOV_LEDGER_URL": f"sqlite:///{calm.settings.home}/none.db"}, "status")
    assert empty.code == 1 and lines(empty.err) == ["the ledger is empty: run `weigov migrate`"]
    stored = json.loads(calm.settings.secrets_file.read_text())
    del stored["qa"]
    calm.settings.secrets_file.write_text(json.dumps(stored))
    typed = weigov("collect")
    assert typed.code == 1 and "connection qa is missing" in typed.err
    assert all("connection qa is missing" in line for line in lines(typed.err))
    assert "cms/articles" in typed.out


def test_bindings_with_a_fault_bind_nobody_and_name_every_line(calm: Deployment, weigov: Weigov) -> None:
    file = calm.settings.home / "more.csv"
    file.write_text("openid,system,identity\no123,cases,X1\n,cases,X2\no124,nowhere,X3\n")
    typed = weigov("bindings", "import", str(file))
    assert typed.code == 1 and len(lines(typed.err)) == 2
    assert f"{file}:3" in typed.err and f"{file}:4" in typed.err
    file.write_text("openid,system,identity\no123,cases,X1\n")
    assert "1 bindings added, 0 were known" in weigov("bindings", "import", str(file)).good()
    assert "0 bindings added, 1 were known" in weigov("bindings", "import", str(file)).good()


def test_status_tells_what_waits_and_why(calm: Deployment, weigov: Weigov) -> None:
    calm.other.fault("errcode", "/cgi-bin/message/template/send", value="45009")
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    for words in (["collect", "cases"], ["compose"], ["deliver"]):
        weigov(*words).good()
    shown = weigov("status").good()
    assert "deferred" in shown and "45009" in shown
    found = json.loads(weigov("status", "--json").good())
    assert found["flows"]["case_progress"]["deliveries"] == {"deferred": 1}
    assert found["due"] == {"compose": 0, "deliver": 0, "reconcile": 0}


def test_deliver_takes_no_more_than_its_limit(calm: Deployment, weigov: Weigov) -> None:
    for identity in ORDINARY[:3]:
        move(calm.other, case_of(calm.other, identity), "12")
    for words in (["collect", "cases"], ["compose"]):
        weigov(*words).good()
    weigov("deliver", "--limit", "2").good()
    assert len(calm.other.messages()) == 2


def test_a_broken_site_file_stops_everything_with_its_line(calm: Deployment, weigov: Weigov) -> None:
    site = calm.settings.site / "site.yaml"
    rewrite(site, lambda text: text.replace("time_zone: Asia/Shanghai", "time_zone: Asia/Shangai"))
    for words in (["collect"], ["deliver"], ["status"]):
        typed = weigov(*words)
        assert typed.code == 1
        (line,) = lines(typed.err)
        assert line.startswith(f"{site}:") and "time_zone" in line


def test_while_its_flow_is_broken_a_message_waits_for_its_quiet_hours_are_unknown(
    calm: Deployment, weigov: Weigov
) -> None:
    number = case_of(calm.other, ORDINARY[0])
    move(calm.other, number, "12")
    weigov("collect", "cases").good()
    weigov("compose", "case_progress").good()
    flow = calm.settings.site / "flows" / "case_progress.yaml"
    rewrite(flow, lambda text: text.replace("order: latest", "odrer: latest"))
    assert weigov("deliver").code == 1
    assert calm.other.messages() == []
    assert "case_progress is broken or gone" in weigov("status").out
    rewrite(flow, lambda text: text.replace("odrer: latest", "order: latest"))
    calm.reopen()
    calm.drain()
    assert told(calm.other, number) == ["补正"]


def test_square_brackets_and_colons_of_a_title_are_shown_as_they_are(calm: Deployment, weigov: Weigov) -> None:
    title = "[/通知] [bold]关于:bus:改线的通告"
    publish(calm.other, title)
    weigov("collect", "cms").good()
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 2}\nmap:", 1))
    weigov("apply", "notices", "--yes").good()
    weigov("compose", "notices").good()
    assert title in weigov("review", "list").good()
