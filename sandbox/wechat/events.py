"""Events and how they reach the account's callback: queued, encrypted, signed, posted up to three times.

An event is due in *real* time, because the one who waits for it is real; its CreateTime is the sandbox's. It counts
as delivered when the callback answers 200 within five seconds. (Rulebook §6.)
"""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.sax.saxutils import escape

import requests

from sandbox.faults import EVENT_KINDS
from sandbox.wechat import crypto
from sandbox.wechat.accounts import Account, account
from sandbox.world import World

ATTEMPTS = 3
TIMEOUT_S = 5.0
RETRY_S = 1.0
POLL_S = 0.1
_WORKERS = 4
_ADMIN = "mphelper"

_HOW = tuple(kind for kind in EVENT_KINDS if kind not in ("event_first", "template_status"))


def comes_first(world: World, path: str, openid: str | None = None, persona: str | None = None) -> bool:
    """Was it asked that this call's event overtakes its answer?"""
    return world.faults.strike(("event_first",), path, openid=openid, persona=persona) is not None


def template_finished(
    world: World, owner: Account, openid: str, msgid: int, status: str, client_msg_id: Any, path: str, persona: str
) -> list[int]:
    fault = world.faults.strike(_HOW, path, openid=openid, persona=persona)
    # Seen by one developer when client_msg_id was set.
    shown = 0 if fault and fault.kind == "event_msgid_zero" and client_msg_id else msgid
    inner = f"<MsgID>{shown}</MsgID>\n<Status>{_cdata(status)}</Status>"
    return _queue(world, owner, openid, "TEMPLATESENDJOBFINISH", inner, fault)


def notice_sent(
    world: World, owner: Account, openid: str, template_id: str, msgid: int, status: str, path: str, persona: str
) -> list[int]:
    """What became of a subscribe notice."""
    fault = world.faults.strike(_HOW, path, openid=openid, persona=persona)
    code = 0 if status == "success" else 20003
    inner = (
        f"<SubscribeMsgSentEvent>\n<List>\n<TemplateId>{_cdata(template_id)}</TemplateId>\n<MsgID>{msgid}</MsgID>\n"
        f"<ErrorCode>{code}</ErrorCode>\n<ErrorStatus>{_cdata(status)}</ErrorStatus>\n</List>\n</SubscribeMsgSentEvent>"
    )
    return _queue(world, owner, openid, "subscribe_msg_sent_event", inner, fault)


def agreement(world: World, owner: Account, openid: str, how: str, template_id: str, answer: str) -> list[int]:
    """``popup``: answered on a page; ``change``: switched in the account's settings."""
    tag = "SubscribeMsgPopupEvent" if how == "popup" else "SubscribeMsgChangeEvent"
    scene = "<PopupScene>2</PopupScene>\n" if how == "popup" else ""
    inner = (
        f"<{tag}>\n<List>\n<TemplateId>{_cdata(template_id)}</TemplateId>\n"
        f"<SubscribeStatusString>{_cdata(answer)}</SubscribeStatusString>\n{scene}</List>\n</{tag}>"
    )
    return _queue(world, owner, openid, f"subscribe_msg_{how}_event", inner, None)


def said(world: World, owner: Account, openid: str, text: str) -> list[int]:
    """A citizen writes to the account."""
    return _queue(world, owner, openid, "text", f"<Content>{_cdata(text)}</Content>", None, message=True)


def publish_finished(
    world: World, owner: Account, publish_id: int, status: int, article_id: str, urls: list[dict[str, Any]], path: str
) -> list[int]:
    fault = world.faults.strike(_HOW, path)
    if fault is not None and fault.kind == "mass_event_instead":
        listed = "".join(
            f"<item><ArticleIdx>{u['idx']}</ArticleIdx><ArticleUrl>{_cdata(u['article_url'])}</ArticleUrl></item>"
            for u in urls
        )
        inner = (
            f"<MsgID>1000000003</MsgID>\n<Status>{_cdata('send success')}</Status>\n<TotalCount>0</TotalCount>\n"
            "<FilterCount>0</FilterCount>\n<SentCount>0</SentCount>\n<ErrorCount>0</ErrorCount>\n"
            f"<ArticleUrlResult><Count>{len(urls)}</Count><ResultList>{listed}</ResultList></ArticleUrlResult>"
        )
        return _queue(world, owner, _ADMIN, "MASSSENDJOBFINISH", inner, fault)
    parts = [f"<publish_id>{publish_id}</publish_id>", f"<publish_status>{status}</publish_status>"]
    if status == 0:
        items = "".join(
            f"<item><idx>{u['idx']}</idx><article_url>{_cdata(u['article_url'])}</article_url></item>" for u in urls
        )
        # The blank before the id is WeChat's.
        parts.append(f"<article_id>{_cdata(' ' + article_id)}</article_id>")
        parts.append(f"<article_detail><count>{len(urls)}</count>{items}</article_detail>")
    elif status in (2, 4):
        parts.append("<fail_idx>1</fail_idx>")
    inner = "<PublishEventInfo>\n" + "\n".join(parts) + "\n</PublishEventInfo>"
    return _queue(world, owner, _ADMIN, "PUBLISHJOBFINISH", inner, fault)


def mass_finished(
    world: World, owner: Account, job: Any, outcome: str, counts: Any, urls: list[dict[str, Any]]
) -> list[int]:
    """``job`` is the row of wx_mass. Of reprints a job that was stopped for one names its first article."""
    reprints = int(outcome == "err(30003)")
    judged = (
        "<item><ArticleIdx>1</ArticleIdx><UserDeclareState>0</UserDeclareState><AuditState>2</AuditState>"
        f"<OriginalArticleUrl>{_cdata('http://mp.weixin.qq.com/s?__biz=original')}</OriginalArticleUrl>"
        "<OriginalArticleType>1</OriginalArticleType><CanReprint>0</CanReprint>"
        "<NeedReplaceContent>0</NeedReplaceContent><NeedShowReprintSource>0</NeedShowReprintSource></item>"
    )
    listed = "".join(
        f"<item><ArticleIdx>{u['idx']}</ArticleIdx><ArticleUrl>{_cdata(u['article_url'])}</ArticleUrl></item>"
        for u in urls
    )
    inner = (
        f"<MsgID>{job['msg_id']}</MsgID>\n<Status>{_cdata(outcome)}</Status>\n<TotalCount>{counts.total}</TotalCount>\n"
        f"<FilterCount>{counts.filtered}</FilterCount>\n<SentCount>{counts.sent}</SentCount>\n"
        f"<ErrorCount>{counts.errors}</ErrorCount>\n"
        f"<CopyrightCheckResult><Count>{reprints}</Count><ResultList>{judged if reprints else ''}</ResultList>"
        f"<CheckState>{3 if reprints else 1}</CheckState></CopyrightCheckResult>\n"
        f"<ArticleUrlResult><Count>{len(urls)}</Count><ResultList>{listed}</ResultList></ArticleUrlResult>"
    )
    return _queue(world, owner, _ADMIN, "MASSSENDJOBFINISH", inner, world.faults.strike(_HOW, job["path"]))


def simple(world: World, owner: Account, openid: str, event: str, **fields: str) -> list[int]:
    """subscribe, unsubscribe, CLICK, VIEW: what a citizen does."""
    inner = "\n".join(f"<{name}>{_cdata(value)}</{name}>" for name, value in fields.items())
    return _queue(world, owner, openid, event, inner, None)


def _queue(
    world: World, owner: Account, openid: str, event: str, inner: str, fault: Any, *, message: bool = False
) -> list[int]:
    now = world.clock.timestamp()
    xml = (
        f"<xml><ToUserName>{_cdata(owner.original_id)}</ToUserName>\n<FromUserName>{_cdata(openid)}</FromUserName>\n"
        f"<CreateTime>{int(now)}</CreateTime>\n"
    )
    if message:
        xml += (
            f"<MsgType>{_cdata(event)}</MsgType>\n{inner}\n<MsgId>{secrets.randbelow(10**18) + 10**18}</MsgId></xml>"
        )
    else:
        xml += f"<MsgType>{_cdata('event')}</MsgType>\n<Event>{_cdata(event)}</Event>\n{inner}</xml>"
    kind = fault.kind if fault is not None else None
    state = "pending" if owner.callback_url else "no_callback"
    delay = float(fault.value or 5) if fault is not None and kind == "delay_event" else owner.setting("event_delay_s")
    rows = []
    with world.transaction() as db:
        for _ in range(2 if kind == "duplicate_event" else 1):
            row = db.execute(
                "INSERT INTO wx_event (appid, openid, event, xml, created_at, due_real_s, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (
                    owner.appid, openid, event, xml, now, time.time() + delay,
                    "dropped" if kind == "drop_event" else state,
                ),
            ).fetchone()  # fmt: skip
            rows.append(int(row["id"]))
    return rows


def deliver_now(world: World, event_ids: list[int]) -> None:
    for event_id in event_ids:
        _attempt(world, event_id)


def check_callback(url: str, token: str) -> str | None:
    """The check WeChat makes when a callback is set; None if it passes, else what was wrong in one line."""
    timestamp, nonce, echostr = str(int(time.time())), _nonce(), str(secrets.randbelow(10**19))
    query = {
        "signature": crypto.sign(token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "echostr": echostr,
    }
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, params=query, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        return f"the callback did not answer the echostr check: {type(error).__name__}"
    if answer.status_code != 200:
        return f"the callback answered the echostr check with HTTP {answer.status_code}"
    if answer.text != echostr:
        return "the callback answered the echostr check with something else than the echostr (is the token the same?)"
    return None


def _attempt(world: World, event_id: int) -> None:
    """One POST of one event; what came of it is written down."""
    with world.transaction() as db:
        row = db.execute(
            "UPDATE wx_event SET state = 'sending', attempts = attempts + 1 WHERE id = ? AND state = 'pending'"
            " RETURNING *",
            (event_id,),
        ).fetchone()
    if row is None:
        return
    owner = account(world, row["appid"])
    if owner is None or not owner.callback_url:
        state, note = "no_callback", ""
    else:
        note = _post(owner, row["xml"], row["openid"])
        state = "delivered" if note.startswith("200") else "pending" if row["attempts"] < ATTEMPTS else "failed"
    with world.transaction() as db:
        db.execute(
            "UPDATE wx_event SET state = ?, note = ?, due_real_s = ? WHERE id = ?",
            (state, note, time.time() + RETRY_S, event_id),
        )


def _post(owner: Account, xml: str, openid: str) -> str:
    token, aes_key = owner.callback_token or "", owner.encoding_aes_key or ""
    encrypted = crypto.encrypt(xml, owner.appid, aes_key)
    timestamp, nonce = str(int(time.time())), _nonce()
    query = {
        "signature": crypto.sign(token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "openid": openid,
        "encrypt_type": "aes",
        "msg_signature": crypto.sign(token, timestamp, nonce, encrypted),
    }
    body = (
        f"<xml>\n    <ToUserName>{_cdata(owner.original_id)}</ToUserName>\n"
        f"    <Encrypt>{_cdata(encrypted)}</Encrypt>\n</xml>\n"
    )
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                owner.callback_url or "", params=query, data=body.encode(),
                headers={"Content-Type": "text/xml"}, timeout=TIMEOUT_S, allow_redirects=False,
            )  # fmt: skip
    except requests.RequestException as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.text[:60]}"


class Sender:
    """The background thread: settles what is due (``before_each``), then sends every event that is due."""

    def __init__(self, world: World, before_each: Callable[[], None]) -> None:
        self._world = world
        self._before_each = before_each
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._world.transaction() as db:
            db.execute("UPDATE wx_event SET state = 'pending' WHERE state = 'sending'")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="wechat-events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_S + 1)

    def _run(self) -> None:
        with ThreadPoolExecutor(_WORKERS, "wechat-event") as pool:
            while not self._stop.wait(POLL_S):
                self._before_each()
                with self._world.lock:
                    rows = self._world.db.execute(
                        "SELECT id FROM wx_event WHERE state = 'pending' AND due_real_s <= ? ORDER BY id LIMIT 200",
                        (time.time(),),
                    ).fetchall()
                list(pool.map(lambda row: _attempt(self._world, row["id"]), rows))


def _nonce() -> str:
    return str(secrets.randbelow(10**9) + 10**9)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>" if "]]>" not in text else escape(text)
