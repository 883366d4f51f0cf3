"""Subscribe notices: what a citizen agreed to, taken up by one notice each. (Rulebook §5, "Subscribe notice".)

The answer to bizsend carries no id: what became of it comes by event. A long-term agreement is not used up. Whether
somebody must follow to be sent one is not documented: here they need not.
"""

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.people import SERVICE_APPID
from sandbox.wechat import events, template
from sandbox.wechat.accounts import Account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

SEND = "/cgi-bin/message/subscribe/bizsend"
_SEED = [
    (
        "TM00201", "停水通知",
        "停水区域:{{thing1.DATA}}\n停水时间:{{time2.DATA}}\n备注:{{thing3.DATA}}\n",
        "停水区域:滨湖片区\n停水时间:2026年1月5日 09:30\n备注:请提前储水\n",
    ),
]  # fmt: skip


def seed_subscribe_templates(world: World) -> None:
    with world.transaction() as db:
        for template_id, title, content, example in _SEED:
            db.execute(
                "INSERT INTO wx_template (appid, template_id, title, content, example, kind)"
                " VALUES (?, ?, ?, ?, ?, 'subscribe')",
                (SERVICE_APPID, template_id, title, content, example),
            )


def bizsend(call: "Call") -> dict[str, Any]:
    db, citizen = call.world.db, template.citizen_of(call)
    found = db.execute(
        "SELECT * FROM wx_template WHERE appid = ? AND template_id = ? AND kind = 'subscribe'",
        (call.account.appid, str(call.body.get("template_id"))),
    ).fetchone()
    if found is None:
        raise Refused(40037)
    values = template.values_of(call, found)
    agreed = db.execute(
        "SELECT * FROM wx_agreement WHERE openid = ? AND template_id = ? AND (long_term OR left_over > 0)",
        (citizen["openid"], found["template_id"]),
    ).fetchone()
    if agreed is None:
        raise Refused(43101)
    if citizen["persona"] == "timeout_after_accept":
        call.lose_answer = True
    if not agreed["long_term"]:
        db.execute(
            "UPDATE wx_agreement SET left_over = left_over - 1 WHERE openid = ? AND template_id = ?",
            (citizen["openid"], found["template_id"]),
        )
    _deliver(call, citizen, found, values)
    return {"errcode": 0, "errmsg": "ok"}


def _deliver(call: "Call", citizen: Any, found: Any, values: dict[str, str]) -> None:
    world = call.world
    fault = world.faults.strike(("template_status",), SEND, openid=citizen["openid"], persona=citizen["persona"])
    status = "failed:user block" if citizen["persona"] == "blocked" else "success"
    if fault is not None:
        status = fault.value or "failed: system failed"
    data = json.dumps(values, ensure_ascii=False, sort_keys=True)
    url = str(call.body.get("page") or "")
    digest = hashlib.sha256(f"{found['template_id']}\n{data}\n{url}".encode()).hexdigest()[:16]
    msgid = world.db.execute(
        "INSERT INTO wx_message (appid, openid, template_id, data, url, sent_at, status, delivered, digest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING msgid",
        (
            call.account.appid, citizen["openid"], found["template_id"], data, url, call.now, status,
            int(re.sub(r"\s", "", status) == "success"), digest,
        ),
    ).fetchone()[0]  # fmt: skip
    first_event = events.comes_first(world, SEND, citizen["openid"], citizen["persona"])
    queued = events.notice_sent(
        world, call.account, citizen["openid"], found["template_id"], msgid, status, SEND, citizen["persona"]
    )
    if first_event:
        call.after.append(lambda: events.deliver_now(world, queued))


def agree(world: World, owner: Account, openid: str, template_id: str, answer: str, *, long_term: bool) -> None:
    """The citizen answers the question on a page: ``accept`` once (or for good), or ``reject``."""
    with world.transaction() as db:
        if answer == "accept":
            db.execute(
                "INSERT INTO wx_agreement VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE"
                " SET left_over = left_over + 1, long_term = excluded.long_term",
                (openid, template_id, int(long_term)),
            )
        events.agreement(world, owner, openid, "popup", template_id, answer)


def take_back(world: World, owner: Account, openid: str, template_id: str) -> None:
    """The citizen switches the notice off in the account's settings: what they agreed to counts no more."""
    with world.transaction() as db:
        db.execute("DELETE FROM wx_agreement WHERE openid = ? AND template_id = ?", (openid, template_id))
        events.agreement(world, owner, openid, "change", template_id, "reject")
