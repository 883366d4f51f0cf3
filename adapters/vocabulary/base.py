"""What the parts of a descriptor are made of: closed models, and texts with a meaning. Nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from adapters import times

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Path_ = Annotated[str, StringConstraints(min_length=1)]  # into an answer or a row


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, str_max_length=2000)


def listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def text_of(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def known_format(value: str) -> str:
    times.check_format(value)
    return value


def known_zone(value: str) -> str:
    if value:
        times.zone_of(value)
    return value


def known_duration(value: str) -> str:
    times.duration(value)
    return value


Formats = Annotated[tuple[Annotated[str, AfterValidator(known_format)], ...], BeforeValidator(listed)]
Zone = Annotated[str, AfterValidator(known_zone)]
Duration = Annotated[str, AfterValidator(known_duration)]
Text = Annotated[str, BeforeValidator(text_of)]


class TimeRule(Closed):
    """How this system writes times."""

    format: Formats
    zone: Zone = ""
