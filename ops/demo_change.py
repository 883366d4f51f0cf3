"""``make demo-change``: the three systems change a little, one round of work, and exactly that arrives.

Three edits and one withdrawal in the CMS, five status changes, two answers, through the sandbox's control API alone.
What was delivered is judged by the sandbox's own state.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ops import connections, services
from ops.clients import Sandbox
from ops.far_end import Snapshot, brought
from ops.home import Home, OpsError
from ops.round import Round

EDITS = 3
STATUS_CHANGES = 5
ANSWERS = 2


@dataclass(frozen=True)
class Change:
    """What was done to the three systems, and therefore what must arrive."""

    edited: list[dict[str, Any]]
    withdrawn: dict[str, Any]
    moved: list[dict[str, Any]]
    answered: list[dict[str, Any]]


def make_changes(sandbox: Sandbox, before: Snapshot) -> Change:
    delivered = [a for a in sandbox.get("/cms/articles") if before.standing_from(a["url"])]
    if len(delivered) < EDITS + 1:
        raise OpsError(f"only {len(delivered)} articles stand in WeChat; make demo comes first")
    edited, withdrawn = delivered[:EDITS], delivered[EDITS]
    for article in edited:
        sandbox.patch(f"/cms/articles/{article['id']}", {"append": "（更正：以本次公布的内容为准。）"})
    sandbox.post(f"/cms/articles/{withdrawn['id']}/withdraw")
    return Change(
        edited=edited,
        withdrawn=withdrawn,
        moved=sandbox.post("/cases/advance", {"count": STATUS_CHANGES}),
        answered=sandbox.post("/qa/answer", {"count": ANSWERS}),
    )


def differences(sandbox: Sandbox, appid: str, change: Change, before: Snapshot, after: Snapshot) -> list[str]:
    """What arrived too much or too little, one line each."""
    wrong = []
    new = brought(before, after)
    if new["articles_published"] != EDITS:
        wrong.append(f"{new['articles_published']} articles were published for {EDITS} edits")
    if new["articles_deleted"] != EDITS + 1:
        wrong.append(f"{new['articles_deleted']} articles were deleted for {EDITS} edits and 1 withdrawal")
    for article in change.edited:
        was, now = before.standing_from(article["url"]), after.standing_from(article["url"])
        if len(now) != 1 or now[0]["content_sha256"] == was[0]["content_sha256"]:
            wrong.append(f"{article['title']}: {len(now)} standing, expected the new version alone")
    if after.standing_from(change.withdrawn["url"]):
        wrong.append(f"{change.withdrawn['title']}: withdrawn, but still readable in WeChat")
    if new["menu_changed"]:
        wrong.append("the menu changed, and nothing asked for it")
    wrong += _message_differences(sandbox, appid, change, before, after)
    if after.told_twice:
        wrong.append(f"{len(after.told_twice)} citizens were told something twice")
    return wrong


def _message_differences(
    sandbox: Sandbox, appid: str, change: Change, before: Snapshot, after: Snapshot
) -> list[str]:
    people = sandbox.get("/wechat/personas", appid=appid)
    # WeChat refuses who no longer follows; everybody else bound gets one message a change.
    reachable = {p["identity"]: p["openid"] for p in people if p["persona"] not in ("unfollowed", "blacklisted")}
    due = [(case["applicant_id"], case["case_no"]) for case in change.moved]
    due += [(answer["asker"], "answer") for answer in change.answered]
    expected = Counter((reachable[identity], about) for identity, about in due if identity in reachable)
    known = {message["msgid"] for message in before.messages}
    got = Counter((m["openid"], _about(m)) for m in after.messages if m["msgid"] not in known)
    names = {p["openid"]: p["identity"] for p in people}
    return [
        f"citizen {names.get(each[0], '?')}, {each[1]}: {got[each]} messages, expected {expected[each]}"
        for each in sorted(got.keys() | expected.keys())
        if got[each] != expected[each]
    ]


def _about(message: dict[str, Any]) -> str:
    """The case a message names, by the template's field for numbers; an answer's template has none."""
    return str(message["data"].get("character_string3", "answer"))


def main() -> int:
    try:
        home = Home.from_environ()
        services.up(home)
        sandbox = Sandbox(home.sandbox_url)
        appid = connections.appid(home)
        before = Snapshot.take(sandbox, appid)
        change = make_changes(sandbox, before)
        print(
            f"demo-change: {EDITS} edits, 1 withdrawal, {STATUS_CHANGES} status changes, {ANSWERS} answers",
            flush=True,
        )
        Round(home).work()
        after = Snapshot.take(sandbox, appid)
        new = brought(before, after)
        wrong = differences(sandbox, appid, change, before, after)
        if wrong:
            raise OpsError("not exactly that arrived: " + "; ".join(wrong))
        print(
            f"demo-change: exactly that arrived: {new['articles_published']} articles replaced,"
            f" 1 withdrawn, {new['messages']} template messages"
        )
    except OpsError as error:
        print(f"demo-change: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo-change: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
