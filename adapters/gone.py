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
from adapters.vocabulary import Descriptor, Keys, Stream, TombstoneList, Tombstones, Vanished, Vanishing
from adapters.walk import Get, Read, Walk, list_call
from weigov.ports import Batch, PullState
from weigov.records import Record

#: Where the ledger keeps how far these were read: names no partition can have.
DELETED, COMPARED = "~deleted", "~compared"
_CHUNK = 500

Parents = Sequence[tuple[Get, Record | None]]


class KeySet:
    """Keys that were listed, as numbers: a long list must not fill the memory."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

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
        self._always = self.by_the_list and whole

    def begin(self, state: PullState, now: datetime) -> KeySet | None:
        """A set for the keys about to be listed; None while it is too early to compare again."""
        last = state.cursors.get(COMPARED)
        early = last is not None and now - cursor.load(last) < self._every
        return None if early and not self._always and not state.accept_vanished else KeySet()

    def settle(self, listed: KeySet, state: PullState, now: datetime, parents: Parents) -> Iterator[Batch]:
        """Batches of what is gone, or one that says why nothing was withdrawn. ``listed`` is whole."""
        live = 0
        if not self.by_the_list:
            listed, problem = self._walked.keys(parents)
            if problem:
                yield Batch((), incomplete=f"the keys could not be compared: {problem}")
                return
        missing = []
        for key in state.live():
            live += 1
            if key not in listed:
                missing.append(key)
        if missing:
            again, problem = self._walked.keys(parents)
            if problem:
                yield Batch((), incomplete=f"{len(missing)} records seem gone, but a second look failed: {problem}")
                return
            missing = [key for key in missing if key not in again]
        if missing and not state.accept_vanished and self._too_many(len(missing), live):
            what = f"{len(missing)} of {live} records are no longer listed, more than {self._brake:g} % at once"
            how = f"weigov collect {self._system} {self._name} --accept-vanished"
            yield Batch((), incomplete=f"{what}: nothing was withdrawn; if they are really gone: {how}")
            return
        for at in range(0, len(missing), _CHUNK):
            yield Batch((), gone=missing[at : at + _CHUNK])
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

        def saw(key: str, row: Any) -> None:
            moment = self._cursor.of(row) if self._cursor else None
            mark.saw(moment)
            found.append((key, moment))

        problem = self._list.walk(get, saw)
        gone = []
        for key, moment in found:
            # Counted, for within one second a thing can be deleted, come back and be deleted again.
            if taken[self._named(key, moment)] > 0:
                taken[self._named(key, moment)] -= 1
            else:
                gone.append(key)
        for chunk in _chunks(gone):
            yield Batch((), gone=chunk)
        if problem:
            yield Batch((), partition=DELETED, incomplete=f"the list of what was deleted: {problem}")
        elif self._cursor is not None and (upto := mark.result()) is not None:
            back = self._cursor.since(upto)
            again = [self._named(key, moment) for key, moment in found if moment is None or moment >= back]
            kept = _dump({"upto": upto, "taken": sorted(again)})
            yield Batch((), partition=DELETED, cursor=kept, complete=True)

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

    def keys(self, parents: Parents) -> tuple[KeySet, str]:
        """Every key under every parent, and what was incomplete about it."""
        found = KeySet()
        for get, _ in parents:
            problem = self.walk(get, lambda key, row: found.add(key))
            if problem:
                return found, problem
        return found, ""

    def walk(self, get: Get, saw: Any) -> str:
        """Go through the whole list; what was incomplete about it."""
        walk = Walk(self._system, self._call, self._rule.paging, self._read)
        while True:
            listed = walk.take(get)
            if listed is None:
                return ""
            for row in listed:
                key = plain(self._key(row)).strip()
                walk.saw(key)
                if key:
                    saw(key, row)
            turn = walk.end()
            if turn.done:
                return turn.incomplete


def _chunks(items: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _dump(value: Any) -> str:
    return msgspec.json.encode(value).decode()
