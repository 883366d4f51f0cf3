"""settle: what only a person can know about a delivery in doubt, written down and acted on.

Nothing is sent here. What arrived is confirmed with its receipt, so that later revisions replace it and a withdrawal
reaches it; what was not sent is ready again; what is given up stays as it is. WeChat is asked where it can tell, and
what it shows counts more than what a person says.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection

from weigov.errors import RemoteRefused, ReviewRejected
from weigov.flow.channels import mass, news
from weigov.flow.context import Context
from weigov.ledger import attempts, budget, decisions, outbox, receipts, reviews
from weigov.ledger.outbox import Delivery
from weigov.ledger.states import TO_CITIZENS, State
from weigov.wechat.client import AccountClient, PublishStatus

Answer = Literal["arrived", "not_sent", "give_up"]

#: What to do about a delivery that is not in doubt.
_INSTEAD: dict[State, str] = {
    "waiting_review": "decide with `weigov review`",
    "unknown": "`weigov reconcile` looks it up",
    "accepted": "`weigov reconcile` learns what became of it",
    "rejected": "`weigov replay` tries it again",
    "claimed": "a worker has it; wait",
    "sending": "a worker has it; wait",
}


def in_doubt(ctx: Context, delivery_id: int) -> Delivery:
    """The delivery, if a person may settle it. Raises ReviewRejected, saying what to do instead."""
    with ctx.ledger.read() as connection:
        return _in_doubt(connection, ctx.site.site, delivery_id)


def risk(row: Delivery) -> str:
    """What it costs if it was sent after all and is sent again: one sentence, with how many may be told twice."""
    if row.channel in TO_CITIZENS:
        return f"delivery {row.id}: 1 citizen may be told twice"
    if row.channel == "write":
        return f"delivery {row.id}: 0 citizens are told twice; {row.target.removeprefix('system:')} may book it twice"
    if row.channel == "mass" and row.effect == "send":
        return f"delivery {row.id}: everybody it was for may be told twice, and it counts against the month again"
    if row.channel == "news" and row.effect == "publish" and row.payload.get("via") == "publish":
        return f"delivery {row.id}: every reader of the account may see the article twice"
    return f"delivery {row.id}: 0 citizens are told twice"


def settle(ctx: Context, delivery_id: int, answer: Answer, *, person: str, reason: str, receipt: str = "") -> State:
    """Take a person's answer about a delivery in doubt; the state it is in afterwards.

    ``receipt``: an article's id or address, a message's or an entry's number, as the other side shows it. Raises
    ReviewRejected when the delivery is not in doubt or WeChat shows otherwise, RemoteError when it cannot be asked.
    """
    row = in_doubt(ctx, delivery_id)
    client = ctx.account(row.target.removeprefix("account:")) if row.channel == "news" else None
    published: PublishStatus | None = None
    draft = ""
    if client is not None and row.effect == "publish" and answer != "give_up":
        # Asked before the transaction: nothing is held open while WeChat is waited for.
        published, draft = _shown(ctx, client, row, answer, receipt)
    if row.channel == "mass" and row.step == budget.STEP and answer == "arrived":
        _known_message(ctx, row, receipt)
    with ctx.ledger.begin() as connection:
        row = _in_doubt(connection, ctx.site.site, delivery_id)
        if answer == "give_up":
            outbox.move(connection, row, "given_up", now=ctx.now(), reason=reason)
        elif answer == "not_sent":
            _send_again(ctx, connection, row, draft)
        elif client is not None and published is not None:
            _published(ctx, connection, client.account.appid, row, published)
        else:
            _arrived(ctx, connection, row, receipt or draft)
        after = outbox.get(connection, row.id).state
        decisions.note(
            connection,
            row.site,
            "settle",
            delivery=row.id,
            was="in_doubt",
            now=after,
            person=person,
            reason=reason,
            at=ctx.now(),
        )
    return after


def _in_doubt(connection: Connection, site: str, delivery_id: int) -> Delivery:
    try:
        row = outbox.get(connection, delivery_id)
    except LookupError:
        raise ReviewRejected(f"there is no delivery {delivery_id}; `weigov status` lists what is in doubt") from None
    if row.site != site:
        raise ReviewRejected(f"delivery {delivery_id} is of another site: {row.site}")
    if row.state != "in_doubt":
        instead = _INSTEAD.get(row.state, "nothing is to be settled")
        raise ReviewRejected(f"delivery {delivery_id} is not in doubt, it is {row.state}: {instead}")
    return row


def _shown(
    ctx: Context, client: AccountClient, row: Delivery, answer: Answer, said: str
) -> tuple[PublishStatus | None, str]:
    """What WeChat shows of an article: (the published one, its draft's media_id)."""
    if row.payload["via"] == "draft":
        draft = news.find_draft(client, row, said)
        if (answer == "arrived") != bool(draft):
            found = f"holds the draft {draft}: settle it with --arrived" if draft else "holds no such draft"
            raise ReviewRejected(f"delivery {row.id}: WeChat {found}")
        return None, draft
    published = news.find_published(client, row, said, news.known_as_others(ctx, client, row))
    if answer == "arrived":
        if published is None:
            hint = "" if said else "; --receipt takes the article's id or address, where it was published by hand"
            raise ReviewRejected(f"delivery {row.id}: WeChat shows no such article{hint}")
        return published, ""
    if published is not None:
        raise ReviewRejected(
            f"delivery {row.id}: WeChat shows the article ({published.article_id}): settle it with --arrived"
        )
    with ctx.ledger.read() as connection:
        known = attempts.done(connection, row.id).get("draft", "")
    return None, news.find_draft(client, row, known) or news.find_draft(client, row)


def _known_message(ctx: Context, row: Delivery, msg_id: str) -> None:
    """A mass message is known by its number alone: without it nothing of it could be taken back."""
    if not msg_id:
        raise ReviewRejected(f"delivery {row.id}: --receipt says the message's number (msg_id)")
    try:
        state = ctx.account(row.target.removeprefix("account:")).mass.state(msg_id)
    except RemoteRefused as error:
        raise ReviewRejected(f"delivery {row.id}: WeChat knows no mass message {msg_id} ({error.code})") from None
    if state not in ("sent", "sending", "deleted"):
        raise ReviewRejected(f"delivery {row.id}: WeChat says of the mass message {msg_id}: {state}")


def _published(ctx: Context, connection: Connection, appid: str, row: Delivery, status: PublishStatus) -> None:
    news.confirm(connection, appid, row, status, now=ctx.now())
    later = [
        other.revision
        for other in outbox.find(
            connection, site=row.site, flow=row.flow, record=row.record, target=row.target, states=("confirmed",)
        )
        if other.effect == "publish" and other.revision > row.revision
    ]
    if later:  # it was published meanwhile, and this is the old one
        news.remove_published(connection, row.site, row.flow, row.record, before_revision=max(later), now=ctx.now())


def _arrived(ctx: Context, connection: Connection, row: Delivery, receipt: str) -> None:
    if receipt:
        steps = {"write": "write", "menu": "menu", "mass": row.step, **dict.fromkeys(TO_CITIZENS, "send")}
        step = steps.get(row.channel, "draft")
        attempts.adopt(connection, row, step, receipt, now=ctx.now())
    if receipt and row.channel in TO_CITIZENS:
        appid = ctx.account(row.target.removeprefix("account:")).account.appid
        receipts.note(connection, appid, row.channel, receipt, subject=row.subject, delivery_id=row.id, now=ctx.now())
    outbox.move(connection, row, "confirmed", now=ctx.now())
    if row.effect == "remove" and row.channel == "mass":
        mass.removed_articles(connection, row, now=ctx.now())
    elif row.effect == "remove":
        news.mark_removed(connection, row, now=ctx.now())


def _send_again(ctx: Context, connection: Connection, row: Delivery, draft: str) -> None:
    """Ready from the first step that is not there. Its first intent is forgotten: no key is honoured so long."""
    if row.expires_at is not None and row.expires_at <= ctx.now():
        raise ReviewRejected(
            f"delivery {row.id} would come too late, its valid_for is over: settle it with --give-up"
        )
    attempts.forget(connection, row)
    if draft:
        attempts.adopt(connection, row, "draft", draft, now=ctx.now())
    # What an old copy of the ledger parked may never have been approved: nobody's word replaces a review.
    approved = reviews.approvals(connection, row.id, row.digest) >= row.approvals_needed
    to: State = "ready" if approved else "waiting_review"
    reason = "a person: not sent"
    outbox.move(connection, row, to, now=ctx.now(), due_at=ctx.now(), first_intent_at=None, reason=reason)
