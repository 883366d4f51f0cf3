"""``/_sandbox/wechat/``: set up accounts and citizens, and read what WeChat knows, as nobody could in reality."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork

from sandbox.wechat import conditional, custom, events, mass, menu, publish, quota, subscribe
from sandbox.wechat.accounts import DEFAULTS, Account, account, accounts, follower
from sandbox.wechat.control_state import article_counts, citizen_counts, state_of
from sandbox.wechat.mass_state import mass_jobs, previews
from sandbox.world import World

PERSONAS = ("ordinary", "blocked", "unfollowed", "timeout_after_accept", "blacklisted")


class Callback(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^https?://")
    token: str = Field(pattern=r"^[A-Za-z0-9]{3,32}$")
    encoding_aes_key: str = Field(pattern=r"^[A-Za-z0-9]{43}$")


class IpList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ip_list: list[IPvAnyNetwork] | None


def control(world: World) -> APIRouter:
    router = APIRouter(tags=["wechat"])

    def known(appid: str) -> Account:
        owner = account(world, appid)
        if owner is None:
            raise HTTPException(404, f"no account {appid}")
        return owner

    @router.get("/accounts", summary="The accounts: type, secret, callback, settings")
    def list_accounts() -> list[dict[str, Any]]:
        return [_shown(owner) for owner in accounts(world)]

    @router.put("/accounts/{appid}/callback", summary="Set URL, token and AES key, after the echostr check")
    def set_callback(appid: str, callback: Callback) -> dict[str, Any]:
        known(appid)
        wrong = events.check_callback(callback.url, callback.token)
        if wrong is not None:
            raise HTTPException(422, wrong)
        with world.transaction() as db:
            db.execute(
                "UPDATE wx_account SET callback_url = ?, callback_token = ?, encoding_aes_key = ? WHERE appid = ?",
                (callback.url, callback.token, callback.encoding_aes_key, appid),
            )
        return _shown(known(appid))

    @router.delete("/accounts/{appid}/callback", summary="No callback: events are kept and not sent")
    def drop_callback(appid: str) -> dict[str, Any]:
        known(appid)
        with world.transaction() as db:
            db.execute("UPDATE wx_account SET callback_url = NULL WHERE appid = ?", (appid,))
        return _shown(known(appid))

    @router.put("/accounts/{appid}/ip-list", summary="Callers allowed (addresses or networks); null allows all")
    def set_ip_list(appid: str, wanted: IpList) -> dict[str, Any]:
        known(appid)
        value = None if wanted.ip_list is None else json.dumps([str(network) for network in wanted.ip_list])
        with world.transaction() as db:
            db.execute("UPDATE wx_account SET ip_list = ? WHERE appid = ?", (value, appid))
        return _shown(known(appid))

    @router.patch("/accounts/{appid}/settings", summary=f"Change settings: {', '.join(DEFAULTS)}")
    def set_settings(appid: str, settings: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        owner = known(appid)
        unknown = set(settings) - set(DEFAULTS)
        if unknown:
            raise HTTPException(422, f"no setting {', '.join(sorted(unknown))}; there are {', '.join(DEFAULTS)}")
        with world.transaction() as db:
            merged = json.dumps({**owner.settings, **settings})
            db.execute("UPDATE wx_account SET settings = ? WHERE appid = ?", (merged, appid))
        return _shown(known(appid))

    @router.put("/accounts/{appid}/limits", summary="Daily and minute limit of one path; null restores the default")
    def set_limit(
        appid: str,
        path: Annotated[str, Body()],
        daily: Annotated[int | None, Body(ge=0)] = None,
        minute: Annotated[int | None, Body(ge=0)] = None,
    ) -> dict[str, Any]:
        known(appid)
        if path not in quota.DAILY:
            raise HTTPException(422, f"no path {path} with a quota")
        with world.transaction() as db:
            db.execute(
                "INSERT INTO wx_limit VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET daily = excluded.daily, minute = excluded.minute",
                (appid, path, daily, minute),
            )
        return {"path": path, "daily": daily, "minute": minute}

    @router.post("/accounts/{appid}/tokens/expire", summary="Every access_token of this account is invalid now")
    def expire_tokens(appid: str) -> dict[str, int]:
        known(appid)
        with world.transaction() as db:
            changed = db.execute("UPDATE wx_token SET dead = 1 WHERE appid = ? AND dead = 0", (appid,)).rowcount
        return {"expired": changed}

    @router.get("/personas", summary="Each follower's persona")
    def get_personas(appid: str | None = None) -> list[dict[str, Any]]:
        with world.lock:
            rows = world.db.execute(
                "SELECT openid, appid, identity, name, persona FROM wx_follower"
                " WHERE ? IS NULL OR appid = ? ORDER BY rowid",
                (appid, appid),
            ).fetchall()
        return [dict(row) for row in rows]

    @router.put("/personas/{openid}", summary=f"Make this citizen {', '.join(PERSONAS)}")
    def set_persona(openid: str, persona: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        if persona not in PERSONAS:
            raise HTTPException(422, f"no persona {persona!r}; there are {', '.join(PERSONAS)}")
        citizen = follower(world, openid)
        if citizen is None:
            raise HTTPException(404, "no such citizen")
        with world.transaction() as db:
            db.execute("UPDATE wx_follower SET persona = ? WHERE openid = ?", (persona, openid))
            owner = known(citizen["appid"])
            left, came = persona == "unfollowed", citizen["persona"] == "unfollowed"
            if left != came:
                events.simple(world, owner, openid, "unsubscribe" if left else "subscribe", EventKey="")
                if came:
                    custom.open_window(world, openid, "touch")
        return {**citizen, "persona": persona}

    @router.get("/state", summary="Menu, drafts, articles, messages, materials, quota, calls of one account")
    def state(appid: str) -> dict[str, Any]:
        known(appid)
        return state_of(world, appid)

    @router.get("/menu", summary="The account's menu, or null")
    def get_menu(appid: str) -> list[dict[str, Any]] | None:
        known(appid)
        return menu.current(world, appid)

    @router.put("/menu", summary="Somebody at the console: makes a menu by hand, or switches the menu off and on")
    def set_menu(
        appid: Annotated[str, Body()],
        buttons: Annotated[list[dict[str, Any]] | None, Body()] = None,
        is_open: Annotated[bool, Body()] = True,
    ) -> dict[str, bool]:
        known(appid)
        menu.set_in_console(world, appid, buttons, is_open)
        return {"ok": True}

    @router.put("/phones/{openid}", summary="What this citizen's phone runs: ios, android or other")
    def set_phone(openid: str, platform: Annotated[str, Body(embed=True)]) -> dict[str, str]:
        if platform not in conditional.PLATFORMS.values() or follower(world, openid) is None:
            raise HTTPException(422, "no such citizen, or not one of ios, android, other")
        with world.transaction() as db:
            db.execute("INSERT OR REPLACE INTO wx_phone VALUES (?, ?)", (openid, platform))
        return {"openid": openid, "platform": platform}

    @router.get("/articles", summary="Published articles, deleted ones too, and how often each was published")
    def articles(appid: str, content: bool = False) -> dict[str, Any]:
        known(appid)
        publish.settle_due(world)
        return article_counts(world, appid, with_content=content)

    @router.post("/articles/{article_id}/take-down", summary="Gone long after success: 5 by its author, 6 by WeChat")
    def take_down(
        article_id: str,
        status: Annotated[int, Body(ge=5, le=6)],
        event: Annotated[bool, Body()] = False,
        listed: Annotated[bool, Body()] = True,
    ) -> dict[str, bool]:
        if not publish.take_down(world, article_id, status, event=event, listed=listed):
            raise HTTPException(404, "no such published article")
        return {"ok": True}

    @router.get("/citizens", summary="What reached each citizen's phone: distinct messages, and how often each")
    def citizens(appid: str, openid: Annotated[str | None, Query()] = None) -> list[dict[str, Any]]:
        known(appid)
        return citizen_counts(world, appid, openid)

    @router.get("/messages", summary="Every template message that was accepted, in order")
    def messages(appid: str, openid: str | None = None) -> list[dict[str, Any]]:
        known(appid)
        with world.lock:
            rows = world.db.execute(
                "SELECT * FROM wx_message WHERE appid = ? AND (? IS NULL OR openid = ?) ORDER BY msgid",
                (appid, openid, openid),
            ).fetchall()
        return [{**dict(row), "data": json.loads(row["data"]), "delivered": bool(row["delivered"])} for row in rows]

    @router.get("/mass", summary="Every mass message: to whom, what became of it, how many got it; and previews")
    def mass_messages(appid: str) -> dict[str, Any]:
        known(appid)
        return {"jobs": mass_jobs(world, known(appid)), "previews": previews(world, appid)}

    @router.post("/mass/{msg_id}/confirm", summary="The administrator agrees to a protected mass send, or refuses")
    def confirm_mass(msg_id: int, yes: Annotated[bool, Body(embed=True)]) -> dict[str, bool]:
        if not mass.answer_for_admin(world, msg_id, yes):
            raise HTTPException(404, "no such mass message waits for the administrator")
        return {"ok": True}

    @router.post("/citizens/{openid}/agree", summary="Answers a subscribe notice's question: accept (once) or reject")
    def agree(
        openid: str,
        template_id: Annotated[str, Body()],
        answer: Annotated[Literal["accept", "reject"], Body()] = "accept",
        long_term: Annotated[bool, Body()] = False,
    ) -> dict[str, bool]:
        subscribe.agree(world, _owner(openid), openid, template_id, answer, long_term=long_term)
        return {"ok": True}

    @router.post("/citizens/{openid}/take-back", summary="Switches a subscribe notice off")
    def take_back(openid: str, template_id: Annotated[str, Body(embed=True)]) -> dict[str, bool]:
        subscribe.take_back(world, _owner(openid), openid, template_id)
        return {"ok": True}

    @router.post("/citizens/{openid}/say", summary="Writes to the account, which may then answer")
    def say(openid: str, text: Annotated[str, Body(embed=True)]) -> dict[str, bool]:
        owner = _owner(openid)
        custom.open_window(world, openid, "message")
        events.said(world, owner, openid, text)
        return {"ok": True}

    @router.get("/custom-messages", summary="Every customer-service message that was accepted, in order")
    def custom_messages(appid: str) -> list[dict[str, Any]]:
        known(appid)
        with world.lock:
            rows = world.db.execute("SELECT * FROM wx_custom WHERE appid = ? ORDER BY id", (appid,)).fetchall()
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows]

    def _owner(openid: str) -> Account:
        citizen = follower(world, openid)
        if citizen is None:
            raise HTTPException(404, "no such citizen")
        return known(citizen["appid"])

    @router.get("/events", summary="Every event, whether it was sent, and what the callback answered")
    def list_events(appid: str, state: str | None = None) -> list[dict[str, Any]]:
        known(appid)
        with world.lock:
            rows = world.db.execute(
                "SELECT id, openid, event, xml, created_at, state, attempts, note FROM wx_event"
                " WHERE appid = ? AND (? IS NULL OR state = ?) ORDER BY id",
                (appid, state, state),
            ).fetchall()
        return [dict(row) for row in rows]

    @router.post("/events/resend", summary="Queue again the events that had no callback or failed")
    def resend(appid: str) -> dict[str, int]:
        known(appid)
        with world.transaction() as db:
            changed = db.execute(
                "UPDATE wx_event SET state = 'pending', attempts = 0, due_real_s = 0"
                " WHERE appid = ? AND state IN ('no_callback', 'failed', 'dropped')",
                (appid,),
            ).rowcount
        return {"queued": changed}

    return router


def _shown(owner: Account) -> dict[str, Any]:
    return {
        "appid": owner.appid,
        "secret": owner.secret,
        "name": owner.name,
        "kind": owner.kind,
        "verified": owner.verified,
        "original_id": owner.original_id,
        "callback": {
            "url": owner.callback_url,
            "token": owner.callback_token,
            "encoding_aes_key": owner.encoding_aes_key,
        },
        "ip_list": owner.ip_list,
        "settings": {**DEFAULTS, **owner.settings},
    }
