"""Who is counted as the same person."""

from __future__ import annotations

import pytest

from weigov.ledger.reviews import same_person


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("wang", "wang", True),
        ("wang", "wang2", False),
        ("li (7)", "li", True),  # the command line knows only the log-in
        ("li (7)", "lili (7)", True),  # renamed
        ("李 伟 (li)", "li", True),  # whose log-in is what they are counted by
        ("李 伟 (7)", "李 伟 (9)", False),
        ("李 伟 (7)", "李 伟", True),
        ("li (7)", "wang (9)", False),
        ("li (7) (9)", "wang (7)", False),
        ("()", "(7)", False),
    ],
)
def test_one_person_by_two_names_is_one(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) == same_person(other, one) == same
