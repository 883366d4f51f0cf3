"""The two path languages."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.paths import dotted, slashed


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.rows.1.id", 2),
        ("data.rows.9.id", None),
        ("data.rows.x", None),
        ("data", {"rows": [{"id": 1}, {"id": 2}]}),
        ("nothing.at.all", None),
        ("wp:media.0", "u"),
        ("materials.material.0", "身份证"),
        ("materials.material.1", None),
    ],
)
def test_dots_lead_into_dicts_and_lists(path: str, found: Any) -> None:
    assert (
        dotted(path)(
            {"data": {"rows": [{"id": 1}, {"id": 2}]}, "wp:media": ["u"], "materials": {"material": "身份证"}}
        )
        == found
    )


def test_a_dot_alone_is_the_whole() -> None:
    assert dotted(".")([1]) == [1]
    assert dotted("a")([1]) is None
    assert dotted("0")(["said"]) == "said" and dotted("1")(["said"]) is None


@pytest.mark.parametrize("wrong", ["Case", "/", "//", "//a[1]", "//a//b", "//@id", "/a/b/", "//a/text()"])
def test_what_is_no_path_into_xml_is_said(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no path into XML"):
        slashed(wrong)
