"""Every kind of drift is found, on one line that says where, which, what and what to do; else there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from tests.weigov.command import command
from tests.weigov.flow.deployment import Deployment, Lived
from tests.weigov.flow.test_articles import publish
from tests.weigov.flow.test_messages import ORDINARY, case_of, move
from tests.weigov.flow.test_operator import Weigov, lines, typing_at
from tests.weigov.flow.test_settle import article_in_doubt
from weigov.flow import audit as audited
from weigov.flow.audit import Audit, audit
from weigov.flow.channels.news import marker
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery
from weigov.ledger.tables import attempt, delivery, receipt, record, revision, stream_state

TITLE = "关于道路限行的通告"


@pytest.fixture(scope="module")
def lived_once(calm_lived: Lived) -> Iterator[Lived]:
    calm = calm_lived.again()
    publish(calm.other, TITLE)
    move(calm.other, case_of(calm.other, ORDINARY[0]), "12")
    calm.round()
    assert audit(calm.ctx).differences == ()
    lived = Lived(calm)
    yield lived
    lived.close()


@pytest.fixture
def lived(lived_once: Lived) -> Deployment:
    """One article published, one message sent, the menu made; all of it certain and told upstream."""
    return lived_once.again()


@pytest.fixture
def weigov(lived: Deployment) -> Weigov:
    return typing_at(lived)


def published(town: Deployment) -> Delivery:
    with town.ctx.ledger.read() as connection:
        return outbox.find(connection, effect="publish", channel="news")[-1]


def change(town: Deployment, *statements: Any) -> None:
    with town.ctx.ledger.begin() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


def in_state(town: Deployment, state: str, **more: Any) -> None:
    change(town, update(delivery).where(delivery.c.id == published(town).id).values(state=state, **more))


def by_hand(town: Deployment, mark: str, *, submit: bool = True) -> None:
    """What anybody with the account's log-in could do: the same article again, under this mark."""
    client = town.ctx.account("city")
    (there,) = client.get_article(next(a["article_id"] for a in town.other.standing())) or ()
    names = ("title", "content", "author", "digest", "thumb_media_id")
    media_id = client.add_draft(
        [{name: there[name] for name in names} | {"content_source_url": f"https://www.example.gov.cn/1#{mark}"}]
    )
    if submit:
        client.submit(media_id)
        town.other.advance(seconds=10)
        town.other.events_done()


def edited(town: Deployment, part: str, old: str, new: str) -> None:
    """Somebody edited the published article in WeChat."""
    with town.other.world.transaction() as db:
        (text,) = db.execute("SELECT articles FROM wx_publish WHERE published_at IS NOT NULL").fetchone()
        (article,) = json.loads(text)
        assert old in article[part]
        article[part] = article[part].replace(old, new)
        db.execute("UPDATE wx_publish SET articles = ?", (json.dumps([article], ensure_ascii=False),))


def removed(town: Deployment) -> None:
    town.other.post(f"/wechat/articles/{town.other.standing()[0]['article_id']}/take-down", status=6)


def without_write_back(town: Deployment) -> None:
    with town.ctx.ledger.read() as connection:
        rows = outbox.find(connection, target="system:cms", channel="write")
    ids = [row.id for row in rows]
    change(
        town,
        delete(attempt).where(attempt.c.delivery_id.in_(ids)),
        delete(delivery).where(delivery.c.id.in_(ids)),
    )
    town.other.advance(hours=2)


def old_version_back(town: Deployment) -> None:
    first = published(town)
    town.other.patch(f"/cms/articles/{first.record.rpartition('/')[2]}", append="（更正）")
    town.round("cms")
    change(town, update(delivery).where(delivery.c.id == first.id).values(state="confirmed"))
    with town.other.world.transaction() as db:
        db.execute("UPDATE wx_publish SET deleted = '[]', status = 0")


def withdrawn_long_ago(town: Deployment) -> None:
    key = published(town).record.rpartition("/")[2]
    long_ago = town.ctx.now() - timedelta(hours=3)
    change(town, update(record).where(record.c.key == key).values(withdrawn_at=long_ago, row_digest=""))


def not_mirrored(town: Deployment) -> None:
    with town.ctx.ledger.read() as connection:
        row = connection.execute(
            record.select().where(record.c.stream == "articles").order_by(record.c.id).limit(1)
        ).one()
    change(
        town,
        delete(revision).where(revision.c.record_id == row.id),
        delete(record).where(record.c.id == row.id),
    )


def mirrored_otherwise(town: Deployment) -> None:
    with town.ctx.ledger.read() as connection:
        row = connection.execute(record.select().where(record.c.stream == "articles").order_by(record.c.id)).first()
    assert row is not None
    change(town, update(record).where(record.c.id == row.id).values(row_digest="0" * 64, digest="0" * 64))


DRIFTS: dict[str, tuple[Callable[[Deployment], object], str]] = {
    "missing": (removed, "published, but no longer in WeChat"),
    "twice": (lambda town: by_hand(town, marker(published(town))), "stands 2 times in WeChat"),
    "withdrawn in the ledger": (lambda town: in_state(town, "removed"), "but the ledger says removed"),
    "given up": (lambda town: in_state(town, "given_up"), "but the ledger says given_up"),
    "believed unsent": (lambda town: in_state(town, "ready"), "but the ledger believes it unsent (ready)"),
    "another title": (lambda town: edited(town, "title", "通告", "公告"), "not what was approved: title differ"),
    "another text": (
        lambda town: edited(town, "content", "请有关", "不请有关"),
        "not what was approved: text differ",
    ),
    "a picture more": (
        lambda town: edited(town, "content", "请有关", '<img src="https://mmbiz.qpic.cn/x"/>请有关'),
        "not what was approved: number of pictures differ",
    ),
    "unknown": (lambda town: by_hand(town, f"wg-{'0' * 32}"), "an article of ours the ledger does not know"),
    "old version": (old_version_back, "an old version still stands beside the new one"),
    "menu": (
        lambda town: town.ctx.account("city").create_menu([{"type": "click", "name": "我的", "key": "k"}]),
        "the menu is not ours any more",
    ),
    "another's conditional menu": (
        lambda town: town.ctx.account("city").add_conditional_menu(
            {"client_platform_type": "1"}, [{"type": "click", "name": "我的", "key": "k"}]
        ),
        "the menu is not ours any more: + a menu for ios: 我的",
    ),
    "menu switched off": (
        lambda town: town.other.put("/wechat/menu", appid=town.other.appid, is_open=False),
        "the menu is not ours any more: switched off in WeChat's console",
    ),
    "no menu": (lambda town: town.ctx.account("city").delete_menu(), "the menu is not ours any more"),
    "draft": (
        lambda town: by_hand(town, marker(published(town)), submit=False),
        "a draft of ours was left over",
    ),
    "no receipt": (
        lambda town: change(town, delete(receipt).where(receipt.c.kind == "article")),
        "its article id is not known",
    ),
    "not told": (without_write_back, "its system was not told that it is confirmed"),
    "withdrawn in the source": (withdrawn_long_ago, "the article stands and nothing takes it down"),
    "not mirrored": (not_mirrored, "is in the source, but not in the mirror"),
    "mirrored otherwise": (mirrored_otherwise, "is another in the source than in the mirror"),
}


def test_a_clean_deployment_has_no_difference_and_what_is_not_read_is_said(
    town: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.bind_everyone()
    town.round()
    assert len(town.other.standing()) > 20
    assert command(town.environ, "audit").good() == "no difference\n"
    monkeypatch.setattr(audited.wechat, "PAGES", 1)
    short = audit(town.ctx, sources=False)
    assert short == Audit((), ("city: only the newest 20 published articles were compared",))


@pytest.mark.parametrize("kind", DRIFTS)
def test_each_kind_of_drift_is_one_line(lived: Deployment, kind: str) -> None:
    drift, said = DRIFTS[kind]
    drift(lived)
    found = audit(lived.ctx)
    (line,) = [str(one) for one in found.differences if said in one.what] or [f"not among {found.differences}"]
    assert said in line and found.not_compared == ()
    # What is withdrawn in the mirror only differs from the source as well.
    assert len(found.differences) == (2 if kind == "withdrawn in the source" else 1)


def test_what_is_in_doubt_for_a_day_or_shown_by_wechat_is_named_with_its_command(calm: Deployment) -> None:
    _, row = article_in_doubt(calm, "lose_answer")
    (shown,) = audit(calm.ctx, sources=False).differences
    assert shown.what == "in doubt, but WeChat shows it" and f"weigov settle {row.id} --arrived" in shown.todo
    calm.other.advance(hours=25)
    found = audit(calm.ctx, sources=False).differences
    assert any(one.what.startswith("in doubt since 2026-03-10 10:") and one.delivery == row.id for one in found)


def test_an_audit_changes_nothing(lived: Deployment, weigov: Weigov) -> None:
    removed(lived)
    before = lived.status() | {"at": None}
    typed = weigov("audit")
    assert typed.code == 1 and lines(typed.out)[-1] == "1 difference"
    assert lines(typed.out)[0].startswith(f"city: {published(lived).record} (delivery ")
    assert lived.status() | {"at": None} == before


def test_as_json_a_difference_has_its_parts(lived: Deployment, weigov: Weigov) -> None:
    removed(lived)
    typed = weigov("audit", "--no-source", "--json")
    found = json.loads(typed.out)
    assert typed.code == 1 and found["not_compared"] == []
    (one,) = found["differences"]
    assert one["where"] == "city" and one["delivery"] == published(lived).id and one["todo"]


def test_what_cannot_be_asked_is_said_and_the_rest_is_compared(lived: Deployment, weigov: Weigov) -> None:
    lived.other.post("/qa/outage", down=True, how="bad_gateway")
    removed(lived)
    typed = weigov("audit")
    assert typed.code == 1 and "published, but no longer in WeChat" in typed.out
    assert lines(typed.err) and all(line.startswith("not compared: qa/") for line in lines(typed.err))


def test_a_delivery_that_moved_while_we_looked_is_no_difference(
    lived: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed(lived)
    compare = audited.wechat.compare

    def then_moved(ctx: Any, account: str, found: Any) -> list[str]:
        missed = compare(ctx, account, found)
        assert len(found) == 1
        in_state(lived, "removed")
        return missed

    monkeypatch.setattr(audited.wechat, "compare", then_moved)
    assert audit(lived.ctx, sources=False).differences == ()


def test_a_stream_that_was_never_read_whole_is_not_compared(lived: Deployment) -> None:
    change(lived, update(stream_state).where(stream_state.c.stream == "questions").values(last_completed_at=None))
    found = audit(lived.ctx)
    assert found.differences == ()
    assert found.not_compared == ("qa/questions: it was never collected whole, or is being collected now",)
