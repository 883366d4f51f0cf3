"""What is set aside comes back, and nobody's own setting is undone."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from weigov.flow.heap import set_aside


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_was_there_is_set_aside_until_the_end_however_it_comes() -> None:
    with pytest.raises(KeyError), set_aside():
        assert gc.get_freeze_count() > 1000
        raise KeyError
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_froze_stays_frozen() -> None:
    gc.freeze()
    with set_aside():
        pass
    assert gc.get_freeze_count() > 1000
