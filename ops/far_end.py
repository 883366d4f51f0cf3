"""What the far ends hold, read from the sandbox's own state and never from our ledger.

A snapshot holds enough to say what a round brought: which articles stand in WeChat, which messages reached whom, what
was written back to each system.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.clients import Sandbox

SYSTEMS = ("cms", "cases", "qa")


@dataclass(frozen=True)
class Snapshot:
    """``articles`` and ``messages`` are as the sandbox's WeChat lists them; ``write_backs`` by system."""

    menu: list[dict[str, Any]]
    articles: list[dict[str, Any]]
    told_twice: list[str]  # openids that got one message more than once
    published_twice: list[str]  # titles standing more than once
    messages: list[dict[str, Any]]
    write_backs: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def take(cls, sandbox: Sandbox, appid: str) -> Snapshot:
        state = sandbox.get("/wechat/state", appid=appid)
        return cls(
            menu=state["menu"] or [],
            articles=state["articles"]["published"],
            told_twice=[c["openid"] for c in state["citizens"] if c["most_often"] > 1],
            published_twice=[a["title"] for a in state["articles"]["distinct"] if a["standing"] > 1],
            messages=sandbox.get("/wechat/messages", appid=appid),
            write_backs={name: sandbox.get(f"/{name}/write-backs") for name in SYSTEMS},
        )

    @property
    def standing(self) -> list[dict[str, Any]]:
        return [article for article in self.articles if not article["is_deleted"]]

    @property
    def messages_by_openid(self) -> dict[str, int]:
        return dict(Counter(message["openid"] for message in self.messages))

    def standing_from(self, upstream_url: str) -> list[dict[str, Any]]:
        """The articles in WeChat whose 阅读原文 leads to ``upstream_url`` (our marker is its fragment)."""
        return [a for a in self.standing if a["content_source_url"].partition("#")[0] == upstream_url]


def brought(before: Snapshot, after: Snapshot) -> dict[str, int]:
    """How many effects lie between two snapshots."""
    gone = {_identity(a) for a in after.articles if a["is_deleted"]} - {
        _identity(a) for a in before.articles if a["is_deleted"]
    }
    return {
        "articles_published": len(after.articles) - len(before.articles),
        "articles_deleted": len(gone),
        "menu_changed": int(before.menu != after.menu),
        "messages": len(after.messages) - len(before.messages),
        **{f"write_backs_{name}": len(after.write_backs[name]) - len(before.write_backs[name]) for name in SYSTEMS},
    }


def _identity(article: Mapping[str, Any]) -> tuple[str, int]:
    return article["article_id"], article["idx"]
