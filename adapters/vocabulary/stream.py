"""A kind of record a system offers: how its list is asked for, up to where it was read, what becomes a record.

What the words do is in ``adapters.paging``, ``cursor``, ``rows`` and ``listing``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from adapters.vocabulary.base import Closed, Formats, Name, Path_, TimeRule, Zone, one_or_more
from adapters.vocabulary.contract import Contract
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.files import FilesSource
from adapters.vocabulary.paging import CursorRule, Paging
from adapters.vocabulary.request import OutcomeRule, Request
from adapters.vocabulary.table import TableSource
from adapters.vocabulary.withdrawn import WithdrawnRule
from weigov.records import Kind

Step = Literal[
    "strip", "unescape", "text_only", "paragraphs", "absolute_url", "parent_code_2", "zero_is_none",
]  # fmt: skip


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


class Stream(Closed):
    """A kind of record the system offers."""

    kind: Kind
    schedule: str
    request: Request = Request()
    table: TableSource | None = None  # engine table: instead of a request
    files: FilesSource | None = None  # engine files: instead of a request
    records: Path_ = "."
    key: Path_
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_field)]]
    leave_out: tuple[str, ...] = ()  # columns that are not kept: what one does not have cannot leak
    decode: Decode = ()
    paging: Paging | None = None
    cursor: CursorRule | None = None
    time: TimeRule | None = None
    for_each: ForEach | None = None
    detail: Detail | None = None
    attachments: Attachments | None = None
    withdrawn: Annotated[tuple[WithdrawnRule, ...], BeforeValidator(one_or_more)] = ()
    contract: Contract | None = None
    outcome: tuple[OutcomeRule, ...] = ()
