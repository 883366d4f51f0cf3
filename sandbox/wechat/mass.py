"""Mass messages: accepted at once, sent later, told by an event. (Rulebook §4.)

A key is honoured for 24 hours: the caller's ``clientmsgid``, else audience and content. Whether a draft or a quota is
looked at before the key, no source says; a key that was used answers first, or a repetition could never be told that
it is one. An accepted job counts against the month even when it fails afterwards.
"""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.clock import BEIJING
from sandbox.faults import MASS_KINDS
from sandbox.wechat import draft, events, mass_audience
from sandbox.wechat.accounts import Account, account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

SENDALL, SEND = "/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/send"
KEY_BYTES_MAX = 32
KEY_WINDOW_S = 24 * 3600
SAME_KEY_AGAIN_S = 60
CONFIRM_WITHIN_S = 30 * 60
FIRST_MSG_ID = 3_147_494_276
#: msg_data_id is the mid in the articles' addresses.
DATA_ID_AHEAD = 400_000_000

OK = "send success"
ADMIN_REFUSED, ADMIN_LATE = "err(40001)", "err(40002)"


def sendall(call: "Call") -> dict[str, Any]:
    """To everybody or to a tag. ``group_id`` beside ``tag_id`` is what older clients send."""
    return _accept(call, *mass_audience.of_filter(call))


def send(call: "Call") -> dict[str, Any]:
    return _accept(call, *mass_audience.of_list(call))


def _accept(call: "Call", name: str, openids: list[str]) -> dict[str, Any]:
    key = str(call.body.get("clientmsgid") or "")
    if len(key.encode()) > KEY_BYTES_MAX:
        raise Refused(45067)
    msgtype, value = content(call)
    key = key or hashlib.sha256(f"{name} {msgtype} {json.dumps(value)}".encode()).hexdigest()
    _refuse_repeated(call, key)
    _refuse_too_much(call, name)
    articles_of = articles(call, msgtype, value)
    db, now = call.world.db, call.now
    fault = call.world.faults.strike(MASS_KINDS, call.path)
    protected = bool(call.account.setting("mass_protection"))
    first = db.execute("SELECT COUNT(*) FROM wx_mass").fetchone()[0] == 0
    msg_id = db.execute(
        "INSERT INTO wx_mass (msg_id, appid, path, msgtype, articles, audience, openids, ignore_reprint, key,"
        " sent_at, due_at, outcome, confirm_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING msg_id",
        (
            FIRST_MSG_ID if first else None, call.account.appid, call.path, msgtype,
            json.dumps(articles_of, ensure_ascii=False), name, json.dumps(openids),
            int(bool(call.body.get("send_ignore_reprint"))), key, now, now + call.account.setting("mass_seconds"),
            str(fault.value or "send fail") if fault else OK, now + CONFIRM_WITHIN_S if protected else None,
        ),
    ).fetchone()[0]  # fmt: skip
    if msgtype == "mpnews":
        db.execute("DELETE FROM wx_draft WHERE media_id = ?", (value,))
    if events.comes_first(call.world, call.path):
        call.after.append(lambda: settle(call.world, msg_id, event_now=True))
    answer = {"errcode": 0, "errmsg": "send job submission success", "msg_id": msg_id}
    return answer | ({"msg_data_id": msg_id - DATA_ID_AHEAD} if msgtype == "mpnews" else {})


def content(call: "Call") -> tuple[str, str]:
    """(msgtype, media_id or text)."""
    msgtype = call.body.get("msgtype")
    if msgtype == "wxcard":
        raise Refused(45113)
    if msgtype not in ("mpnews", "text"):
        raise Refused(40008)
    part = call.body.get(msgtype)
    value = part.get("media_id" if msgtype == "mpnews" else "content") if isinstance(part, dict) else None
    if not value or not isinstance(value, str):
        raise Refused(40007 if msgtype == "mpnews" else 44004)
    return msgtype, value


def articles(call: "Call", msgtype: str, value: str) -> list[dict[str, Any]]:
    """What the draft holds; a text is an article with nothing but its title."""
    if msgtype == "text":
        return [{"title": value}]
    row = call.world.db.execute(
        "SELECT articles FROM wx_draft WHERE media_id = ? AND appid = ?", (value, call.account.appid)
    ).fetchone()
    if row is None:
        raise Refused(40007)
    found: list[dict[str, Any]] = json.loads(row["articles"])
    return found


def _refuse_repeated(call: "Call", key: str) -> None:
    row = call.world.db.execute(
        "SELECT msg_id, sent_at FROM wx_mass WHERE appid = ? AND key = ? AND sent_at > ? ORDER BY msg_id DESC",
        (call.account.appid, key, call.now - KEY_WINDOW_S),
    ).fetchone()
    if row is None:
        return
    if call.now - row["sent_at"] < SAME_KEY_AGAIN_S:
        raise Refused(45066)
    raise Refused(45065, also={"msg_id": row["msg_id"]})


def _refuse_too_much(call: "Call", name: str) -> None:
    """A subscription account has one a day; a service account four a month to everybody, and each of its citizens
    four a month (who had theirs is passed over when it is sent)."""
    rows = jobs(call.world, call.account.appid)
    if rows and call.now - rows[0]["sent_at"] < call.account.setting("mass_apart_s"):
        raise Refused(42010)
    if call.account.kind == "service":
        to_all = [r for r in rows if r["audience"] == mass_audience.ALL and _month(r["sent_at"]) == _month(call.now)]
        used_up = name == mass_audience.ALL and len(to_all) >= mass_audience.PER_MONTH
    else:
        used_up = any(_day(row["sent_at"]) == _day(call.now) for row in rows)
    if used_up:
        raise Refused(45028)


def jobs(world: World, appid: str) -> list[Any]:
    """Every accepted job, newest first."""
    with world.lock:
        return world.db.execute("SELECT * FROM wx_mass WHERE appid = ? ORDER BY msg_id DESC", (appid,)).fetchall()


def status(row: Any) -> str:
    """As message/mass/get says it."""
    gone, count = json.loads(row["deleted"]), len(json.loads(row["articles"]))
    if row["finished_at"] is None:
        return "SENDING"
    if row["outcome"] != OK:
        return "SEND_FAIL"
    return "DELETE" if count and len(gone) == count else "SEND_SUCCESS"


def answer_for_admin(world: World, msg_id: int, yes: bool) -> bool:
    """The administrator taps on the phone; False when nothing waits for that."""
    with world.transaction() as db:
        changed = db.execute(
            "UPDATE wx_mass SET confirm_until = NULL, outcome = CASE WHEN ? THEN outcome ELSE ? END, due_at = ?"
            " WHERE msg_id = ? AND finished_at IS NULL AND confirm_until IS NOT NULL",
            (yes, ADMIN_REFUSED, world.clock.timestamp(), msg_id),
        ).rowcount
    settle_due(world)
    return bool(changed)


def settle_due(world: World) -> None:
    now = world.clock.timestamp()
    with world.lock:
        rows = world.db.execute(
            "SELECT msg_id FROM wx_mass WHERE finished_at IS NULL AND due_at <= ?"
            " AND (confirm_until IS NULL OR confirm_until <= ?) ORDER BY msg_id",
            (now, now),
        ).fetchall()
    for row in rows:
        settle(world, row["msg_id"])


def settle(world: World, msg_id: int, *, event_now: bool = False) -> None:
    """Send it to those who may still get one, and queue the event."""
    with world.transaction() as db:
        row = db.execute("SELECT * FROM wx_mass WHERE msg_id = ? AND finished_at IS NULL", (msg_id,)).fetchone()
        owner = account(world, row["appid"]) if row is not None else None
        if row is None or owner is None:
            return
        now = world.clock.timestamp()
        late = row["confirm_until"] is not None
        if late and now < row["confirm_until"]:
            return
        outcome = ADMIN_LATE if late else row["outcome"]
        moment = min(now, max(row["due_at"], row["sent_at"]))
        db.execute("UPDATE wx_mass SET outcome = ?, finished_at = ? WHERE msg_id = ?", (outcome, moment, msg_id))
        counts = mass_audience.hand_over(world, owner, row) if outcome == OK else mass_audience.NOBODY
        queued = events.mass_finished(world, owner, row, outcome, counts, urls(owner, row) if outcome == OK else [])
    if event_now:
        events.deliver_now(world, queued)


def urls(owner: Account, row: Any) -> list[dict[str, Any]]:
    """Where the articles of a job can be read."""
    if row["msgtype"] != "mpnews":
        return []
    mid = row["msg_id"] - DATA_ID_AHEAD
    sn = hashlib.sha256(f"{row['msg_id']}".encode()).hexdigest()[:32]
    count = len(json.loads(row["articles"]))
    return [{"idx": idx, "article_url": draft.article_url(owner, mid, idx, sn)} for idx in range(1, count + 1)]


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, BEIJING):%Y-%m-%d}"


def _month(at: float) -> str:
    return _day(at)[:7]
