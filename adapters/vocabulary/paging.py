"""How a list goes on, and up to where it was read. What they do: ``adapters.paging``, ``adapters.cursor``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from adapters.vocabulary.base import Closed, Duration, Formats, Path_, Zone, known_duration, known_format, text_of


class Paging(Closed):
    """How the list goes on. Without a stop rule it goes on until an empty page (``until: short``: a short one)."""

    kind: Literal["page", "offset", "cursor", "link"]
    size: Annotated[int, Field(ge=1, le=10_000)] = 100
    first: int | None = None  # the first page's number (1), or the first row's (0)
    next: Path_ | None = None  # cursor: where the answer gives the next token; link: the next page's address
    next_header: str | None = None  # link: the header that gives it, as ``Link: <…>; rel="next"`` or bare
    total: Path_ | None = None  # how many rows there are in all
    total_header: str | None = None
    pages: Path_ | None = None  # how many pages there are in all
    pages_header: str | None = None
    has_more: Path_ | None = None
    until: Literal["empty", "short"] = "empty"
    max_pages: Annotated[int, Field(ge=1)] = 10_000


class CursorRule(Closed):
    """Up to where a stream was read: the highest value of ``field``, or (``opaque``) the token of ``paging``.

    Asked again from ``overlap`` before it. ``bound`` says whether the system's filter includes the mark itself.
    """

    kind: Literal["time", "number", "opaque"] = "time"
    field: Path_ | None = None
    format: Formats = ()
    zone: Zone = ""
    send: Annotated[str, AfterValidator(known_format)] | None = None  # when requests want another format
    overlap: Annotated[str, BeforeValidator(text_of)] | None = None  # a duration (PT10M), or a number (0)
    bound: Literal["inclusive", "exclusive"] = "inclusive"
    filter: Literal["server", "client"] = "server"  # client: the system lists everything, we leave out what is old
    order: Literal["ascending", "descending"] | None = None  # descending: the list may be left once its rows are old
    span: Duration | None = None  # the longest stretch one request may ask for, with {until}
    start: date | None = None  # time: the day the first pull begins with, and what {cursor} is then

    @field_validator("overlap")
    @classmethod
    def _readable(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("kind") == "number":
            if not value.isdecimal():
                raise ValueError(f"{value!r} is no whole number (the overlap of a number is one)")
        elif value is not None:
            known_duration(value)
        return value
