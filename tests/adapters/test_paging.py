"""When a list goes on, stops, or does not add up."""

from __future__ import annotations

import pytest

from adapters.paging import PageWalk, Told, Turn
from adapters.vocabulary import Paging


def turned(it: PageWalk, keys: list[str], told: Told) -> Turn:
    for key in keys:
        it.saw(key)
    return it.turn(told)


def walk(rule: Paging | None, pages: list[tuple[str, Told]]) -> tuple[int, str]:
    """Turn page after page (its keys as one string); how many were turned, and what was incomplete."""
    it = PageWalk(rule)
    for n, (keys, told) in enumerate(pages, 1):
        turn = turned(it, list(keys), told)
        if turn.done:
            return n, turn.incomplete
    return len(pages), "goes on"


def by_page(**more: object) -> Paging:
    return Paging.model_validate({"kind": "page", "size": 2, **more})


@pytest.mark.parametrize(
    ("rule", "pages", "expected"),
    [
        (None, [("ab", Told())], (1, "")),
        # total
        (by_page(total="t"), [("ab", Told(total=3)), ("c", Told(total="3"))], (2, "")),
        (by_page(total="t"), [("ab", Told(total=2))], (1, "")),
        (by_page(total="t"), [("", Told(total=0))], (1, "")),
        # a page below the size while there is more: some systems filter after they cut
        (by_page(total="t"), [("a", Told(total=3)), ("bc", Told(total=3))], (2, "")),
        # pages by header
        (by_page(pages_header="X"), [("ab", Told(pages="2")), ("cd", Told(pages="2"))], (2, "")),
        (by_page(pages_header="X", first=0), [("ab", Told(pages="2")), ("cd", Told(pages="2"))], (2, "")),
        # has_more, in all spellings
        (by_page(has_more="m"), [("ab", Told(has_more="true")), ("c", Told(has_more=0))], (2, "")),
        # nothing said: until empty, or until short
        (by_page(), [("ab", Told()), ("c", Told()), ("", Told())], (3, "")),
        (by_page(until="short"), [("ab", Told()), ("c", Told())], (2, "")),
    ],
)
def test_a_sound_list_is_read_to_its_end(
    rule: Paging, pages: list[tuple[str, Told]], expected: tuple[int, str]
) -> None:
    assert walk(rule, pages) == expected


@pytest.mark.parametrize(
    ("rule", "pages", "told"),
    [
        (by_page(total="t"), [("ab", Told(total=5)), ("", Told(total=5))], "only 2 of 5"),
        (by_page(total="t"), [("ab", Told(total=4)), ("bc", Told(total=4))], "only 3 of 4"),  # rows moved
        (by_page(total="t"), [("ab", Told(total=5)), ("cd", Told(total=4))], "shrank from 5 to 4"),
        (by_page(total="t"), [("ab", Told())], "gave no count of rows"),
        (by_page(total="t"), [("ab", Told(total="viele"))], "gave no count of rows"),
        (by_page(pages_header="X"), [("ab", Told())], "gave no count of pages"),
        (by_page(), [("ab", Told()), ("ab", Told())], "page 2 repeated"),
        (by_page(max_pages=2), [("ab", Told()), ("cd", Told())], "stopped after 2 pages"),
    ],
)
def test_a_list_that_does_not_add_up_is_incomplete(rule: Paging, pages: list[tuple[str, Told]], told: str) -> None:
    turned, incomplete = walk(rule, pages)
    assert told in incomplete and turned == len(pages)


def test_rows_without_a_key_still_count() -> None:
    it = PageWalk(by_page(total="t"))
    assert not turned(it, ["", ""], Told(total=4)).done
    assert turned(it, ["c", "d"], Told(total=4)).incomplete == ""


def by_token(**more: object) -> Paging:
    return Paging.model_validate({"kind": "cursor", "size": 2, "next": "n", **more})


def test_a_token_is_followed_and_the_last_one_kept() -> None:
    it = PageWalk(by_token(has_more="m"), start="t0")
    assert it.next == "t0"
    assert not turned(it, ["a", "b"], Told(next="t1", has_more=True)).done
    assert it.next == "t1"
    assert turned(it, [], Told(next=None, has_more=False)).done
    assert it.next == "t1"


@pytest.mark.parametrize(
    ("rule", "told", "incomplete"),
    [
        (by_token(has_more="m"), Told(next="t0", has_more=True), "did not move"),
        (by_token(has_more="m"), Told(next=None, has_more=True), "gives no token"),
        (by_token(), Told(next=None), ""),
        (by_token(), Told(next=""), ""),
    ],
)
def test_a_token_that_leads_nowhere_ends_the_walk(rule: Paging, told: Told, incomplete: str) -> None:
    turn = turned(PageWalk(rule, start="t0"), ["a", "b"], told)
    assert turn.done and incomplete in turn.incomplete and bool(turn.incomplete) == bool(incomplete)


def by_offset(**more: object) -> Paging:
    return Paging.model_validate({"kind": "offset", "size": 2, **more})


def test_an_offset_moves_by_what_came_not_by_what_was_asked_for() -> None:
    it = PageWalk(by_offset(total="t"))
    assert (it.offset, it.last) == (0, 1)
    assert not turned(it, ["a"], Told(total=3)).done  # the size was lowered without a word
    assert (it.offset, it.last) == (1, 2)
    assert turned(it, ["b", "c"], Told(total=3)) == Turn(True)


def test_an_offset_may_count_from_one() -> None:
    assert PageWalk(by_offset(first=1)).last == 2


def by_link(**more: object) -> Paging:
    return Paging.model_validate({"kind": "link", "size": 2, "next": "n", **more})


def test_a_link_is_followed_until_there_is_none() -> None:
    it = PageWalk(by_link())
    assert it.link is None
    assert not turned(it, ["a", "b"], Told(next="/items?after=b")).done
    assert it.link == "/items?after=b"
    assert turned(it, ["c"], Told(next=None)) == Turn(True)


@pytest.mark.parametrize(
    ("rule", "told", "incomplete"),
    [
        (by_link(), Told(next="/2"), "its link did not move"),
        (by_link(has_more="m"), Told(next=None, has_more=True), "gives no link"),
        (by_link(total="t"), Told(next=None, total=9), "only 3 of 9 rows came"),
    ],
)
def test_a_link_that_leads_nowhere_ends_the_walk(rule: Paging, told: Told, incomplete: str) -> None:
    it = PageWalk(rule)
    assert not turned(it, ["a", "b"], Told(next="/2", has_more=True, total=9)).done
    assert incomplete in turned(it, ["c"], told).incomplete


def test_any_page_that_came_before_is_noticed_not_only_the_last() -> None:
    assert walk(by_page(), [("ab", Told()), ("cd", Told()), ("ab", Told())]) == (
        3,
        "page 3 repeated one before it: does the system ignore the page number?",
    )


def test_pages_may_be_counted_in_the_answer_too() -> None:
    assert walk(by_page(pages="p"), [("ab", Told(pages=2)), ("c", Told(pages=2))]) == (2, "")


def test_rows_that_came_twice_ask_for_a_second_reading_which_tells_whether_they_moved() -> None:
    rule = by_page(total="t")
    first = PageWalk(rule)
    turned(first, ["a", "b"], Told(total=4))
    assert turned(first, ["b", "c"], Told(total=4)).again
    same = PageWalk(rule, before=first.fingerprint)
    turned(same, ["a", "b"], Told(total=4))
    assert turned(same, ["b", "c"], Told(total=4)) == Turn(True, note="the system lists 1 rows twice")
    moved = PageWalk(rule, before=first.fingerprint)
    turned(moved, ["a", "c"], Told(total=4))
    end = turned(moved, ["c", "d"], Told(total=4))
    assert end.incomplete and not end.again


def test_rows_take_no_more_room_than_a_number_each() -> None:
    it = PageWalk(by_page())
    for n in range(1000):
        it.saw(f"{'x' * 1000}{n}")
    assert len(it._distinct) == 1000 and it._distinct._seen.itemsize == 8


@pytest.mark.parametrize(
    ("rule", "pages", "expected"),
    [
        # some filter after they cut: an empty page is no end where the system says there is more
        (by_page(has_more="m"), [("ab", True), ("", True), ("c", False)], (3, "")),
        (by_page(pages="p"), [("ab", 3), ("", 3), ("c", 3)], (3, "")),
        (by_offset(has_more="m"), [("ab", True), ("", True), ("c", False)], (3, "")),
    ],
)
def test_an_empty_page_does_not_end_a_list_that_says_it_goes_on(
    rule: Paging, pages: list[tuple[str, object]], expected: tuple[int, str]
) -> None:
    assert walk(rule, [(keys, Told(has_more=more, pages=more)) for keys, more in pages]) == expected


def test_a_promise_of_more_is_not_believed_for_ever() -> None:
    pages = [("ab", Told(has_more=True)), *[("", Told(has_more=True))] * 50]
    turned, incomplete = walk(by_page(has_more="m"), pages)
    assert turned == 22 and "21 pages in a row were empty" in incomplete


@pytest.mark.parametrize(
    ("rule", "told", "incomplete"),
    [
        (by_page(total="t"), Told(total=4), "only 2 of 4 rows came"),
        (by_page(has_more="m"), Told(has_more=True), "said that there is more, and then that there is nothing"),
        (by_page(pages="p"), Told(pages=2), "said that there is more, and then that there is nothing"),
        (by_page(), Told(), ""),
    ],
)
def test_nothing_instead_of_a_page_must_agree_with_what_was_said_before(
    rule: Paging, told: Told, incomplete: str
) -> None:
    it = PageWalk(rule)
    assert not turned(it, ["a", "b"], told).done
    end = it.nothing()
    assert end.done and incomplete in end.incomplete and bool(end.incomplete) == bool(incomplete)
