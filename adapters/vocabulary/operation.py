"""A write a system accepts, and what becomes of one that was not answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from adapters import outcome as conditions
from adapters.vocabulary.base import Closed, Duration, Name, Path_
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.paging import Paging
from adapters.vocabulary.request import OutcomeRule, Request
from adapters.vocabulary.table import TableWrite
from weigov.ports import Idempotency


class Query(Closed):
    """How one sees whether a write that was not answered took effect: one answer, or a row of a list.

    It may fill the operation's params and ``idempotency_key`` in. Asked no sooner than ``settle`` after the write.
    """

    request: Request
    found: str | None = None  # a condition as in ``when``, on one answer
    records: Path_ | None = None  # instead: a list, and what the row of our write has
    where: dict[str, str] = Field(default_factory=dict)  # column → its whole text
    contains: dict[str, str] = Field(default_factory=dict)  # column → a part of its text
    paging: Paging | None = None
    remote_id: Path_ | None = None  # in the answer, or a column of the row
    settle: Duration = "PT1M"
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()

    @field_validator("found")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            conditions.parse(value)
        return value


class Operation(Closed):
    """A write the system accepts. ``params`` that a call leaves out are sent as empty texts."""

    request: Request = Request()
    table: TableWrite | None = None  # engine table: instead of a request
    params: Annotated[tuple[Name, ...], Field(min_length=1)]
    idempotency: Idempotency = "none"
    query: Query | None = None  # with ``query_first``
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    success: str | None = None  # a condition as in ``when``; an answer it does not fit is a refusal
    remote_id: Path_ | None = None
    message: Path_ | None = None
    answer: Path_ | None = None  # a text that is the point of the call: an assistant's reply, say

    @field_validator("success")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            conditions.parse(value)
        return value
