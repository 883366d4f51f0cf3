"""One record that nothing can be made of never stands in the way of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.weigov.flow.deployment import Deployment
from tests.weigov.flow.test_articles import publish
from weigov.flow.channels import news
from weigov.mapping import apply

BLOB = "weigov-blob:" + "0" * 64


def test_a_picture_whose_address_is_none_costs_the_picture(calm: Deployment) -> None:
    publish(calm.other, "带坏图片的通告", html='<p>正文在此。</p><img src="http://[::1">')
    calm.round("cms")
    assert calm.other.titles() == ["带坏图片的通告"]


def test_text_that_looks_like_a_frozen_picture_is_text(calm: Deployment) -> None:
    publish(calm.other, "写着怪字的通告", html=f"<p>正文 {BLOB}</p>")
    calm.round("cms")
    assert calm.other.titles() == ["写着怪字的通告"]


def test_what_the_words_of_a_site_stop_is_quarantined_without_a_person_s_number(
    calm: Deployment,
) -> None:
    (calm.settings.site / "words.yaml").write_text("block: [内部掌握]\n", encoding="utf-8")
    calm.reopen()
    secret = publish(calm.other, "带内部掌握字样的通告")
    person = publish(calm.other, "带身份证的通告", html="<p>张三，11010519491231002X。</p>")
    publish(calm.other, "正常的通告", html="<p>咨询电话13800138000。</p>")
    calm.round("cms")
    assert calm.other.titles() == ["正常的通告"]
    reasons = {found["key"]: found["reason"] for found in calm.status()["quarantine"]}
    assert set(reasons) == {secret["id"], person["id"]}
    assert reasons[secret["id"]].startswith("title: “内部掌握”")
    assert reasons[person["id"]] == "content: 像是身份证号 looks like a person's number: 110…2X"


def test_a_mistake_of_ours_quarantines_its_record_and_the_others_go_on(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = publish(calm.other, "带来麻烦的通告")
    publish(calm.other, "正常的通告")
    map_article = apply.map_article

    def stumbling(flow: Any, record: Any, context: Any) -> Any:
        if record.key == ill["id"]:
            raise KeyError("13800138000")
        return map_article(flow, record, context)

    monkeypatch.setattr(apply, "map_article", stumbling)
    calm.round("cms")
    assert calm.other.titles() == ["正常的通告"]
    (found,) = calm.status()["quarantine"]
    assert found["key"] == ill["id"] and "KeyError at test_poison.py" in found["reason"]
    assert "13800138000" not in found["reason"]


def test_a_delivery_we_stumble_over_waits_with_its_reason_and_the_others_go(
    calm: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(calm.other, "带来麻烦的通告")
    publish(calm.other, "正常的通告")
    send = news.send

    def stumbling(ctx: Any, client: Any, row: Any) -> None:
        if row.title.startswith("带来麻烦"):
            raise KeyError("13800138000")
        send(ctx, client, row)

    monkeypatch.setattr(news, "send", stumbling)
    calm.collect("cms")
    calm.compose()
    calm.approve("甲", "乙")
    states = calm.deliver().states
    assert states["accepted"] == states["could not be handled"] == 1
    (found,) = calm.status()["deferred"]
    assert "KeyError at test_poison.py" in found["reason"] and "13800138000" not in found["reason"]
    monkeypatch.undo()
    calm.other.advance(minutes=61)
    calm.drain()
    assert sorted(calm.other.titles()) == ["带来麻烦的通告", "正常的通告"]


def test_an_article_wechat_says_nothing_about_keeps_no_other_waiting(calm: Deployment) -> None:
    other = calm.other
    first, second = publish(other, "头一个通告"), publish(other, "第二个通告")
    other.fault("drop_event", "/cgi-bin/freepublish/submit")
    calm.collect("cms")
    calm.compose()
    calm.approve("甲", "乙")
    calm.deliver()
    other.advance(minutes=2)
    other.fault("errcode", "/cgi-bin/freepublish/get", value=40007, times=1)
    found = calm.reconcile()
    assert found.states == {"confirmed": 1} and "40007" in found.stopped
    other.advance(minutes=31)
    assert calm.reconcile().states == {"confirmed": 1}
    assert other.titles() == sorted(a["title"] for a in (first, second))
