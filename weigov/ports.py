"""The seams between the core and what it must not know: upstream engines, credentials, time.

``adapters`` implements ``SourceSystem``; ``weigov.flow`` calls it; neither imports the other. ``weigov.wiring`` is
where they meet.

Terminology
    batch       what one commit takes: records, those that could not be read, and where the cursor stands after them
    cursor      an engine's own text for "everything up to here was read"; the ledger only keeps it
    partition   one value of a ``for_each`` (a column, say); '' when a stream has none; each has its own cursor
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from weigov.records import Kind, Record

Clock = Callable[[], datetime]  #: now, as an aware UTC datetime

Idempotency = Literal["key", "query_first", "overwrite", "none"]


@dataclass(frozen=True, slots=True)
class StreamShape:
    """What a flow may know of a stream without importing the engine that reads it."""

    kind: Kind
    schedule: str  # cron, in the site's time zone
    fields: frozenset[str]  # canonical fields the descriptor fills, with ``extra.*`` always allowed
    for_each: str | None = None  # the stream whose records are its partitions


@dataclass(frozen=True, slots=True)
class OperationShape:
    """A write a system accepts: the names it takes and what repeating it does."""

    params: frozenset[str]
    idempotency: Idempotency = "none"
    settle_s: int = 0  # query_first: how long after an unanswered write its effect shows for certain


@dataclass(frozen=True, slots=True)
class SystemShape:
    """What a system offers: enough to cross-check a site's flows at load."""

    name: str  # the descriptor's name
    streams: Mapping[str, StreamShape]
    operations: Mapping[str, OperationShape]
    unproven: bool = False
    file: Path = Path()  # where it was read from


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not become a record: quarantined with its reason, the rest goes on."""

    key: str  # the upstream's key, or ``row N of page M`` when it has none
    reason: str  # one sentence, no personal data


@dataclass(frozen=True, slots=True)
class Batch:
    """One page's worth, committed together with ``cursor``.

    ``cursor`` is None while committing it would skip something (an incomplete run never moves the cursor).
    ``complete`` is true on the last batch of a partition that was read to its end; a run whose last batch is not
    complete says why in ``incomplete``. ``token`` is the engine's own: once the batch is committed it goes back to
    ``SourceSystem.acknowledge``.
    """

    records: Sequence[Record]
    rejected: Sequence[Rejected] = ()
    seen: Sequence[str] = ()  # keys listed but unchanged since ``known``: nothing to store
    partition: str = ""
    cursor: str | None = None
    complete: bool = False
    incomplete: str = ""
    gone: Sequence[str] = ()  # keys that are no longer upstream: withdrawn, without a last state
    notes: Sequence[str] = ()  # what an engineer should look at though it stopped nothing, one sentence each
    token: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time to read again, both ends included. Reading it moves no cursor."""

    since: datetime
    until: datetime | None = None  # None: up to now


@dataclass(frozen=True, slots=True)
class PullState:
    """What an engine may ask of the past."""

    cursors: Mapping[str, str] = field(default_factory=dict)  # partition → cursor; none = from the beginning
    known: Callable[[Sequence[str]], Mapping[str, str]] = lambda keys: {}  # key → row_digest of the mirror
    parents: Callable[[str], Iterator[Record]] = lambda stream: iter(())  # records of a ``for_each`` stream
    live: Callable[[], Iterator[str]] = lambda: iter(())  # keys of the mirror that are not withdrawn
    window: Window | None = None  # read this instead of what is new
    accept_vanished: bool = False  # a person looked: however many vanished, they are gone


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What an upstream said to a write it accepted."""

    remote_id: str = ""
    message: str = ""  # one line, for operators
    answer: str = field(default="", repr=False)  # for people, whole: what was asked for, where it was a question


class CallMeter(Protocol):
    """What all workers together know of the calls to one system."""

    def spend(self, daily: int) -> float | None:
        """Count one call of today's; the seconds until tomorrow instead, when ``daily`` are used up."""
        ...

    def shut_s(self) -> float:
        """For how many seconds the system is to be left alone; 0 when it is not."""
        ...

    def failed(self, failures: int, pause_s: float) -> None:
        """One more read failed; from ``failures`` in a row on, the system is left alone for ``pause_s``."""
        ...

    def worked(self) -> None:
        """It answered: failures are counted anew."""
        ...


class SourceSystem(Protocol):
    """One upstream, ready to be called: a descriptor bound to a connection."""

    name: str

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        """Yield what changed in ``stream`` since ``state``, in batches, each safe to commit on its own.

        Raises RemoteUnavailable when the system cannot be reached (retries of reads are spent by then) and
        RemoteRefused when it says no. Batches already yielded stay valid.
        """
        ...

    def write(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult:
        """Call a write operation once; never retried here. ``key`` is the idempotency key.

        Raises RemoteUnavailable (surely not written), RemoteRefused (it said no), OutcomeUnknown (it may have).
        """
        ...

    def find(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult | None:
        """What became of an earlier ``write`` with these values, by asking; None when it surely took no effect.

        Only for operations with ``idempotency: query_first``. Raises as ``pull`` does: then it is not known.
        """
        ...

    def acknowledge(self, stream: str, token: Any) -> None:
        """Tell the upstream that a batch with this ``token`` is safely stored. Repeating it does no harm.

        Raises RemoteUnavailable or RemoteRefused; what was not acknowledged is listed again next time.
        """
        ...

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        """The bytes and content type of a file (image, attachment) this system links to.

        Only the system's own address and its ``media_hosts`` are asked. Raises RemoteRefused for any other host, a
        file over ``max_bytes`` or a missing one; RemoteUnavailable when it cannot be reached.
        """
        ...

    def close(self) -> None:
        """Give up connections."""
        ...


LinkStatus = Literal["alive", "dead", "unsure"]


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """Whether there is anything at an address, and what was said: ``HTTP 404``. ``unsure``: ask again later."""

    status: LinkStatus
    said: str


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one system or account: an Airflow connection's parts. Secrets never show in a repr."""

    name: str
    kind: str = ""  # wechat_account | gov_rest | gov_soap | gov_table | gov_files | weigov_alert
    base_url: str = ""
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Credentials(Protocol):
    """Where connections come from: the environment or one secrets file, in Airflow's connection form."""

    def get(self, name: str) -> Connection:
        """The connection called ``name``. Raises ConfigError naming it and where it was looked for."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the ledger keeps it; ``version`` is what compare-and-set compares."""

    value: str = field(repr=False)
    expires_at: datetime
    version: int


Force = Literal["granted", "too_soon", "used_up"]


class TokenStore(Protocol):
    """The one place an account's token lives, shared by every worker."""

    def read(self, appid: str, family: str) -> Token | None:
        """The stored token, expired or not."""
        ...

    def refresh(self, appid: str, family: str, seen_version: int, fetch: Callable[[], tuple[str, datetime]]) -> Token:
        """Replace the token unless somebody already did.

        Under the token's lock: when the stored version is still ``seen_version`` (0 = none stored), ``fetch`` is
        called once and its (token, expires_at) stored; otherwise the stored one is returned and nothing is fetched.
        """
        ...

    def spend_force(self, appid: str, *, now: datetime, per_day: int, apart: timedelta) -> Force:
        """Count one forced refresh, before it is made, unless it would be too soon or one too many for today."""
        ...

    def no_force_left(self, appid: str, *, now: datetime, per_day: int) -> None:
        """WeChat says that today's are used up, by whomever: none is granted until tomorrow."""
        ...
