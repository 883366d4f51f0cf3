"""Access tokens: two families (``/token``, ``/stable_token``) that do not disturb each other.

A token lives 7200 s. A new one of the same family supersedes the old, which still works for 300 s; a forced
refresh of the stable family kills it at once. (Rulebook §1.)
"""

import ipaddress
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.wechat import quota
from sandbox.wechat.accounts import Account, account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

LIFE_S = 7200
OVERLAP_S = 300
FORCE_GAP_S = 30
FORCE_PER_DAY = 20
_LENGTH = 138


def check(world: World, token: str, caller_ip: str) -> Account:
    """The account a call belongs to, by its token; refuses as WeChat does."""
    if not token:
        raise Refused(41001)
    row = world.db.execute("SELECT * FROM wx_token WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise Refused(40001 if len(token) == _LENGTH else 40014)
    now = world.clock.timestamp()
    if row["dead"]:
        raise Refused(40001)
    if now >= row["expires_at"]:
        raise Refused(42001)
    if row["superseded_at"] is not None and now >= row["superseded_at"] + OVERLAP_S:
        raise Refused(40001)
    owner = account(world, row["appid"])
    if owner is None:
        raise Refused(40014)
    _check_ip(owner, caller_ip)
    return owner


def get_token(call: "Call") -> dict[str, Any]:
    """GET /cgi-bin/token: always a new one."""
    owner = _who(call, call.query)
    if call.query.get("grant_type") != "client_credential":
        raise Refused(40002)
    quota.spend(call.world, owner.appid, call.path)
    return _issue(call, owner, "plain", kill=False)


def stable_token(call: "Call") -> dict[str, Any]:
    """POST /cgi-bin/stable_token: the same one while it lasts, unless a refresh is forced."""
    owner = _who(call, call.body)
    if call.body.get("grant_type") != "client_credential":
        raise Refused(40002)
    force = call.body.get("force_refresh", False)
    if not isinstance(force, bool):
        raise Refused(47001)
    quota.spend(call.world, owner.appid, call.path)
    current = call.world.db.execute(
        "SELECT * FROM wx_token WHERE appid = ? AND family = 'stable' AND superseded_at IS NULL AND dead = 0",
        (owner.appid,),
    ).fetchone()
    if force:
        _spend_force(call, owner)
        return _issue(call, owner, "stable", kill=True)
    # The platform renews five minutes before the end.
    if current is not None and current["expires_at"] - call.now > OVERLAP_S:
        return {"access_token": current["token"], "expires_in": int(current["expires_at"] - call.now)}
    return _issue(call, owner, "stable", kill=False)


def _who(call: "Call", given: dict[str, Any]) -> Account:
    appid, secret = given.get("appid"), given.get("secret")
    if not appid:
        raise Refused(41002)
    if not secret:
        raise Refused(41004)
    owner = account(call.world, str(appid))
    if owner is None:
        raise Refused(40013)
    if owner.secret != secret:
        raise Refused(40125)
    _check_ip(owner, call.caller_ip)
    return owner


def _check_ip(owner: Account, caller_ip: str) -> None:
    if owner.ip_list is None:
        return
    allowed = any(ipaddress.ip_address(caller_ip) in ipaddress.ip_network(network) for network in owner.ip_list)
    if not allowed:
        raise Refused(40164, ip=caller_ip)


def _spend_force(call: "Call", owner: Account) -> None:
    last = call.world.db.execute(
        "SELECT MAX(issued_at) FROM wx_token WHERE appid = ? AND family = 'stable'", (owner.appid,)
    ).fetchone()[0]
    # Which code answers a forced refresh too early is not documented; the minute quota's is the nearest.
    if last is not None and call.now - last < FORCE_GAP_S:
        raise Refused(45011)
    quota.spend_counter(call.world, owner.appid, "stable_token/force_refresh", FORCE_PER_DAY, quota.day(call.world))


def _issue(call: "Call", owner: Account, family: str, *, kill: bool) -> dict[str, Any]:
    number = secrets.randbelow(40) + 60
    token = f"{number}_" + secrets.token_urlsafe(_LENGTH)[: _LENGTH - 3]
    db = call.world.db
    db.execute(
        "UPDATE wx_token SET superseded_at = COALESCE(superseded_at, ?), dead = MAX(dead, ?)"
        " WHERE appid = ? AND family = ?",
        (call.now, int(kill), owner.appid, family),
    )
    db.execute(
        "INSERT INTO wx_token (token, appid, family, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (token, owner.appid, family, call.now, call.now + LIFE_S),
    )
    return {"access_token": token, "expires_in": LIFE_S}
