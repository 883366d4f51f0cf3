"""What a round brought is the difference of two far-end snapshots."""

from __future__ import annotations

from typing import Any

from ops.far_end import Snapshot, brought


def article(number: str, url: str, deleted: bool = False) -> dict[str, Any]:
    return {"article_id": number, "idx": 1, "content_source_url": url, "is_deleted": deleted}


def snapshot(*articles: dict[str, Any], messages: int = 0, menu: str = "menu", cms: int = 0) -> Snapshot:
    return Snapshot(
        menu=[{"name": menu}],
        articles=list(articles),
        told_twice=[],
        published_twice=[],
        messages=[{"openid": f"o{n % 2}", "msgid": n} for n in range(messages)],
        write_backs={"cms": [{}] * cms, "cases": [], "qa": []},
    )


def test_a_replaced_article_is_one_published_and_one_deleted() -> None:
    before = snapshot(article("A", "https://x/1"))
    after = snapshot(article("A", "https://x/1", deleted=True), article("B", "https://x/1#m"), messages=3, cms=2)
    assert brought(before, after) == {
        "articles_published": 1,
        "articles_deleted": 1,
        "menu_changed": 0,
        "messages": 3,
        "write_backs_cms": 2,
        "write_backs_cases": 0,
        "write_backs_qa": 0,
    }


def test_nothing_new_is_all_zero() -> None:
    one = snapshot(article("A", "https://x/1"), messages=3)
    assert set(brought(one, one).values()) == {0}


def test_another_menu_is_seen() -> None:
    assert brought(snapshot(menu="a"), snapshot(menu="b"))["menu_changed"] == 1


def test_the_article_of_an_upstream_page_is_found_below_our_marker() -> None:
    state = snapshot(
        article("A", "https://x/1#gov-7"), article("B", "https://x/10"), article("C", "https://x/1", True)
    )
    assert [a["article_id"] for a in state.standing_from("https://x/1")] == ["A"]


def test_messages_are_counted_per_citizen() -> None:
    assert snapshot(messages=5).messages_by_openid == {"o0": 3, "o1": 2}
