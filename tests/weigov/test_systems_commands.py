"""What ``weigov sample`` says of rows that were rejected."""

from __future__ import annotations

from weigov.commands.systems import _by_reason
from weigov.ports import Rejected


def test_rows_that_ail_alike_are_one_line() -> None:
    same = [Rejected(f"A{n}", "column updated: is no time") for n in range(130)]
    other = Rejected("row 2 of page 1", "it has no key")
    assert list(_by_reason([same[0], other, *same[1:]])) == [
        "A0, A1, A2 and 127 more: column updated: is no time",
        "row 2 of page 1: it has no key",
    ]
