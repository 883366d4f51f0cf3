"""Different keys are counted, in little room."""

from __future__ import annotations

import sys

from adapters.tally import Tally


def test_a_tally_counts_what_differs() -> None:
    tally = Tally()
    assert len(tally) == 0
    for _ in range(2):
        for number in range(1000):
            tally.add([f"A{number}"])
    assert len(tally) == 1000
    assert sys.getsizeof(tally._seen) < 2000 * 10
