"""How many different keys a list had, at eight bytes a key: a set of them would grow with the list tenfold."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

_AT_ONCE = 20_000  # keys whose set, of some two megabytes, is no harm


class Tally:
    """Add keys, then ask for ``len``: how many differed. Two keys in 2**64 may be taken for one."""

    def __init__(self) -> None:
        self._seen = array("q")

    def add(self, keys: Iterable[str]) -> None:
        self._seen.extend(map(hash, keys))

    def __len__(self) -> int:
        # In parts, so that there is never a set of all of them after all.
        parts = len(self._seen) // _AT_ONCE + 1
        if parts == 1:
            return len(set(self._seen))
        return sum(len({one for one in self._seen if one % parts == part}) for part in range(parts))
