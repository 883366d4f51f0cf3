"""The demo from an empty ledger to a citizen's phone and back, and exactly that; by verbs and by commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.people import PEOPLE
from tests.conftest import _database
from tests.weigov.command import command
from tests.weigov.flow.deployment import Deployment, OtherSide
from tests.weigov.flow.story import (
    PERSONAS,
    Story,
    by_commands,
    by_verbs,
    messages_expected,
    messages_received,
    tell,
)
from weigov.ledger.migrate import migrate


@pytest.fixture(scope="module", params=["verbs on sqlite", "verbs on postgresql", "commands on sqlite"])
def story(
    request: pytest.FixtureRequest, sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("story")
    if "postgresql" in request.param:
        with _database(request.getfixturevalue("_postgres")) as url:
            yield _told(sandbox_running, home, url, request.param)
    else:
        yield _told(sandbox_running, home, f"sqlite:///{home / 'ledger.db'}", request.param)


#: Every way of driving it that was tried so far.
_TOLD: list[Story] = []


def _timeless(data: dict[str, str]) -> str:
    """The words of a message without its times: the clock moves on differently in each telling."""
    return str({name: value for name, value in data.items() if not name.startswith("time")})


def _told(other: OtherSide, home: Path, url: str, how: str) -> Story:
    other.restore()
    migrate(url)
    town = Deployment.prepare(other, home, url).start()
    try:
        work = (
            by_commands(town, lambda *words: command(town.environ, *words).good())
            if how.startswith("commands")
            else by_verbs(town)
        )
        _TOLD.append(tell(town, work))
    finally:
        town.stop()
    return _TOLD[-1]


def test_every_notice_and_policy_is_published_once_and_no_other(story: Story) -> None:
    wanted = {a["url"] for articles in story.upstream.values() for a in articles}
    assert len(wanted) == 28
    assert set(story.first.standing) == wanted
    assert len(story.first.articles) == 28 and story.first.drafts == []


def test_the_menu_is_there_and_was_sent_once(story: Story) -> None:
    assert [entry["name"] for entry in story.first.menu or ()] == ["信息发布", "办事服务", "更多+"]
    assert [len(entry["sub_button"]) for entry in story.first.menu or ()] == [5, 5, 3]
    assert story.changed.menu == story.first.menu
    assert story.changed.calls["/cgi-bin/menu/create"] == {"0": 1}


def test_what_was_there_before_the_flows_began_tells_nobody(story: Story) -> None:
    assert story.first.messages == []
    assert story.first.write_backs["cases"] == story.first.write_backs["qa"] == []


def test_exactly_the_reachable_citizens_are_told_of_12_moves_and_5_answers(story: Story) -> None:
    expected = messages_expected(story.moves, story.answers)
    assert sum(expected.values()) >= 10
    assert messages_received(story.first, story.moved) == expected
    assert set(story.moved.standing) == set(story.first.standing) and len(story.moved.articles) == 28


def test_the_first_round_meets_every_kind_of_citizen(story: Story) -> None:
    personas = {PERSONAS.get(m["applicant_id"], "without WeChat") for m in story.moves}
    assert personas == {"ordinary", "blocked", "unfollowed", "timeout_after_accept", "without WeChat"}


def test_nobody_was_ever_told_twice(story: Story) -> None:
    keys = [(m["openid"], m["digest"]) for m in story.changed.messages]
    assert len(keys) == len(set(keys))


def test_a_second_round_does_nothing(story: Story) -> None:
    assert story.again.articles == story.moved.articles
    assert story.again.messages == story.moved.messages
    assert story.again.write_backs == story.moved.write_backs
    assert story.again.menu == story.moved.menu


def test_three_edits_replace_exactly_three_articles(story: Story) -> None:
    before, after = story.again.standing, story.changed.standing
    for article in story.edited:
        old, new = before[article["url"]], after[article["url"]]
        assert new["article_id"] != old["article_id"] and new["content_sha256"] != old["content_sha256"]
        gone = next(a for a in story.changed.articles if a["article_id"] == old["article_id"])
        assert gone["is_deleted"]
    assert len(story.changed.articles) == len(story.again.articles) + 3


def test_a_withdrawn_article_is_gone_from_wechat_and_everything_else_stands_as_it_was(story: Story) -> None:
    before, after = story.again.standing, story.changed.standing
    changed = {a["url"] for a in story.edited}
    assert set(before) - set(after) == {story.withdrawn["url"]} and set(after) <= set(before)
    assert all(after[url] == before[url] for url in after if url not in changed)


def test_exactly_five_status_changes_and_two_answers_are_told(story: Story) -> None:
    expected = messages_expected(story.later_moves, story.later_answers)
    assert sum(expected.values()) >= 4
    assert messages_received(story.again, story.changed) == expected


def test_the_cms_knows_the_link_of_every_article_and_the_fate_of_the_withdrawn_one(story: Story) -> None:
    links = {a["url"]: a["url"] for a in story.first.articles}
    for articles in story.upstream.values():
        for article in articles:
            told = story.first.last_told("cms", article["id"])
            assert told["state"] == "confirmed" and told["link"] in links
    for article in story.edited:
        told = story.changed.last_told("cms", article["id"])
        assert (told["state"], told["link"]) == ("confirmed", story.changed.standing[article["url"]]["url"])
    told = story.changed.last_told("cms", story.withdrawn["id"])
    assert (told["state"], told["link"]) == ("removed", "")
    # Nobody was told of a replaced article that it was removed: three new links and one removal, no more.
    assert len(story.changed.write_backs["cms"]) - len(story.again.write_backs["cms"]) == 4


def test_the_case_system_knows_what_became_of_every_message(story: Story) -> None:
    for move in story.moves:
        persona = PERSONAS.get(move["applicant_id"])
        told = [w for w in story.moved.write_backs["cases"] if w["case_no"] == move["case_no"]]
        if persona is None:
            assert told == []
            continue
        assert len(told) == 1
        expected = "rejected" if persona in ("blocked", "unfollowed") else "confirmed"
        assert (told[0]["state"], told[0]["channel"]) == (expected, "wechat")
        assert bool(told[0]["detail"]) == (expected == "rejected")
        assert told[0]["delivered_at"].startswith("2026-03-10 10:")


def test_the_answer_system_knows_what_became_of_every_message(story: Story) -> None:
    bound = [a for a in story.answers if a["asker"] in PERSONAS]
    told = {w["answer_id"]: w for w in story.moved.write_backs["qa"]}
    assert set(told) == {a["id"] for a in bound} and len(story.moved.write_backs["qa"]) == len(bound)
    for answer in bound:
        expected = "rejected" if PERSONAS[answer["asker"]] in ("blocked", "unfollowed") else "confirmed"
        assert told[answer["id"]]["state"] == expected


def test_the_unbound_are_counted(story: Story) -> None:
    unbound = [m for m in story.moves + story.later_moves if m["applicant_id"] not in PERSONAS]
    assert story.status["flows"]["case_progress"]["skipped"] == {"unbound": len(unbound)}


def test_no_event_and_no_delivery_is_left_in_the_air(story: Story) -> None:
    assert story.status["unknown"] == story.status["in_doubt"] == story.status["deferred"] == []
    assert {p.openid for p in PEOPLE} >= {m["openid"] for m in story.changed.messages}


def test_commands_and_verbs_on_either_database_bring_about_the_same(story: Story) -> None:
    """Each telling is compared with those before it."""
    pictures = []
    for one in _TOLD:
        articles = sorted((a["title"], a["content_source_url"], a["is_deleted"]) for a in one.changed.articles)
        messages = sorted(
            (m["openid"], m["template_id"], _timeless(m["data"]), m["url"]) for m in one.changed.messages
        )
        pictures.append((articles, messages, one.changed.menu))
    assert story in _TOLD and all(picture == pictures[0] for picture in pictures)
