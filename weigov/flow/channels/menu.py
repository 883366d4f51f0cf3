"""The menu of an account: the default one, which is overwritten, and the conditional ones, which WeChat only adds.

Steps: menu (the default menu), drop and add N (one conditional menu each), verify (what WeChat shows is compared with
what was meant). Before the first, WeChat is asked what stands there: a menu that is not ours holds the delivery until
a person said that it may be replaced. An ``add`` that was never answered is looked for before it is made again, for
WeChat knows no key; each other step may be repeated.
"""

from __future__ import annotations

from weigov.errors import RemoteRefused
from weigov.flow.context import Context
from weigov.flow.menus import standing as standings
from weigov.flow.menus.arrange import Add, Delete, Wanted, next_call
from weigov.flow.menus.standing import NoSuchTag, Standing
from weigov.flow.step import Ended, ask, call, hold
from weigov.ledger import attempts, outbox
from weigov.ledger import menus as ledger
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient
from weigov.wechat.menus import normal

#: More calls than that bring no order into conditional menus: somebody else is at them at the same time.
MOST_CALLS = 200


def paths(row: Delivery) -> dict[str, int]:
    """The calls that count against a quota."""
    others = len(row.payload.get("conditional", ()))
    wants = {"/cgi-bin/menu/create": 1}
    if others:
        wants |= {"/cgi-bin/menu/addconditional": others, "/cgi-bin/menu/delconditional": others}
    return wants


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Make this the menu. Always ends with Ended or StopDrain."""
    created = False
    for _ in range(MOST_CALLS):
        standing, others = _look(ctx, client, row, created=created)
        with ctx.ledger.read() as connection:
            made = "menu" in attempts.done(connection, row.id)
            order = ledger.added(connection, row.site, row.target)
        if not created and not (made and _is_default(row, standing)):
            row = _make_default(ctx, client, row)
            created = True
            if not others and not standing.menus.conditionals:
                break
            continue
        todo = next_call(standing.menus.conditionals, others, order)
        if todo is None:
            break
        row = _make(ctx, client, row, todo)
    call(ctx, row, "verify", lambda: _verify(client, row), last="confirmed")


def settle_unknown(ctx: Context, client: AccountClient, row: Delivery) -> str:
    """An added menu is looked for; anything else does no harm when it is done again."""
    found = _find_added(ctx, client, row) if row.step.startswith("add ") else None
    with ctx.ledger.begin() as connection:
        if found is not None:
            attempts.adopt(connection, row, row.step, found, now=ctx.now())
            outbox.move(connection, row, "ready", now=ctx.now(), due_at=ctx.now(), reason="proved afterwards")
            return "ready"
        due_at = ctx.now() + attempts.pause(connection, row)
        reason = "proved absent" if row.step.startswith("add ") else "repeated: it does no harm"
        outbox.move(connection, row, "ready", now=ctx.now(), due_at=due_at, reason=reason)
    return "ready"


def _look(ctx: Context, client: AccountClient, row: Delivery, *, created: bool) -> tuple[Standing, list[Wanted]]:
    """(what stands there, the conditional menus as they are sent), where the delivery may go on; else it waits.

    ``created``: the default menu was made a moment ago, and what became of it is for ``verify`` to say.
    """
    with ctx.ledger.read() as connection:
        knows = standings.known(connection, row)
    with_tags = standings.needs_tags(row.payload, *knows.menus)
    standing = ask(ctx, row, lambda: standings.observe(client, with_tags=with_tags))
    strange = standings.strange(row, standing, knows)
    if strange and not (created and not _is_default(row, standing)):
        raise _held(ctx, row, standing, strange)
    try:
        return standing, standings.wanted(row.payload, standing.tags)
    except NoSuchTag as error:
        raise hold(ctx, row, "; ".join(error.reasons)) from None


def _verify(client: AccountClient, row: Delivery) -> str:
    with_tags = standings.needs_tags(row.payload)
    wrong = standings.not_shown(row.payload, standings.observe(client, with_tags=with_tags))
    if wrong:
        what = f"WeChat shows another menu than it was sent: {'; '.join(wrong)}"
        raise RemoteRefused(client.account.system, "menu/get", what)
    return ""


def _held(ctx: Context, row: Delivery, standing: Standing, strange: list[str]) -> Ended:
    """Keep what stands there, and wait for a person."""
    account = row.target.removeprefix("account:")
    with ctx.ledger.begin() as connection:
        ledger.keep_found(connection, row.site, row.target, standing.digest, standing.received, now=ctx.now())
    reason = (
        f"{ledger.NOT_OURS}: {'; '.join(strange)}. Look with `weigov menu show {account}`; take it over"
        f" into the flow, or let it be replaced with `weigov menu overwrite {account}`"
    )
    return hold(ctx, row, reason)


def _is_default(row: Delivery, standing: Standing) -> bool:
    if standing.is_by_hand or standing.is_off:
        return False
    return normal(row.payload["button"]) == normal(standing.menus.buttons)


def _make_default(ctx: Context, client: AccountClient, row: Delivery) -> Delivery:
    def create() -> str:
        client.create_menu(row.payload["button"])
        return ""

    return call(ctx, row, "menu", create)


def _make(ctx: Context, client: AccountClient, row: Delivery, todo: Add | Delete) -> Delivery:
    if isinstance(todo, Add):
        menu = todo.menu
        return call(ctx, row, f"add {todo.place}", lambda: client.add_conditional_menu(menu.rule, menu.buttons))
    menuid = todo.menuid

    def drop() -> str:
        client.delete_conditional_menu(menuid)
        return menuid

    return call(ctx, row, "drop", drop)


def _find_added(ctx: Context, client: AccountClient, row: Delivery) -> str | None:
    """The number of the menu whose adding was never answered; None when it is not there."""
    tags = client.tags() if standings.needs_tags(row.payload) else {}
    try:
        meant = standings.wanted(row.payload, tags)[int(row.step.removeprefix("add ")) - 1]
    except NoSuchTag:  # and a menu for it neither; the next try says so
        return None
    with ctx.ledger.read() as connection:
        ours = ledger.added(connection, row.site, row.target)
    there = client.get_menu().conditionals
    return next((one.menuid for one in there if one.menuid not in ours and meant.is_like(one)), None)
