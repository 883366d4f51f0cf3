"""Which batches collect commits together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from weigov.errors import RemoteUnavailable
from weigov.flow import collect
from weigov.flow.collect import together
from weigov.ports import Batch
from weigov.records import Record


def batch(rows: int = 1, *, cursor: str | None = None, token: object = None) -> Batch:
    return Batch([Record("article", str(n), {}) for n in range(rows)], cursor=cursor, token=token)


def sizes(batches: Sequence[Batch]) -> list[int]:
    return [len(held) for held in together(iter(batches))]


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], []),
        ([batch()] * 7, [7]),
        ([batch(400)] * 7, [3, 3, 1]),  # a thousand rows are enough
        ([batch(3000), batch()], [1, 1]),
        ([batch(), batch(cursor="c"), batch()], [2, 1]),  # what was read up to here is never held back
        ([batch(), batch(token=0), batch()], [2, 1]),  # nor what the system waits for
    ],
)
def test_small_batches_wait_for_each_other(batches: list[Batch], expected: list[int]) -> None:
    assert sizes(batches) == expected


def test_none_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr(collect, "monotonic", lambda: next(now) * 0.6)
    assert sizes([batch()] * 4) == [2, 2]


def test_what_came_before_an_error_is_handed_out_before_it() -> None:
    def broken() -> Iterator[Batch]:
        yield batch()
        yield batch()
        raise RemoteUnavailable("cms", "articles", "broke off")

    found = together(broken())
    assert len(next(found)) == 2
    with pytest.raises(RemoteUnavailable):
        next(found)
