"""`make demo-change` judges: too much, too little and the wrong thing are each named."""

from __future__ import annotations

from typing import Any

import pytest

from ops.demo_change import Change, differences
from ops.far_end import Snapshot

PEOPLE = [
    {"identity": "P1", "openid": "o1", "persona": "ordinary"},
    {"identity": "P2", "openid": "o2", "persona": "unfollowed"},
]
EDITED = [{"id": str(n), "url": f"https://x/{n}", "title": f"edited {n}"} for n in range(3)]
WITHDRAWN = {"id": "9", "url": "https://x/9", "title": "withdrawn"}
CHANGE = Change(
    edited=EDITED,
    withdrawn=WITHDRAWN,
    moved=[{"applicant_id": "P1", "case_no": "C1"}, {"applicant_id": "P2", "case_no": "C2"}],
    answered=[{"asker": "P1"}, {"asker": "nobody with WeChat"}],
)
MENU = [{"name": "menu"}]


class People:
    def get(self, path: str, **_: Any) -> Any:
        assert path == "/wechat/personas"
        return PEOPLE


def article(number: str, url: str, body: str, deleted: bool = False) -> dict[str, Any]:
    return {
        "article_id": number,
        "idx": 1,
        "content_source_url": f"{url}#m",
        "content_sha256": body,
        "is_deleted": deleted,
    }


def message(number: int, openid: str, case: str = "") -> dict[str, Any]:
    return {"msgid": number, "openid": openid, "data": {"character_string3": case} if case else {"thing1": "问"}}


def snapshot(articles: list[dict[str, Any]], messages: list[dict[str, Any]], menu: Any = MENU) -> Snapshot:
    return Snapshot(menu, articles, [], [], messages, {"cms": [], "cases": [], "qa": []})


def old(deleted: bool) -> list[dict[str, Any]]:
    return [article(f"old{a['id']}", a["url"], "before", deleted) for a in [*EDITED, WITHDRAWN]]


NEW = [article(f"new{a['id']}", a["url"], "after") for a in EDITED]
BEFORE = snapshot(old(deleted=False), [message(1, "o1", "C0")])
EXACT = [message(1, "o1", "C0"), message(2, "o1", "C1"), message(3, "o1")]


def judged(after: Snapshot) -> list[str]:
    return differences(People(), "wx", CHANGE, BEFORE, after)  # type: ignore[arg-type]


def test_exactly_what_was_changed_is_no_difference() -> None:
    assert judged(snapshot([*old(deleted=True), *NEW], EXACT)) == []


@pytest.mark.parametrize(
    ("articles", "messages", "menu", "said"),
    [
        ([*old(True), *NEW], EXACT[:-1], MENU, "citizen P1, answer: 0 messages, expected 1"),
        ([*old(True), *NEW], [*EXACT, message(4, "o1", "C1")], MENU, "citizen P1, C1: 2 messages, expected 1"),
        ([*old(True), *NEW], [*EXACT, message(4, "o2", "C2")], MENU, "citizen P2, C2: 1 messages, expected 0"),
        ([*old(True), *NEW[:2]], EXACT, MENU, "2 articles were published for 3 edits"),
        ([*old(True)[:3], *old(False)[3:], *NEW], EXACT, MENU, "withdrawn: withdrawn, but still readable in WeChat"),
        (
            [*old(False)[:1], *old(True)[1:], *NEW],
            EXACT,
            MENU,
            "edited 0: 2 standing, expected the new version alone",
        ),
        ([*old(True), *NEW], EXACT, [{"name": "another"}], "the menu changed, and nothing asked for it"),
    ],
)
def test_what_is_not_exactly_that_is_named(articles: Any, messages: Any, menu: Any, said: str) -> None:
    assert said in judged(snapshot(articles, messages, menu))
