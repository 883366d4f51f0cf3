"""Exchange folders: a system hands over files (TRS WCM's XML, JSON exports), and whoever reads them puts them aside.

A file is read when it is whole, becomes records, and is put aside once they are stored; a file that changed in
between stays and comes again. What the files refer to is fetched from the folder too, and from nowhere else:
addresses come out of articles, so anybody who can edit one chooses them.
"""

from __future__ import annotations

import fnmatch
import mimetypes
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters import decode
from adapters.contract import Promise
from adapters.exchange.folder import put, read_within, shown
from adapters.rows import Row, RowPlan
from adapters.taking import MAX_KEY
from adapters.vocabulary import Descriptor, FilesSource, MoveDone, RenameDone, Stream
from weigov.errors import ConfigError, RecordRejected, RemoteRefused, RemoteUnavailable
from weigov.ports import Batch, Connection, PullState, Rejected, WriteResult
from weigov.records import Record

_DEFAULT_CHAIN = ("xml",)


@dataclass(frozen=True, slots=True)
class Handled:
    """A file that was read, as it was then."""

    name: str
    state: tuple[int, ...]
    used: bool  # False: something in it could not become a record


@dataclass(slots=True)
class _Taken:
    """What the files of one batch held."""

    records: dict[str, Record] = field(default_factory=dict)  # of one thing in several files the last counts
    rejected: list[Rejected] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)


class FilesSystem:
    """``ports.SourceSystem`` over a folder."""

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (),
        clock: Callable[[], float] = time.time, **_of_other_engines: Any,
    ) -> None:  # fmt: skip
        """``connection.extra["folder"]``, or its address as file:///PATH, is the folder. ``clock`` is that of the
        file system, in seconds. Raises ConfigError.
        """
        self.name = name
        self._descriptor = descriptor
        self._folder = _folder_of(connection)
        self._clock = clock
        self._streams = {
            stream: _FileStream(name, stream, rule, descriptor, self._folder, clock)
            for stream, rule in descriptor.streams.items()
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._descriptor.system!r})"

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        return self._stream(stream).pull()

    def acknowledge(self, stream: str, token: Any) -> None:
        self._stream(stream).put_aside(token)

    def write(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult:
        raise ConfigError(f"{self.name}: {self._descriptor.system} has no operation {operation!r}")

    def find(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult | None:
        raise ConfigError(f"{self.name} {operation}: cannot be asked about")

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        """A file inside the folder, by a path relative to it (or to a stream's ``under``) or its file:// address."""
        folders = dict.fromkeys([self._folder, *(one.folder for one in self._streams.values())])
        refusal: RemoteRefused | None = None
        for folder in folders:
            try:
                return self._fetched(folder, url, max_bytes)
            except RemoteRefused as error:
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    def close(self) -> None:
        return None

    def _stream(self, name: str) -> _FileStream:
        if name not in self._streams:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no stream {name!r}")
        return self._streams[name]

    def _fetched(self, folder: Path, url: str, max_bytes: int) -> tuple[bytes, str]:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise self._refused("what stands there is no path to fetch a file by") from None
        if parts.scheme not in ("", "file") or parts.netloc:
            raise self._refused("the address leads out of the exchange folder")
        path = Path(unquote(parts.path, errors="surrogateescape").replace("\\", "/"))
        inside = path.relative_to(folder) if parts.scheme and path.is_relative_to(folder) else path
        if inside.is_absolute() or ".." in inside.parts or "\x00" in str(inside) or not inside.parts:
            raise self._refused("the path leads out of the exchange folder")
        if not folder.is_dir():  # then what is missing is not the file
            raise RemoteUnavailable(self.name, "fetch", "the exchange folder is not there: is it mounted?")
        try:
            body = read_within(folder, inside, max_bytes)
        except FileNotFoundError:
            raise self._refused("there is no such file in the exchange folder") from None
        except ValueError as error:
            raise self._refused(f"a file in the exchange folder {error}") from None
        except OSError as error:
            raise RemoteUnavailable(self.name, "fetch", f"a file could not be read: {error.strerror}") from None
        return body, mimetypes.guess_type(inside.name)[0] or "application/octet-stream"

    def _refused(self, why: str) -> RemoteRefused:
        return RemoteRefused(self.name, "fetch", why)


class _FileStream:
    """One stream: which files, and what is in them."""

    def __init__(
        self, system: str, name: str, stream: Stream, descriptor: Descriptor, folder: Path,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        assert stream.files is not None  # a loaded descriptor is sound
        self._system, self._name, self._clock = system, name, clock
        self._rule: FilesSource = stream.files
        self.folder = folder / self._rule.under if self._rule.under else folder
        self._records = stream.records
        self._chain = stream.decode or descriptor.decode or _DEFAULT_CHAIN
        self._plan = RowPlan(stream, descriptor, self.folder.as_uri() + "/")
        self._promise = Promise(stream.contract, self._plan.used) if stream.contract else None

    def pull(self) -> Iterator[Batch]:
        """Everything that is whole, in order. There is no cursor: what was read is put aside."""
        files = self._whole()
        chunks = [files[at : at + self._rule.size] for at in range(0, len(files), self._rule.size)] or [[]]
        for chunk in chunks:
            taken = _Taken()
            for name, found in chunk:
                self._take(name, found, taken)
            yield Batch(
                list(taken.records.values()), taken.rejected, complete=chunk is chunks[-1],
                notes=self._promise.notes() if self._promise else (), token=self._token(taken),
            )  # fmt: skip

    def put_aside(self, token: Sequence[Handled]) -> None:
        """Move or rename what was read, where it still is what was read. Repeating it does no harm."""
        for handled in token:
            where = self._rule.done if handled.used else self._rule.failed
            path = self.folder / handled.name
            try:
                now = path.lstat()
                if isinstance(where, (MoveDone, RenameDone)) and _state(now) == handled.state:
                    self._aside(path, where)
            except FileNotFoundError:
                continue
            except PermissionError:
                raise RemoteRefused(
                    self._system,
                    f"{self._name} acknowledge",
                    "we may read the exchange folder, but not put files aside",
                ) from None
            except ValueError as error:
                raise RemoteRefused(
                    self._system, f"{self._name} acknowledge", f"where files are put aside {error}: make it a folder"
                ) from None
            except OSError as error:
                raise RemoteUnavailable(
                    self._system, f"{self._name} acknowledge", f"a file could not be put aside: {error.strerror}"
                ) from None

    def _whole(self) -> list[tuple[str, os.stat_result]]:
        found = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if not fnmatch.fnmatchcase(entry.name, self._rule.pattern):
                        continue
                    if entry.is_file(follow_symlinks=False) and self._is_whole(entry):
                        found.append((entry.name, entry.stat(follow_symlinks=False)))
        except OSError as error:
            raise RemoteUnavailable(
                self._system, self._name, f"the exchange folder cannot be read: {error.strerror}: is it mounted?"
            ) from None
        by_time = self._rule.order == "mtime"
        return sorted(found, key=lambda one: (one[1].st_mtime_ns if by_time else 0, one[0]))

    def _is_whole(self, entry: os.DirEntry[str]) -> bool:
        if self._rule.companion is not None:
            return any(companion.exists() for companion in self._companions(Path(entry.path)))
        return self._clock() - entry.stat(follow_symlinks=False).st_mtime >= self._rule.settled_s

    def _companions(self, path: Path) -> list[Path]:
        suffix = self._rule.companion
        return [] if suffix is None else [path.with_name(path.name + suffix), path.with_suffix(suffix)]

    def _take(self, name: str, found: os.stat_result, taken: _Taken) -> None:
        before, called = len(taken.rejected), shown(name)
        try:
            answer = decode.read(
                read_within(self.folder, Path(name), self._rule.max_bytes), self._chain, records=self._records
            )  # fmt: skip
            for number, row in enumerate(answer.rows(), 1):
                self._row(f"{called} record {number}", row, answer.damaged, taken)
        except ValueError as error:  # Undecodable is one
            taken.rejected.append(Rejected(called[:MAX_KEY], f"the file was not read: {error}"))
        except OSError as error:
            taken.rejected.append(Rejected(called[:MAX_KEY], f"the file could not be read: {error.strerror}"))
            return  # it may be readable tomorrow
        used = len(taken.rejected) == before
        taken.handled.append(Handled(name, _state(found), used))

    def _row(self, place: str, row: Row, damaged: bool, taken: _Taken) -> None:
        key = self._plan.key(row)
        if not key or len(key) > MAX_KEY or not key.isprintable():
            why = "it has no key" if not key else f"its key is longer than {MAX_KEY} characters, or does not print"
            taken.rejected.append(Rejected(place[:MAX_KEY], why))
            return
        faults = self._promise.broken(row) if self._promise else []
        try:
            record = self._plan.record(row, key, damaged=damaged)
            if faults and not record.withdrawn:
                raise RecordRejected(key)
            taken.records[key] = record
        except RecordRejected as error:
            taken.records.pop(key, None)
            taken.rejected.append(Rejected(key, "; ".join([*faults, *error.reasons])))

    def _token(self, taken: _Taken) -> tuple[Handled, ...] | None:
        used, failed = isinstance(self._rule.done, (MoveDone, RenameDone)), self._rule.failed is not None
        return tuple(one for one in taken.handled if (used if one.used else failed)) or None

    def _aside(self, path: Path, where: MoveDone | RenameDone) -> None:
        companions = [one for one in self._companions(path) if one.exists()]
        for one in (path, *companions):
            if isinstance(where, MoveDone):
                put(self.folder, one.name, where.move, one.name)
            else:
                put(self.folder, one.name, "", one.name + where.rename)


def _state(it: os.stat_result) -> tuple[int, ...]:
    """What differs once a file is another or was written to: a time of change can be set back, ctime cannot."""
    return it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns


def _folder_of(connection: Connection) -> Path:
    given = str(connection.extra.get("folder") or "")
    if not given:
        parts = urlsplit(connection.base_url)
        given = unquote(parts.path) if parts.scheme == "file" and not parts.netloc else ""
    if not given.startswith("/"):
        raise ConfigError(f"connection {connection.name}: has no folder: write extra.folder as an absolute path")
    return Path(os.path.normpath(given))
