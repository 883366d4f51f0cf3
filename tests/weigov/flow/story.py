"""The demo's story, told once per way of driving it: by the verbs, or by typing ``weigov`` commands.

First the baseline and what it delivers; 12 cases move and 5 answers appear; nothing more happens; then 3 edits, a
withdrawal, 5 status changes and 2 answers. After each chapter the far ends are looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment, FarEnd

PERSONAS = {p.identity: p.persona for p in PEOPLE}
#: Who receives a message: unfollowed is refused at once, blocked by the event; who is not in the list has no WeChat.
REACHED = ("ordinary", "timeout_after_accept")


@dataclass
class Story:
    """The chapters, and what was done upstream between them."""

    first: FarEnd
    moved: FarEnd
    again: FarEnd
    changed: FarEnd
    moves: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    edited: list[dict[str, Any]]
    withdrawn: dict[str, Any]
    later_moves: list[dict[str, Any]]
    later_answers: list[dict[str, Any]]
    upstream: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # the flow → the articles it should take
    status: dict[str, Any] = field(default_factory=dict)


def tell(town: Deployment, work: Callable[[], None]) -> Story:
    other = town.other
    upstream = {
        flow: [a for a in other.get("/cms/articles", channel_code=column) if a["status"] == 1]
        for flow, column in (("notices", "0102"), ("policies", "0104"))
    }
    work()
    first = FarEnd.take(other)
    moves = other.post("/cases/advance", count=12)
    answers = other.post("/qa/answer", count=5)
    work()
    moved = FarEnd.take(other)
    work()
    again = FarEnd.take(other)
    edited, withdrawn = [*upstream["notices"][:2], upstream["policies"][0]], upstream["policies"][1]
    for article in edited:
        other.patch(f"/cms/articles/{article['id']}", append="（更正：以本次公布的内容为准。）")
    other.post(f"/cms/articles/{withdrawn['id']}/withdraw")
    later_moves = other.post("/cases/advance", count=5)
    later_answers = other.post("/qa/answer", count=2)
    work()
    changed = FarEnd.take(other)
    return Story(
        first, moved, again, changed, moves, answers, edited, withdrawn, later_moves, later_answers, upstream,
        town.status(),
    )  # fmt: skip


def by_verbs(town: Deployment) -> Callable[[], None]:
    town.bind_everyone()
    return town.round


def by_commands(town: Deployment, run: Callable[..., str]) -> Callable[[], None]:
    """The same by the command line alone; ``run`` types one command and gives what it printed."""
    file = town.settings.home / "bindings.csv"
    file.write_text(town.other.web.get("/_sandbox/cases/bindings.csv").text)
    run("bindings", "import", str(file))

    def work() -> None:
        run("collect")
        run("compose")
        for row in json.loads(run("review", "list", "--json")):
            for person in ("bianji", "shenhe"):
                run("review", "approve", str(row["id"]), "--as", person, "--digest", row["digest"][:12])
        for _ in range(12):
            run("deliver")
            town.other.advance(seconds=60)
            town.other.events_done()
            run("reconcile")
            run("sync-back")
            if not any(json.loads(run("status", "--json"))["due"].values()):
                return
        raise AssertionError("there is always something due")

    return work


def messages_expected(moves: list[dict[str, Any]], answers: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(identity, what it is about) → once each, for everybody who can be reached."""
    due = [(m["applicant_id"], m["to"]) for m in moves] + [(a["asker"], a["id"]) for a in answers]
    return Counter(pair for pair in due if PERSONAS.get(pair[0]) in REACHED)


def messages_received(before: FarEnd, after: FarEnd) -> Counter[tuple[str, str]]:
    names = {p.openid: p.identity for p in PEOPLE}
    known = {m["msgid"] for m in before.messages}
    return Counter(
        (names[m["openid"]], m["data"].get("phrase2") or PurePosixPath(m["url"]).stem)
        for m in after.messages
        if m["delivered"] and m["msgid"] not in known
    )
