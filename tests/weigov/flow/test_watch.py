"""What is wrong becomes one incident with one line, told once; and once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.weigov.flow.deployment import Deployment, rewrite, to_drafts
from tests.weigov.flow.test_articles import PICTURE, publish
from tests.weigov.flow.test_messages import ORDINARY, SEND, case_of, move
from tests.weigov.flow.test_replay import refused_article, rejected
from tests.weigov.flow.test_standstill import write_messages
from weigov.flow.context import Context
from weigov.flow.replay import replay
from weigov.flow.review import held
from weigov.flow.watch import Watched, found, task_failed, task_succeeded, watch
from weigov.notify import Notice, NotTold
from weigov.site.models import Alert

DUTY = Alert(kind="wecom", connection="duty")


class Duty:
    """The people on duty; ``deaf`` while their robot does not answer."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []
        self.deaf = False

    def __call__(self, alert: Alert, notice: Notice) -> None:
        if self.deaf:
            raise NotTold(f"connection {alert.connection}: HTTP 500")
        self.heard.append(notice)


def on_duty(town: Deployment, duty: Duty) -> Context:
    return replace(town.ctx, site=replace(town.ctx.site, alerts=(DUTY,)), tell=duty)


def test_a_standstill_a_quarantine_and_a_stream_that_fails_are_told_once_and_their_end_once(calm: Deployment) -> None:
    other, duty = calm.other, Duty()
    ctx = on_duty(calm, duty)
    assert watch(ctx) == Watched(0, 0)
    publish(other, "带身份证的通告", html="<p>张三，11010519491231002X。</p>")
    publish(other, "正常的通告")
    calm.collect("cms")
    calm.compose("notices")
    other.fault("errcode", "/cgi-bin/*", value="40164")
    calm.deliver()
    found_ = dict(found(ctx))
    assert set(found_) == {"stopped:account:city", "quarantine:notices"}
    assert watch(ctx) == Watched(2, 2)
    assert watch(ctx) == Watched(2, 0)
    texts = [notice.text for notice in duty.heard]
    assert any("account:city 停止发送" in text and "40164" in text for text in texts)
    assert any("notices: 1 条记录被隔离" in text for text in texts)
    assert all("1949" not in text and other.secret not in text for text in texts)
    other.mend()
    other.advance(minutes=6)
    calm.deliver()
    watch(ctx)
    other.advance(minutes=20)
    duty.deaf = True
    assert watch(ctx).problems == ("connection duty: HTTP 500",)
    duty.deaf = False
    assert watch(ctx).told == 1
    assert duty.heard[-1].subject.endswith("已恢复 recovered") and duty.heard[-1].facts["state"] == "recovered"


def test_a_red_task_is_told_until_it_runs_well(calm: Deployment) -> None:
    duty = Duty()
    ctx = on_duty(calm, duty)
    for _ in range(3):
        task_failed(ctx, "deliver_city.deliver", "40164: not in the list")
    assert [notice.text.splitlines()[0] for notice in duty.heard] == ["deliver_city.deliver: 40164: not in the list"]
    task_succeeded(ctx, "collect_cms_articles.collect")
    assert len(duty.heard) == 1
    task_succeeded(ctx, "deliver_city.deliver")
    task_succeeded(ctx, "deliver_city.deliver")
    assert len(duty.heard) == 2


def test_a_stream_nobody_reads_any_more_is_wrong(calm: Deployment) -> None:
    calm.collect("cms")
    assert dict(found(calm.ctx)) == {}
    calm.other.advance(hours=timedelta(days=2).total_seconds() / 3600)
    wrong = dict(found(calm.ctx))
    assert "stream:cms/articles" in wrong and "26 小时没有采完" in wrong["stream:cms/articles"].said


def test_the_veto_for_not_being_updated_is_told_three_days_ahead_and_over_with_the_next_article(
    calm: Deployment,
) -> None:
    other, duty = calm.other, Duty()
    publish(other, "关于供水管道抢修的通知")
    calm.round("cms")
    ctx = on_duty(calm, duty)

    def vetoes() -> dict[str, str]:
        calm.collect()
        calm.compose()
        return {key: wrong.why for key, wrong in found(ctx) if key.startswith("veto")}

    other.advance(days=9, hours=23)
    assert vetoes() == {}
    other.advance(hours=2)
    assert vetoes() == {"veto:city": "3"}
    watch(ctx)
    assert [notice.facts["incident"] for notice in duty.heard] == ["veto:city"]
    assert "city 再过 3 天不更新即被单项否决" in duty.heard[0].text
    other.advance(days=5)
    assert vetoes() == {"veto:city": "0"}
    publish(other, "关于恢复供水的通知")
    calm.round("cms")
    assert vetoes() == {}


def test_an_article_in_the_draft_box_updates_nobody(calm: Deployment) -> None:
    publish(calm.other, "关于供水管道抢修的通知")
    calm.round("cms")
    calm.other.advance(days=12)
    rewrite(calm.settings.site / "flows" / "notices.yaml", to_drafts)
    calm.reopen()
    calm.apply("notices")
    publish(calm.other, "关于恢复供水的通知")
    calm.round("cms")
    assert "veto:city" in dict(found(calm.ctx))


def test_a_review_past_its_time_limit_is_told_and_nothing_leaves_by_itself(calm: Deployment) -> None:
    flow = calm.settings.site / "flows" / "notices.yaml"
    rewrite(flow, lambda text: text.replace("map:", "review: {needs: 1, within: P1D}\nmap:", 1))
    calm.reopen()
    calm.apply("notices")
    duty = Duty()
    ctx = on_duty(calm, duty)
    publish(calm.other, "关于供水管道抢修的通知")
    calm.collect("cms")
    calm.compose("notices")
    (row,) = held(ctx)
    assert row.until is not None and timedelta(hours=23) < row.until - calm.ctx.now() <= timedelta(days=1)
    calm.other.advance(hours=23)
    assert not held(ctx)[0].is_late and "review:notices" not in dict(found(ctx))
    calm.other.advance(hours=2)
    assert held(ctx)[0].is_late
    watch(ctx)
    (told,) = [notice for notice in duty.heard if notice.facts["incident"] == "review:notices"]
    assert "notices: 1 条超过审核时限仍未审" in told.text
    calm.drain_but_compose()
    assert calm.other.articles() == [] and len(held(ctx)) == 1
    calm.approve("shenhe")
    assert "review:notices" not in dict(found(ctx))


def test_without_anybody_to_tell_it_is_kept(calm: Deployment) -> None:
    task_failed(calm.ctx, "x.y", "z")
    assert watch(calm.ctx) == Watched(1, 0)


def test_a_missing_permission_is_one_alert_however_many_wait_for_however_long_and_its_end_is_told(
    calm: Deployment,
) -> None:
    duty = Duty()
    ctx = on_duty(calm, duty)
    write_messages(calm, 25)
    calm.other.fault("errcode", SEND, value="48001")
    for _ in range(9):  # three hours, with three more tries
        calm.deliver()
        watch(ctx)
        calm.other.advance(minutes=20)
    assert calm.other.fired("errcode") == 3
    (told,) = duty.heard
    assert "25 条 template 待人工处理" in told.text and "48001" in told.text
    calm.other.mend()
    calm.other.advance(hours=1)
    calm.drain()
    watch(ctx)
    calm.other.advance(minutes=16)
    watch(ctx)
    assert ["recovered" in notice.subject for notice in duty.heard] == [False, True]


def test_what_waits_for_its_hour_or_its_quota_is_nobodys_alert(calm: Deployment) -> None:
    duty = Duty()
    ctx = on_duty(calm, duty)
    write_messages(calm, 3)
    calm.other.fault("errcode", SEND, value="45009")
    calm.deliver()
    assert watch(ctx) == Watched(0, 0)


@pytest.mark.parametrize("way_out", ["edited", "withdrawn", "replayed"])
def test_an_article_wechat_refused_is_one_alert_until_something_takes_its_place(
    calm: Deployment, way_out: str
) -> None:
    article, row = refused_article(calm)
    assert set(dict(found(calm.ctx))) == {"rejected:notices"}
    if way_out == "edited":
        calm.other.patch(f"/cms/articles/{article['id']}", append="（更正）")
    elif way_out == "withdrawn":
        calm.other.post(f"/cms/articles/{article['id']}/withdraw")
    else:
        replay(calm.ctx, row.id, person="wang", reason="mended")
    calm.round("cms")
    assert dict(found(calm.ctx)) == {}


def test_a_citizen_who_cannot_be_reached_is_nobodys_alert(calm: Deployment) -> None:
    calm.other.persona(ORDINARY[0], "unfollowed")
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.round("cases")
    assert rejected(calm).channel == "template" and dict(found(calm.ctx)) == {}


def test_a_record_that_waits_long_for_its_picture_is_an_alert_and_goes_by_itself(calm: Deployment) -> None:
    publish(calm.other, "正常的通告", html=PICTURE)
    calm.collect("cms")
    calm.other.fault("http_502", "/cms/files/*")
    assert calm.compose("notices", "policies")["notices"].waiting
    calm.other.advance(hours=5)
    assert dict(found(calm.ctx)) == {}
    calm.other.advance(hours=2)
    assert set(dict(found(calm.ctx))) == {"pending:notices"}
    calm.other.mend()
    calm.compose("notices", "policies")
    assert dict(found(calm.ctx)) == {}
