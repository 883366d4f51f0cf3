"""What an upstream promised of its rows. What happens when it does not hold is in ``adapters.contract``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from adapters.vocabulary.base import Closed, Text

Drift = Literal["accept", "warn", "quarantine"]


class Expected(Closed):
    """What a column of the list rows (with its detail) is expected to hold; what happens when it does not."""

    type: Literal["text", "number", "integer", "boolean", "list", "object", "any"] = "any"
    required: bool = False
    values: tuple[Text, ...] = ()
    max: Annotated[int, Field(ge=1)] | None = None  # characters
    drift: Drift = "quarantine"


def _expected(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class Contract(Closed):
    """What an upstream promised. A column that drifts is accepted, warned of, or costs its record the publication."""

    columns: dict[str, Annotated[Expected, BeforeValidator(_expected)]]
    others: Literal["accept", "warn"] = "accept"  # columns nobody has named
