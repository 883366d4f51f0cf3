"""A start tag by itself: what it becomes, what is said of it, and what is not kept in memory."""

from __future__ import annotations

import pytest

from weigov.mapping import starts
from weigov.mapping.starts import TooLong, forget, read, remembered


@pytest.mark.parametrize(
    ("tag", "attributes", "name", "opening"),
    [
        ("p", {}, "p", "<p>"),
        ("div", {"class": "TRS_Editor", "align": " CENTER "}, "section", '<section style="text-align:center">'),
        ("center", {"align": "left"}, "section", '<section style="text-align:center">'),
        ("p", {"style": "text-align:left", "align": "right"}, "p", '<p style="text-align:left">'),
        ("ol", {"start": "3"}, "ol", '<ol start="3">'),
        ("ol", {"start": None}, "ol", "<ol>"),
        ("font", {"color": "Red"}, "span", '<span style="color:red">'),
        ("span", {"style": "mso-x:y"}, "", ""),
        ("x-y", {"style": "color:red"}, "", ""),
        ("td", {"bgcolor": "red"}, "section", "<section>"),
        ("tr", {}, "", ""),
    ],
)
def test_a_start_tag_is_written_under_a_name_that_stays(
    tag: str, attributes: dict[str, str | None], name: str, opening: str
) -> None:
    start = read(tag, attributes)
    assert start.placed[:2] == (name, opening) and start.placed[2] == (f"</{name}>" if name else "")


def test_a_cell_keeps_its_spans_and_its_ground_where_it_belongs() -> None:
    start = read("td", {"colspan": "2", "rowspan": "1", "bgcolor": "red", "align": "right"})
    assert start.homes == ("tr",)
    assert start.part[1] == '<td colspan="2" style="background-color:red;text-align:right">'


@pytest.mark.parametrize(
    ("tag", "attributes", "noted", "hidden"),
    [
        ("p", {"onclick": "x", "onload": "y"}, ("handler", "handler"), False),
        ("p", {"style": "background:url(x);behavior:url(x)"}, ("css", "css"), False),
        ("td", {"hidden": None}, (), True),
        ("td", {"style": "display:none"}, (), True),
        ("script", {"onload": "x"}, ("script",), False),
    ],
)
def test_what_a_reviewer_must_know_is_never_plain_nor_at_home(
    tag: str, attributes: dict[str, str | None], noted: tuple[str, ...], hidden: bool
) -> None:
    start = read(tag, attributes)
    assert (start.noted, start.hidden) == (noted, hidden)
    assert not start.plain and not start.homes


def test_attributes_may_have_any_name() -> None:
    assert remembered("p", **{"tag": "b", "self": "x", "a-b": None, "style": "color:red"}).placed[1].endswith('red">')


def test_attributes_that_would_fill_the_memory_are_not_remembered() -> None:
    before = remembered.cache_info().currsize
    with pytest.raises(TooLong):
        remembered("p", **{"style": "color:red", "data-x": "x" * 2000})
    assert remembered.cache_info().currsize == before


def test_what_is_remembered_is_forgotten_when_it_is_much_and_before_that_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered.cache_clear()
    monkeypatch.setattr(starts, "_REMEMBERED", 10)
    for n in range(10):
        remembered("p", align=str(n))
    forget()
    assert remembered.cache_info().currsize == 10
    remembered("p", align="11")
    forget()
    assert remembered.cache_info().currsize == 0
