"""A kind of record a system offers: how its list is asked for, up to where it was read, what becomes a record.

What the words do is in ``adapters.paging``, ``cursor``, ``rows`` and ``listing``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from adapters.vocabulary.base import (
    Closed,
    Duration,
    Formats,
    Name,
    Path_,
    Text,
    TimeRule,
    Zone,
    known_format,
    one_or_more,
)
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.request import OutcomeRule, Request
from weigov.records import Kind

Step = Literal["strip", "unescape", "text_only", "absolute_url", "parent_code_2", "zero_is_none"]


class Paging(Closed):
    """How the list goes on. Without a stop rule it goes on until an empty page (``until: short``: a short one)."""

    kind: Literal["page", "cursor"]
    size: Annotated[int, Field(ge=1, le=10_000)] = 100
    first: int = 1
    next: Path_ | None = None  # kind cursor: where the answer gives the next token
    total: Path_ | None = None  # how many rows there are in all
    total_header: str | None = None
    pages_header: str | None = None  # how many pages there are in all
    has_more: Path_ | None = None
    until: Literal["empty", "short"] = "empty"
    max_pages: Annotated[int, Field(ge=1)] = 10_000


class CursorRule(Closed):
    """Up to where a stream was read. ``time``: the highest value of ``field``; ``opaque``: the token of ``paging``.

    Asked again from ``overlap`` before it. ``bound`` says whether the system's filter includes the instant itself.
    """

    kind: Literal["time", "opaque"] = "time"
    field: Path_ | None = None
    format: Formats = ()
    zone: Zone = ""
    send: Annotated[str, AfterValidator(known_format)] | None = None  # when requests want another format
    overlap: Duration = "PT10M"
    bound: Literal["inclusive", "exclusive"] = "inclusive"


class ForEach(Closed):
    stream: Name
    as_: Name = Field(alias="as")


class FieldRule(Closed):
    """Where a canonical field comes from. A bare path is short for ``{from: PATH}``."""

    from_: Path_ | None = Field(None, alias="from")
    parent: str | None = None  # instead: ``key`` or a field of the ``for_each`` parent
    steps: tuple[Step, ...] = ()
    format: Formats = ()
    zone: Zone = ""
    name: str = "name"  # of lists: the columns of an item
    url: str = "url"


def _field(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class Detail(Closed):
    """A second call for a row that changed; what it answers is laid over the list row."""

    request: Request
    record: Path_ = "."
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()


class Attachments(Closed):
    """A further call for a row that changed, listing its files."""

    request: Request
    records: Path_
    name: str = "name"
    url: str = "url"
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()


class Withdrawn(Closed):
    """Withdrawn when ``field`` of the row has one of ``values``; of several such rules one is enough."""

    field: Path_
    values: Annotated[tuple[Text, ...], Field(min_length=1)]


class Stream(Closed):
    """A kind of record the system offers."""

    kind: Kind
    schedule: str
    request: Request
    records: Path_
    key: Path_
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_field)]]
    decode: Decode = ()
    paging: Paging | None = None
    cursor: CursorRule | None = None
    time: TimeRule | None = None
    for_each: ForEach | None = None
    detail: Detail | None = None
    attachments: Attachments | None = None
    withdrawn: Annotated[tuple[Withdrawn, ...], BeforeValidator(one_or_more)] = ()
    outcome: tuple[OutcomeRule, ...] = ()
