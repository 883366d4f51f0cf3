"""Preview and send, step by step; what holds a message back before it may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy import Connection

from weigov.flow.channels.mass.drafting import drafted, look_at
from weigov.flow.channels.mass.outcome import join
from weigov.flow.channels.mass.removal import remove
from weigov.flow.channels.mass.standing import stale
from weigov.flow.channels.mass.transition import follow_up
from weigov.flow.context import Context
from weigov.flow.step import Ended, call
from weigov.ledger import attempts, budget, outbox
from weigov.ledger.outbox import Delivery
from weigov.ledger.waiting import Waiting
from weigov.wechat.client import AccountClient
from weigov.wechat.mass import Sent

#: How long after a call without an answer it is repeated: sooner WeChat answers 45066.
REPEAT_AFTER = timedelta(seconds=65)
#: WeChat's window is 24 hours; ours ends early enough for a clock that is off.
REPEAT_FOR = timedelta(hours=23, minutes=30)
SENDALL, PREVIEW = "/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/preview"


def paths(ctx: Context, row: Delivery, done: Mapping[str, str]) -> dict[str, int]:
    """The calls that count against a quota which this delivery still needs."""
    if row.effect == "remove":
        return {}
    if row.effect == "send":
        return {SENDALL: 1, "/cgi-bin/draft/get": 1}  # a draft made anew after a replay is one of a thousand
    waiting = _unseen(ctx, row, done)
    return ({} if "draft" in done else {"/cgi-bin/draft/add": 1}) | {PREVIEW: len(waiting)}


def calls(ctx: Context, waiting: Waiting) -> dict[str, int]:
    """path → the calls that deliveries of one kind that wait will make."""
    if waiting.effect == "remove":
        return {}
    if waiting.effect == "send":
        return {SENDALL: waiting.count, "/cgi-bin/draft/get": waiting.count}
    flow = ctx.site.flows.get(waiting.flow)
    people = max((len(ctx.site.accounts[name].preview_to) for name in flow.to.accounts), default=1) if flow else 1
    return {"/cgi-bin/draft/add": 0 if waiting.is_drafted else waiting.count, PREVIEW: people * waiting.count}


def held_by_budget(ctx: Context, connection: Connection, row: Delivery, appid: str) -> tuple[datetime, str] | None:
    """(until when, why) the site's budget keeps this message back; None when it may go. Part of the claim."""
    if row.effect != "send":
        return None
    count, unit = allowed(ctx, row.target.removeprefix("account:"))
    budget.hold(connection, appid, unit, now=ctx.now())
    spent = budget.spent(connection, row.target, unit, now=ctx.now(), besides=row.id, owner=ctx.worker)
    if spent < count:
        return None
    return budget.ends(ctx.now(), unit) + timedelta(minutes=1), f"this {unit}'s {count} mass messages are used up"


def allowed(ctx: Context, account: str) -> tuple[int, budget.Unit]:
    """How many mass messages a day or a month may have: the site's budget, else what WeChat allows."""
    found = ctx.site.accounts[account]
    default = "4/month" if found.type == "service" else "1/day"
    count, _, unit = (found.budget.mass or default).partition("/")
    return int(count), cast(Literal["day", "month"], unit)


def may_repeat(ctx: Context, row: Delivery) -> bool:
    """Whether the same key is honoured still, and again."""
    now = ctx.now()
    within = row.first_intent_at is not None and now - row.first_intent_at < REPEAT_FOR
    return row.step == budget.STEP and within and now - row.changed_at >= REPEAT_AFTER


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Bring the delivery as far as it goes now. Always ends with Ended or StopDrain."""
    if row.effect == "remove":
        remove(ctx, client, row)
        return
    if row.state == "unknown" and not may_repeat(ctx, row):
        raise Ended("unknown")  # those before it in the queue took too long
    _drop_stale(ctx, row)
    if row.effect == "preview":
        _preview(ctx, client, row)
    else:
        _send(ctx, client, row)


def _drop_stale(ctx: Context, row: Delivery) -> None:
    """A digest with an article that was edited or withdrawn since does not leave: compose makes another."""
    with ctx.ledger.begin() as connection:
        why = stale(ctx, connection, row)
        if not why:
            return
        if row.state == "unknown":  # repeating it might send it now
            reason = f"{why}, and whether the message was sent before is not known: look in WeChat's console"
            outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
        else:
            # Flagged and ready: the next claim drops it.
            outbox.move(
                connection, row, "ready", now=ctx.now(), owner=ctx.worker, reason=why, retire="superseded",
                first_intent_at=None,
            )  # fmt: skip
    raise Ended("in_doubt" if row.state == "unknown" else "ready")


def _preview(ctx: Context, client: AccountClient, row: Delivery) -> None:
    media_id, row = drafted(ctx, client, row)
    with ctx.ledger.read() as connection:
        waiting = _unseen(ctx, row, attempts.done(connection, row.id))
    *others, (last, last_person) = waiting.items()
    for step, person in others:
        row = call(ctx, row, step, _show(client, media_id, person))
    try:
        call(ctx, row, last, _show(client, media_id, last_person), last="confirmed")
    except Ended as ended:
        if ended.state == "confirmed":
            with ctx.ledger.begin() as connection:
                follow_up(ctx, connection, row.target)
        raise


def _unseen(ctx: Context, row: Delivery, done: Mapping[str, str]) -> dict[str, str]:
    """step → who has still to be shown it. The last is always among them: with that call the preview ends."""
    people = ctx.site.accounts[row.target.removeprefix("account:")].preview_to
    steps = {f"preview:{n}": person for n, person in enumerate(people, start=1)}
    return {step: person for step, person in steps.items() if step not in done or step == f"preview:{len(people)}"}


def _show(client: AccountClient, media_id: str, person: str) -> Callable[[], str]:
    def action() -> str:
        client.mass.preview(media_id, person)
        return media_id

    return action


def _send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    first = row.state == "claimed"
    with ctx.ledger.read() as connection:
        replayed = attempts.ended(connection, row, budget.STEP, "void")
        started_over = replayed or attempts.ended(connection, row, budget.STEP, "refused")
        media_id = attempts.done(connection, row.id).get("draft", "")
        if not media_id and not started_over:
            media_id = _previewed(connection, row)
    if first and started_over and not media_id:
        # What was shown is gone from the draft box, or is not what it was: the same frozen articles once more.
        media_id, row = drafted(ctx, client, row)
    audience = row.payload["audience"]
    tag = audience["tag"] if isinstance(audience, dict) else None
    told: list[Sent] = []

    def action() -> str:
        if first:
            look_at(client, row, media_id)
        sent = client.mass.send(media_id, key(row, replayed), tag=tag, reprints=bool(row.payload["reprints"]))
        told.append(sent)
        return sent.msg_id

    try:
        call(ctx, row, budget.STEP, action, last="accepted")
    except Ended as ended:
        if ended.state == "accepted":
            join(ctx, client.account.appid, row, told[0], repeated=not first)
        raise


def key(row: Delivery, replayed: int) -> str:
    """The clientmsgid. What was rejected is another message when a person has it tried again."""
    return row.client_key if not replayed else f"{row.client_key[:28]}{replayed:04d}"


def _previewed(connection: Connection, row: Delivery) -> str:
    """The draft that people were shown."""
    (shown,) = outbox.find(
        connection, site=row.site, flow=row.flow, record=row.record, target=row.target, effect="preview",
        revision=row.revision,
    )  # fmt: skip
    return attempts.done(connection, shown.id).get("draft", "")
