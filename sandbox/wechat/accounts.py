"""The Official Accounts of the sandbox, their followers and what they may call.

Secrets here are constants on purpose: they open nothing but this simulation.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.people import PEOPLE, SERVICE_APPID, openid_of
from sandbox.world import World

Kind = Literal["service", "subscription"]

SUBSCRIPTION_APPID = "wx8c41e7720bd95a13"
UNVERIFIED_APPID = "wx2f60b4d9835ce718"
OTHER_FOLLOWERS = 12

# What an account's ``settings`` may hold, and what holds where it says nothing.
DEFAULTS: dict[str, Any] = {
    "publish_seconds": 1.0,  # on the sandbox's clock
    "publish_id_as": "number",  # as recorded; "string" as the documentation says
    "mass_seconds": 1.0,  # on the sandbox's clock
    "mass_apart_s": 60,  # between two mass sends
    "mass_protection": False,  # must an administrator confirm each mass send on the phone
    "title_max": 32,  # characters; 64 in older documentation
    "comments": False,  # may articles open comments
    "enforce_template_fields": True,  # a test account does not
    "linked_miniprograms": [],  # appids that menu buttons may open
    "event_delay_s": 0.1,  # real seconds between an effect and its event
    "crowd": 100,  # percent of the readers an article has besides the phones
    "figures_late": False,  # the figures lack a tenth, and say so (is_delay)
}


@dataclass(frozen=True)
class Account:
    appid: str
    secret: str
    name: str
    kind: Kind
    verified: bool
    original_id: str
    biz: str
    intro: str
    callback_url: str | None
    callback_token: str | None
    encoding_aes_key: str | None
    ip_list: list[str] | None
    settings: dict[str, Any]

    def setting(self, name: str) -> Any:
        return self.settings.get(name, DEFAULTS[name])


_SEED: list[tuple[str, str, str, Kind, bool, str, str, str]] = [
    (
        SERVICE_APPID, "3f9a1c5e7b2d48608c6e4a1f0d9b7253", "示范市政府", "service", True,
        "gh_5a9d0c17e3b8", "MzA5ZGVtb2NpdHk=", "示范市人民政府官方服务号，发布政务信息，提供办事服务。",
    ),
    (
        SUBSCRIPTION_APPID, "8d27b0f4a16c4e939b5d7c2e60a1f384", "示范市发布", "subscription", True,
        "gh_8c41e7720bd9", "MzI4c2hpZmFubmV3cw==", "示范市人民政府新闻办公室官方账号。",
    ),
    (
        UNVERIFIED_APPID, "c05e9d3b71f24a8f86a2d4917be36c58", "示范市某街道", "subscription", False,
        "gh_2f60b4d9835c", "MzAyamllZGFv", "街道便民信息（未认证）。",
    ),
]  # fmt: skip


def seed_accounts(world: World) -> None:
    now = int(world.clock.timestamp())
    with world.transaction() as db:
        for row in _SEED:
            db.execute(
                "INSERT INTO wx_account (appid, secret, name, kind, verified, original_id, biz, intro)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        for number, person in enumerate(PEOPLE):
            followers = [(person.openid, SERVICE_APPID, person.persona)]
            if number < OTHER_FOLLOWERS:
                followers.append((openid_of(person.identity, SUBSCRIPTION_APPID), SUBSCRIPTION_APPID, "ordinary"))
                followers.append((openid_of(person.identity, UNVERIFIED_APPID), UNVERIFIED_APPID, "ordinary"))
            for openid, appid, persona in followers:
                db.execute(
                    "INSERT INTO wx_follower VALUES (?, ?, ?, ?, ?, ?)",
                    (openid, appid, person.identity, person.name, persona, now - 86400 * (30 + 7 * number)),
                )


def account(world: World, appid: str) -> Account | None:
    with world.lock:
        row = world.db.execute("SELECT * FROM wx_account WHERE appid = ?", (appid,)).fetchone()
    return None if row is None else _account(dict(row))


def accounts(world: World) -> list[Account]:
    with world.lock:
        rows = world.db.execute("SELECT * FROM wx_account ORDER BY rowid").fetchall()
    return [_account(dict(row)) for row in rows]


def _account(row: dict[str, Any]) -> Account:
    row["verified"] = bool(row["verified"])
    row["ip_list"] = json.loads(row["ip_list"]) if row["ip_list"] else None
    row["settings"] = json.loads(row["settings"])
    return Account(**row)


def follower(world: World, openid: str) -> dict[str, Any] | None:
    with world.lock:
        row = world.db.execute("SELECT * FROM wx_follower WHERE openid = ?", (openid,)).fetchone()
    return None if row is None else dict(row)
