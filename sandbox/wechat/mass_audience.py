"""Who a mass message is for, and who of them gets it: each citizen of a service account four a month."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.clock import BEIJING
from sandbox.wechat import tags
from sandbox.wechat.accounts import Account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

ALL = "all"
PER_MONTH = 4
LIST_MAX = 10_000


@dataclass(frozen=True)
class Counts:
    """As the event tells them: filtered is who was left to send to, and is sent and errors together."""

    total: int
    filtered: int
    sent: int
    errors: int


NOBODY = Counts(0, 0, 0, 0)


def of_filter(call: "Call") -> tuple[str, list[str]]:
    """(``all`` or ``tag 100``, the openids)."""
    wanted = call.body.get("filter")
    if not isinstance(wanted, dict):
        raise Refused(47001)
    if wanted.get("is_to_all"):
        return ALL, _followers(call)
    tag_id = wanted.get("tag_id") or wanted.get("group_id")
    if tag_id in (None, ""):
        raise Refused(41040)
    if not str(tag_id).isdigit() or not tags.exists(call.world, call.account.appid, int(tag_id)):
        raise Refused(45159)
    return f"tag {int(tag_id)}", tags.having(call.world, call.account.appid, int(tag_id))


def of_list(call: "Call") -> tuple[str, list[str]]:
    given = call.body.get("touser")
    if not isinstance(given, list) or len(given) < 2:
        raise Refused(40130)
    if len(given) > LIST_MAX:
        raise Refused(40032)
    known = set(_followers(call))
    return "list", [openid for openid in given if openid in known]


def hand_over(world: World, owner: Account, row: Any) -> Counts:
    """Put the message on the phones of those who may get it."""
    openids = json.loads(row["openids"])
    moment = datetime.fromtimestamp(row["sent_at"], BEIJING)
    since = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    had = {
        r["openid"]: r["n"]
        for r in world.db.execute(
            "SELECT openid, COUNT(*) AS n FROM wx_mass_received r JOIN wx_mass m ON m.msg_id = r.msg_id"
            " WHERE m.appid = ? AND m.sent_at >= ? GROUP BY openid",
            (owner.appid, since),
        )
    }
    personas = {
        r["openid"]: r["persona"]
        for r in world.db.execute("SELECT openid, persona FROM wx_follower WHERE appid = ?", (owner.appid,))
    }
    may = [o for o in openids if owner.kind != "service" or had.get(o, 0) < PER_MONTH]
    reached = [o for o in may if personas.get(o) in ("ordinary", "timeout_after_accept")]
    world.db.executemany("INSERT INTO wx_mass_received VALUES (?, ?)", [(row["msg_id"], o) for o in reached])
    return Counts(len(openids), len(may), len(reached), len(may) - len(reached))


def _followers(call: "Call") -> list[str]:
    rows = call.world.db.execute(
        "SELECT openid FROM wx_follower WHERE appid = ? AND persona != 'unfollowed' ORDER BY rowid",
        (call.account.appid,),
    )
    return [row["openid"] for row in rows]
