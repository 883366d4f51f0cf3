"""What is no longer upstream: by a list of what was deleted, or by comparing every key with the mirror.

Taking something away from citizens is not done lightly. A key counts as vanished only when two whole readings lack
it, and when more vanish at once than the descriptor's brake allows, nothing is withdrawn: a person looks first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from adapters import cursor, paths, times
from adapters.cursors import open_cursor
from adapters.outcome import plain
from adapters.vocabulary import Descriptor, Keys, Stream, TombstoneList, Tombstones, Vanished, Vanishing, Withdrawn
from adapters.walk import Get, Read, Walk, list_call
from weigov.ports import Batch, PullState
from weigov.records import Record

#: Where the ledger keeps how far these were read: names no partition can have.
DELETED, COMPARED = "~deleted", "~compared"
_CHUNK = 500
UNCERTAIN = "an answer came without rows, and nothing in it says that there are none"

Parents = Sequence[tuple[Get, Record | None]]


class KeySet:
    """Keys that were listed, as numbers: a long list must not fill the memory."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()
        self.doubt = ""  #: why it may lack keys that are there

    def add(self, key: str) -> None:
        self._hashes.add(hash(key))

    def __contains__(self, key: str) -> bool:
        return hash(key) in self._hashes

    def __len__(self) -> int:
        return len(self._hashes)


def vanished(system: str, name: str, stream: Stream, descriptor: Descriptor, read: Read) -> Comparison | None:
    """How this stream's keys are compared; None when its descriptor does not ask for it."""
    found = next((rule.vanished for rule in stream.withdrawn if isinstance(rule, Vanished)), None)
    return None if found is None else Comparison(system, name, stream, found, descriptor, read)


def tombstones(system: str, name: str, stream: Stream, descriptor: Descriptor, read: Read) -> Deleted | None:
    """How this stream's list of what was deleted is read; None when there is none."""
    found = next((rule.tombstones for rule in stream.withdrawn if isinstance(rule, Tombstones)), None)
    return None if found is None else Deleted(system, name, stream, found, descriptor, read)


class Comparison:
    """Every key of the list against every live key of the mirror."""

    def __init__(
        self, system: str, name: str, stream: Stream, rule: Vanishing, descriptor: Descriptor, read: Read
    ) -> None:  # fmt: skip
        self._system, self._name, self._read = system, name, read
        self._brake = float(rule.brake.rstrip("% "))
        self._every = times.duration(rule.every)
        self.by_the_list = rule.keys is None  #: the stream's own list is compared, so all of it must be read
        keys = rule.keys or Keys(
            request=stream.request, records=stream.records, key=stream.key, decode=stream.decode,
            outcome=stream.outcome, paging=stream.paging,
        )  # fmt: skip
        self._walked = _KeyList(system, f"{name} keys", keys, stream, descriptor, read)
        since = stream.cursor
        # Such a list is read to its end at every pull anyhow; a descending one is left once its rows are old.
        whole = since is None or (since.filter == "client" and since.order != "descending")
        # With flags the list may well hold what is withdrawn; and the stream's own list was just read.
        self._notes_strangers = not self.by_the_list and not any(isinstance(r, Withdrawn) for r in stream.withdrawn)
        self._always = self.by_the_list and whole

    def begin(self, state: PullState, now: datetime) -> KeySet | None:
        """A set for the keys about to be listed; None while it is too early to compare again."""
        last = state.cursors.get(COMPARED)
        early = last is not None and now - cursor.load(last) < self._every
        return None if early and not self._always and not state.accept_vanished else KeySet()

    def settle(self, listed: KeySet, state: PullState, now: datetime, parents: Parents) -> Iterator[Batch]:
        """Batches of what is gone, or one that says why nothing was withdrawn. ``listed`` is whole."""
        live = 0
        sure = state.accept_vanished  # a person looked: no rows are no rows
        if not self.by_the_list:
            listed = self._walked.keys(parents, must_show=not sure)
        missing = []
        for key in state.live():
            live += 1
            if key not in listed:
                missing.append(key)
        if listed.doubt and live and not (sure and listed.doubt == UNCERTAIN):
            yield Batch((), incomplete=f"the keys could not be compared: {listed.doubt}")
            return
        strangers = len(listed) - live + len(missing)
        if missing:
            again = self._walked.keys(parents, must_show=not sure)
            if again.doubt:
                yield Batch(
                    (), incomplete=f"{len(missing)} records seem gone, but a second look failed: {again.doubt}"
                )
                return
            missing = [key for key in missing if key not in again]
        if missing and not state.accept_vanished and self._too_many(len(missing), live):
            what = f"{len(missing)} of {live} records are no longer listed, more than {self._brake:g} % at once"
            how = f"weigov collect {self._system} {self._name} --accept-vanished"
            yield Batch((), incomplete=f"{what}: nothing was withdrawn; if they are really gone: {how}")
            return
        for at in range(0, len(missing), _CHUNK):
            yield Batch((), gone=missing[at : at + _CHUNK])
        if strangers > 0 and self._notes_strangers:
            how = f"weigov reset {self._system} {self._name} lets them be read"
            yield Batch((), notes=[f"{strangers} listed records are not in the mirror, or withdrawn there: {how}"])
        yield Batch((), partition=COMPARED, cursor=cursor.dump(now), complete=True)

    def _too_many(self, missing: int, live: int) -> bool:
        return missing == live or missing * 100 > live * self._brake


class Deleted:
    """A list of what was deleted, read from where it was left."""

    def __init__(
        self, system: str, name: str, stream: Stream, rule: TombstoneList, descriptor: Descriptor, read: Read
    ) -> None:  # fmt: skip
        self._list = _KeyList(system, f"{name} deleted", rule, stream, descriptor, read)
        self._cursor = open_cursor(rule.cursor, stream.time, descriptor.time)

    def batches(self, state: PullState, now: datetime) -> Iterator[Batch]:
        """What was deleted since the last time; nothing is taken twice, for its key may live anew."""
        left = msgspec.json.decode(state.cursors[DELETED]) if DELETED in state.cursors else {}
        stored, taken = left.get("upto"), Counter(left.get("taken", ()))
        since = self._cursor.since(stored) if self._cursor else None
        mark = cursor.Watermark(self._cursor, stored, now)
        found: list[tuple[str, Any]] = []

        def get(name: str) -> Any:
            return self._cursor.sent(since) if name == "cursor" and self._cursor and since is not None else None

        unreadable = 0

        def saw(key: str, row: Any) -> None:
            nonlocal unreadable
            try:
                moment = self._cursor.of(row) if self._cursor else None
            except ValueError:
                unreadable += 1
                return
            mark.saw(moment)
            found.append((key, moment))

        problem = self._list.walk(get, saw)
        if unreadable and not problem:
            problem = f"{unreadable} of its rows do not say readably when they were deleted"
        gone = []
        left_over = Counter(taken)
        for key, moment in found:
            # Counted, for within one second a thing can be deleted, come back and be deleted again.
            if left_over[self._named(key, moment)] > 0:
                left_over[self._named(key, moment)] -= 1
            else:
                gone.append((key, self._named(key, moment)))
        for chunk in _chunks([key for key, _ in gone]):
            yield Batch((), gone=chunk)
        if problem:
            # Nothing is passed over, but what was taken is not taken again.
            kept = _dump({"upto": stored, "taken": sorted([*taken.elements(), *(name for _, name in gone)])})
            why = f"the list of what was deleted: {problem}"
            yield Batch((), partition=DELETED, cursor=kept, incomplete=why)
            return
        upto = mark.result()
        back = None if self._cursor is None or upto is None else self._cursor.since(upto)
        again = [
            self._named(key, moment) for key, moment in found if back is None or moment is None or moment >= back
        ]
        yield Batch((), partition=DELETED, cursor=_dump({"upto": upto, "taken": sorted(again)}), complete=True)

    def _named(self, key: str, moment: Any) -> str:
        return f"{key}@{'' if moment is None or self._cursor is None else self._cursor.dump(moment)}"


class _KeyList:
    """A list read for its keys alone."""

    def __init__(
        self, system: str, name: str, rule: Keys, stream: Stream, descriptor: Descriptor, read: Read
    ) -> None:  # fmt: skip
        self._system, self._read, self._rule = system, read, rule
        chain = rule.decode or stream.decode or descriptor.decode
        self._call = list_call(
            name, rule.request, chain, (*rule.outcome, *descriptor.outcome), rule.records, rule.paging
        )  # fmt: skip
        self._key = paths.dotted(rule.key)

    def keys(self, parents: Parents, *, must_show: bool) -> KeySet:
        """Every key under every parent, and in ``doubt`` why some may be missing."""
        found = KeySet()
        for get, _ in parents:
            found.doubt = self.walk(get, lambda key, row: found.add(key), must_show=must_show)
            if found.doubt:
                break
        return found

    def walk(self, get: Get, saw: Any, *, must_show: bool = False) -> str:
        """Go through the whole list; what was incomplete about it. ``must_show``: none at all is not believed unless
        the answer says so."""
        walk = Walk(self._system, self._call, self._rule.paging, self._read)
        keyless = 0
        while (listed := walk.take(get)) is not None:
            for row in listed:
                key = plain(self._key(row)).strip()
                walk.saw(key)
                if key:
                    saw(key, row)
                else:
                    keyless += 1
            turn = walk.end()
            if turn.done:
                break
        else:
            turn = walk.nothing()
        if not turn.incomplete and keyless:
            return f"{keyless} of its rows have no key (column {self._rule.key})"
        return turn.incomplete or (UNCERTAIN if must_show and not walk.certain else "")


def _chunks(items: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _dump(value: Any) -> str:
    return msgspec.json.encode(value).decode()
