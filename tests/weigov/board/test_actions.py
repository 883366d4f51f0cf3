"""What a person does from the board: only from our own page, only who may, with a reason, and into the audit log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from tests.weigov.board.conftest import Shown
from tests.weigov.board.town import TOO_LONG, Town
from tests.weigov.serving import Web
from weigov.board.actions import ACTIONS
from weigov.ledger import audit_log, claims, outbox, pauses, revisions
from weigov.site.models import Review


def act(web: Web, what: str, role: str = "op:wang", **form: object) -> requests.Response:
    return web.post(f"/act/{what}", data=form, headers={"X-Role": role})


def test_a_doubt_is_settled_and_the_risk_is_said_first(web: Web, town: Town) -> None:
    row = town.in_doubt("存疑待裁定")
    page = web.get(f"/item/{row.id}").text
    assert "every reader of the account may see it twice" in page
    assert page.count("Look at the other side") == 1  # the reason's advice is the state's
    unsure = act(web, "settle", delivery=row.id, answer="not_sent", reason="看过了")
    assert unsure.status_code == 400 and "Confirm first" in unsure.text and town.get(row.id).state == "in_doubt"
    done = act(web, "settle", delivery=row.id, answer="give_up", reason="已口头通知")
    assert done.status_code == 200 and "given up" in done.text and town.get(row.id).state == "given_up"
    entry = town.log()[-1]
    assert (entry.person, entry.door, entry.what, entry.about, entry.reason) == (
        "wang", "board", "settle", f"delivery {row.id}", "已口头通知",
    )  # fmt: skip
    again = act(web, "settle", delivery=row.id, answer="give_up", reason="已口头通知")
    assert again.status_code == 409 and "not in doubt" in again.text


def test_what_was_not_sent_goes_again_after_the_risk_was_seen(web: Web, town: Town) -> None:
    row = town.in_doubt("未发出的", channel="menu", flow="menu", effect="apply")
    done = act(web, "settle", delivery=row.id, answer="not_sent", reason="控制台没有", sure="yes")
    assert done.status_code == 200 and town.get(row.id).state == "ready"


def test_a_rejected_one_and_a_quarantined_one_are_replayed(web: Web, town: Town) -> None:
    row = town.enqueue("被拒的菜单", channel="menu", flow="menu", effect="apply")
    with town.it.ctx.ledger.begin() as connection:
        (claimed,) = claims.claim(
            connection, target="account:city", limit=1, owner="w", lease_s=9, now=town.it.ctx.now(), channel="menu"
        )
        outbox.move(connection, claimed, "rejected", now=town.it.ctx.now(), reason="40018 按钮名过长")
    assert "Invalid button name size" in web.get(f"/item/{claimed.id}").text
    assert act(web, "replay", role="user:li", delivery=claimed.id, reason="改短了").status_code == 200
    assert town.get(claimed.id).state == "ready" and row.id >= claimed.id
    key = town.spare
    assert act(web, "quarantine", role="user:li", flow="notices", key="nowhere", reason="x").status_code == 409
    assert act(web, "quarantine", role="user:li", flow="notices", key=key, reason="标题改好了").status_code == 200
    with town.it.ctx.ledger.read() as connection:
        assert key not in [row.key for row in revisions.quarantined(connection, "demo")]
    assert town.log()[-1].about == f"flow notices, record cms/articles/{key}"


@pytest.fixture
def notices_reviewed(shown: Shown) -> Iterator[None]:
    """As in the demo; the town's notices are not."""
    before = shown.ctx
    notices = before.site.flows["notices"].model_copy(update={"review": Review(needs=1)})
    flows = {**before.site.flows, "notices": notices}
    shown.ctx = replace(before, site=replace(before.site, flows=flows))
    yield
    shown.ctx = before


@pytest.mark.usefixtures("notices_reviewed")
def test_a_quarantined_article_is_corrected_where_others_review_it(web: Web, town: Town) -> None:
    town.it.other.patch(f"/cms/articles/{town.mended}", append="（又改）")
    town.it.collect("cms")
    town.it.compose("notices")
    page = web.get("/quarantine?flow=notices").text
    form = page[page.index(f'name="key" value="{town.mended}"><input type="hidden" name="revision"') :]
    (revision,) = re.findall(r'name="revision" value="(\d+)"', form[: form.index("</form>")])
    assert 'name="text.short_title" value=""' in form and TOO_LONG in page
    here = {"flow": "notices", "key": town.mended, "revision": revision, "reason": "先发出来"}
    still = act(web, "correct", role="user:li", **here, **{"text.short_title": "很" * 33})
    assert still.status_code == 409 and "could still not be mapped" in still.text
    said = act(web, "correct", role="user:li", **here, **{"text.short_title": "改短了的标题"})
    assert said.status_code == 200 and "correct texts" in said.text
    assert (town.log()[-1].what, town.log()[-1].person) == ("correct", "li")
    assert "changed since" in act(web, "correct", role="user:li", **here, **{"text.short_title": "再改"}).text
    town.it.compose("notices")
    with town.it.ctx.ledger.read() as connection:
        (row,) = outbox.find(connection, record=f"cms/articles/{town.mended}", channel="news")
    page = web.get(f"/item/{row.id}", headers={"Accept-Language": "zh"}).text
    assert row.title == "改短了的标题" and "与原系统不同，li 于" in page and "看板更正" in page


def test_nothing_is_offered_to_be_corrected_where_nobody_reviews(web: Web, town: Town) -> None:
    page = web.get("/quarantine?flow=notices").text
    assert town.quarantined in page and "act/correct" not in page


def test_a_reviewer_sees_what_was_found_and_what_changes_before_the_button(web: Web, town: Town) -> None:
    payload = {
        "title": "按装电表的通知", "content": "<p>王某，13800138000</p>", "author": "办", "images": []
    }  # fmt: skip
    record = town.published.record
    row = town.enqueue("改稿", record=record, revision=9, title="按装电表的通知", payload=payload, approvals_needed=1)
    page = web.get(f"/item/{row.id}", headers={"X-Role": "user:li"}).text
    button = page.index('value="approve"')
    assert 0 < page.index("What was checked before") < button
    assert page.index("138") < button  # a telephone number in its text
    assert page.index('<iframe class="phone"') < button
    assert page.index("-停水") < button and "Changes to what is published" in page
    calm = town.enqueue("没有问题的一稿", approvals_needed=1)
    assert "none found" in web.get(f"/item/{calm.id}").text


def test_two_people_approve_and_the_third_press_is_refused(web: Web, town: Town) -> None:
    row = town.enqueue("两人审", approvals_needed=2)
    digest = {"delivery": row.id, "digest": row.digest, "decision": "approve"}
    assert act(web, "review", "user:bianji", **digest).status_code == 200
    twice = act(web, "review", "user:bianji", **digest)
    assert twice.status_code == 409 and "another person is needed" in twice.text
    assert act(web, "review", "user:shenhe", **digest).status_code == 200 and town.get(row.id).state == "ready"
    assert "no longer waits" in act(web, "review", "user:lingdao", **digest).text
    other = town.enqueue("看错版本", approvals_needed=1)
    stale = act(web, "review", "user:shenhe", **digest | {"delivery": other.id, "digest": "0" * 64})
    assert "changed since it was shown" in stale.text
    no_comment = act(web, "review", "user:shenhe", delivery=other.id, digest=other.digest, decision="refuse")
    assert no_comment.status_code == 400
    act(web, "review", "user:shenhe", delivery=other.id, digest=other.digest, decision="refuse", reason="标题有误")
    assert (town.get(other.id).state, town.get(other.id).reason) == ("refused", "标题有误")


def test_a_flow_is_paused_and_resumed_and_a_quota_cleared(web: Web, town: Town) -> None:
    assert act(web, "pause", flow="answers", reason="系统割接").status_code == 200
    assert "answers" in web.get("/").text and "is paused by wang" in web.get("/").text
    assert act(web, "resume", flow="answers", reason="割接完成").status_code == 200
    with town.it.ctx.ledger.read() as connection:
        assert pauses.paused(connection, "demo") == {}
    assert act(web, "clear_quota", account="city", reason="防汛预警要发").status_code == 200
    assert "were used this month" in web.get("/account/city").text
    assert [entry.what for entry in town.log()[-3:]] == ["pause", "resume", "clear_quota"]
    with town.it.ctx.ledger.read() as connection:
        assert audit_log.verify(row.as_text() for row in audit_log.entries(connection)).problem == ""


FORMS = {
    "replay": {"delivery": "1"}, "quarantine": {"flow": "notices", "key": "x"},
    "correct": {"flow": "notices", "key": "x", "revision": "1", "text.title": "y"},
    "settle": {"delivery": "1", "answer": "give_up"}, "review": {"delivery": "1", "digest": "x"},
    "pause": {"flow": "menu"}, "resume": {"flow": "menu"}, "clear_quota": {"account": "city"},
}  # fmt: skip
MAY = {
    "viewer": set[str](),
    "user": {"replay", "quarantine", "correct", "review"},
    "op": set(ACTIONS),
}


@pytest.mark.parametrize("what", ACTIONS)
def test_who_may_not_learns_nothing_and_changes_nothing(what: str, web: Web, town: Town) -> None:
    before = len(town.log())
    assert act(web, what, "", **FORMS[what]).status_code == 401
    for role, may in MAY.items():
        answer = act(web, what, role, **FORMS[what])  # no reason: who may is told so, and nothing is done
        assert answer.status_code == (400 if what in may else 403), role
        if what not in may:
            assert act(web, what, role, delivery="99999999", flow="no", account="no").status_code == 403
    assert len(town.log()) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://oa.city.gov.cn"}, 400),  # the proxy in front; then only the reason is missing
        ({"Sec-Fetch-Site": "same-origin"}, 400),
    ],
)
@pytest.mark.parametrize("what", ["pause", "settle"])
def test_another_sites_page_cannot_act(what: str, headers: dict[str, str], status: int, web: Web) -> None:
    answer = web.post(f"/act/{what}", data=FORMS[what], headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert "did not come from this board" in answer.text


def test_a_get_acts_on_nothing_and_a_body_that_is_no_form_is_refused(web: Web) -> None:
    for what in ACTIONS:
        assert web.get(f"/act/{what}").status_code in (404, 405)
    assert web.post("/act/pause", json={"flow": "menu", "reason": "x"}).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/act/pause", data=b"flow=" + b"x" * 70_000, headers=form).status_code == 413
    assert web.post("/act/pause", data="flow=é".encode(), headers=form).status_code == 400
    assert act(web, "settle", delivery="1", answer="burn", reason="x").status_code == 400
    assert act(web, "settle", delivery="x", answer="give_up", reason="x").status_code == 404
