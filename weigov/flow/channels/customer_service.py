"""Customer-service messages: an answer to somebody who was just there. No key, no event, and nothing to ask.

Sent once, while the citizen's window is open. An answer that never came is in doubt at once: nothing will ever tell.
"""

from __future__ import annotations

from typing import Any

from weigov.flow.context import Context
from weigov.flow.step import call
from weigov.ledger import bindings, outbox
from weigov.ledger.outbox import Delivery
from weigov.wechat.client import AccountClient

_PATH = "/cgi-bin/message/custom/send"


def paths(row: Delivery) -> dict[str, int]:
    """The calls that count against a quota."""
    return {_PATH: 1}


def send(ctx: Context, client: AccountClient, row: Delivery) -> None:
    """Send it, once. Always ends with Ended or StopDrain."""
    with ctx.ledger.read() as connection:
        openid = bindings.openids(connection, ctx.sealer, client.account.appid, [row.subject]).get(row.subject, "")

    def ask() -> str:
        client.send_custom(openid, message(str(row.payload["form"]), row.payload["values"]))
        return ""

    call(ctx, row, "send", ask, last="confirmed")


def message(form: str, values: dict[str, str]) -> dict[str, Any]:
    """What WeChat takes for ``form``: text | news | article | menu."""
    if form == "text":
        return {"msgtype": "text", "text": {"content": values["content"]}}
    if form == "news":
        article = {
            "title": values["title"],
            "description": values.get("description", ""),
            "url": values["url"],
            "picurl": values.get("picture", ""),
        }
        return {"msgtype": "news", "news": {"articles": [article]}}
    if form == "article":
        return {"msgtype": "mpnewsarticle", "mpnewsarticle": {"article_id": values["article_id"]}}
    choices = [
        {"id": name.removeprefix("choice"), "content": text}
        for name, text in sorted(values.items())
        if name.startswith("choice")
    ]
    menu = {"head_content": values["head"], "list": choices, "tail_content": values.get("tail", "")}
    return {"msgtype": "msgmenu", "msgmenu": menu}


def settle_unknown(ctx: Context, row: Delivery) -> str:
    """Nothing can tell: it is a person's."""
    with ctx.ledger.begin() as connection:
        reason = "no answer, and WeChat reports nothing more; it may have arrived"
        outbox.settle(connection, row, "in_doubt", now=ctx.now(), reason=reason)
    return "in_doubt"
