"""Filling requests in."""

from __future__ import annotations

import pytest

from adapters.template import fill, fill_path, holes


def test_a_value_alone_keeps_its_type_and_an_absent_one_takes_its_entry_away() -> None:
    values = {"page": 2, "cursor": None, "name": "甲"}
    template = {
        "p": "{page}",
        "since": "{cursor}",
        "q": "n={name}",
        "gone": "x{cursor}",
        "in": {"c": "{cursor}"},
        "n": 5,
    }
    assert fill(template, values.get) == {"p": 2, "q": "n=甲", "in": {}, "n": 5}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("A1", "/items/A1/state"),
        (1705810283303333889, "/items/1705810283303333889/state"),
        ("../../admin", "/items/..%2F..%2Fadmin/state"),
        ("...", "/items/.../state"),
        ("a?b#c 文", "/items/a%3Fb%23c%20%E6%96%87/state"),
    ],
)
def test_a_value_never_becomes_another_path(value: object, path: str) -> None:
    assert fill_path("/items/{id}/state", {"id": value}.get) == path


@pytest.mark.parametrize(
    ("template", "values"),
    [("/a/{x}", {"x": ".."}), ("/a/{x}/b", {"x": "."}), ("/a/{x}{y}", {"x": ".", "y": "."}), ("/a/.{x}", {"x": "."})],
)
def test_a_value_that_would_climb_is_refused(template: str, values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="another path"):
        fill_path(template, values.get)


def test_xml_in_a_string_is_escaped_and_declared() -> None:
    template = {
        "paras": {
            "xml": {"paras": {"Page": "{page}", "Since": "{cursor}", "Q": ["a<b", "{name}"]}},
            "declared": "GBK",
        }
    }
    assert fill(template, {"page": 1, "cursor": None, "name": "&"}.get) == {
        "paras": '<?xml version="1.0" encoding="GBK"?><paras><Page>1</Page><Q>a&lt;b</Q><Q>&amp;</Q></paras>'
    }


def test_braces_that_are_no_holes_stay() -> None:
    assert holes({"a": '{"json": 1}', "b": "{x}{y.z}"}) == {"x", "y.z"}
    assert fill({"a": '{"json": 1}'}, {}.get) == {"a": '{"json": 1}'}
