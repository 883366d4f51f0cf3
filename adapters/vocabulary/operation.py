"""A write a system accepts, and what becomes of one that was not answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from adapters import outcome as conditions
from adapters.vocabulary.base import Closed, Name, Path_
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.request import OutcomeRule, Request
from weigov.ports import Idempotency


class Operation(Closed):
    """A write the system accepts. ``params`` that a call leaves out are sent as empty texts."""

    request: Request
    params: Annotated[tuple[Name, ...], Field(min_length=1)]
    idempotency: Idempotency = "none"
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    success: str | None = None  # a condition as in ``when``; an answer it does not fit is a refusal
    remote_id: Path_ | None = None
    message: Path_ | None = None

    @field_validator("success")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            conditions.parse(value)
        return value
