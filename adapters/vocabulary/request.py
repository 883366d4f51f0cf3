"""One call: what is sent, and what its answer means. ``{name}`` in a request is a hole (``adapters.template``)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from adapters import outcome
from adapters.vocabulary.base import Closed, Path_


class Request(Closed):
    """One call: ``path`` and friends for REST, ``op`` for SOAP; ``body`` for both.

    In a body, ``{xml: {ROOT: {…}}, declared: GBK}`` is a string that holds an XML document.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str = ""
    query: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    op: str = ""
    body: dict[str, Any] = Field(default_factory=dict)
    encode: Literal["json", "form"] = "json"


class OutcomeRule(Closed):
    """What an answer means: ``when`` is ``PATH == 'x'``, ``!= 'x'``, ``has 'x'`` or ``PATH`` (there and not empty).

    PATH is into the answer, ``http.status`` or ``http.header.NAME``. The first rule that fits decides.
    """

    when: str
    is_: outcome.Meaning = Field(alias="is")
    message: Path_ | None = None

    @field_validator("when")
    @classmethod
    def _readable(cls, value: str) -> str:
        outcome.parse(value)
        return value
