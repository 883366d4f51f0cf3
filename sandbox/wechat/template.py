"""Template messages: one template, one citizen, every field filled and well-formed. (Rulebook §5.)

A citizen who has *blocked* the account is told nothing: the call is accepted, and the event says
``failed:user block``. One on the account's own black list is refused with 43019.
"""

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.people import SERVICE_APPID
from sandbox.wechat import events
from sandbox.wechat.errors import Refused
from sandbox.wechat.fields import FIELD, problem
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

SEND = "/cgi-bin/message/template/send"
CLIENT_MSG_ID_WINDOW_S = 600
FIRST_MSGID = 3_187_209_460_000_000_001

_SEED = [
    (
        "TM00123", "办件进度通知",
        "事项名称:{{thing1.DATA}}\n办理状态:{{phrase2.DATA}}\n办件编号:{{character_string3.DATA}}\n"
        "更新时间:{{time4.DATA}}\n",
        "事项名称:居住证办理\n办理状态:已受理\n办件编号:SF202601050001\n更新时间:2026年1月5日 09:30\n",
    ),
    (
        "TM00124", "咨询答复通知",
        "咨询标题:{{thing1.DATA}}\n咨询类别:{{thing2.DATA}}\n答复时间:{{time3.DATA}}\n",
        "咨询标题:公积金提取需要什么材料\n咨询类别:住房公积金\n答复时间:2026年1月5日 09:30\n",
    ),
]  # fmt: skip


def seed_templates(world: World) -> None:
    with world.transaction() as db:
        for template_id, title, content, example in _SEED:
            db.execute(
                "INSERT INTO wx_template (appid, template_id, title, content, example) VALUES (?, ?, ?, ?, ?)",
                (SERVICE_APPID, template_id, title, content, example),
            )


def get_all_private_template(call: "Call") -> dict[str, Any]:
    rows = call.world.db.execute(
        "SELECT * FROM wx_template WHERE appid = ? AND kind = 'template' ORDER BY rowid", (call.account.appid,)
    ).fetchall()
    listed = [
        {
            "template_id": row["template_id"],
            "title": row["title"],
            "primary_industry": "政府与公共事业",
            "deputy_industry": "公共事业",
            "content": row["content"],
            "example": row["example"],
        }
        for row in rows
    ]
    return {"template_list": listed}


def send(call: "Call") -> dict[str, Any]:
    world, body = call.world, call.body
    citizen = citizen_of(call)
    template = world.db.execute(
        "SELECT * FROM wx_template WHERE appid = ? AND template_id = ? AND kind = 'template'",
        (call.account.appid, str(body.get("template_id"))),
    ).fetchone()
    if template is None:
        raise Refused(40037)
    if citizen["persona"] == "unfollowed":
        raise Refused(43004)
    if citizen["persona"] == "blacklisted":
        raise Refused(43019)
    values = values_of(call, template)
    if citizen["persona"] == "timeout_after_accept":
        call.lose_answer = True
    client_msg_id = body.get("client_msg_id")
    repeated = _repeated(call, citizen["openid"], client_msg_id)
    if repeated is not None:
        world.db.execute("UPDATE wx_message SET repeats = repeats + 1 WHERE msgid = ?", (repeated,))
        return {"errcode": 0, "errmsg": "ok", "msgid": repeated}
    return {"errcode": 0, "errmsg": "ok", "msgid": _deliver(call, citizen, template, values, client_msg_id)}


def citizen_of(call: "Call") -> Any:
    """The follower, or who was one, that the call names."""
    row = call.world.db.execute(
        "SELECT * FROM wx_follower WHERE openid = ? AND appid = ?", (str(call.body.get("touser")), call.account.appid)
    ).fetchone()
    if row is None:
        raise Refused(40003)
    return row


def values_of(call: "Call", template: Any) -> dict[str, str]:
    """The fields of the template as sent; other keys are ignored."""
    data = call.body.get("data")
    if not isinstance(data, dict):
        raise Refused(47001)
    enums = json.loads(template["enums"])
    values = {}
    for key in FIELD.findall(template["content"]):
        given = data.get(key)
        value = given.get("value") if isinstance(given, dict) else None
        if value is None or not str(value).strip():
            raise Refused(47003, field=key, why="is empty")
        if call.account.setting("enforce_template_fields"):
            why = problem(key, str(value), enums.get(key))
            if why:
                raise Refused(47003, field=key, why="invalid")
        values[key] = str(value)
    return values


def _repeated(call: "Call", openid: str, client_msg_id: Any) -> int | None:
    """The message already accepted under this id within the last ten minutes."""
    if not client_msg_id:
        return None
    row = call.world.db.execute(
        "SELECT msgid FROM wx_message WHERE openid = ? AND client_msg_id = ? AND sent_at > ? ORDER BY msgid DESC",
        (openid, str(client_msg_id), call.now - CLIENT_MSG_ID_WINDOW_S),
    ).fetchone()
    return None if row is None else int(row["msgid"])


def _deliver(call: "Call", citizen: Any, template: Any, values: dict[str, str], client_msg_id: Any) -> int:
    world, db = call.world, call.world.db
    fault = world.faults.strike(("template_status",), SEND, openid=citizen["openid"], persona=citizen["persona"])
    status = "failed:user block" if citizen["persona"] == "blocked" else "success"
    if fault is not None:
        status = fault.value or "failed: system failed"
    delivered = re.sub(r"\s", "", status) == "success"
    data = json.dumps(values, ensure_ascii=False, sort_keys=True)
    url = str(call.body.get("url") or "")
    digest = hashlib.sha256(f"{template['template_id']}\n{data}\n{url}".encode()).hexdigest()[:16]
    first = db.execute("SELECT COUNT(*) FROM wx_message").fetchone()[0] == 0
    msgid = db.execute(
        "INSERT INTO wx_message (msgid, appid, openid, template_id, data, url, client_msg_id, sent_at, status,"
        " delivered, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING msgid",
        (
            FIRST_MSGID if first else None, call.account.appid, citizen["openid"], template["template_id"], data, url,
            None if client_msg_id is None else str(client_msg_id), call.now, status, int(delivered), digest,
        ),
    ).fetchone()[0]  # fmt: skip
    first_event = events.comes_first(world, SEND, citizen["openid"], citizen["persona"])
    queued = events.template_finished(
        world, call.account, citizen["openid"], msgid, status, client_msg_id, SEND, citizen["persona"]
    )
    if first_event:
        call.after.append(lambda: events.deliver_now(world, queued))
    return int(msgid)
