"""How one sees that a record is no longer there. What they do: ``adapters.rows`` and ``adapters.gone``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from adapters.vocabulary.base import Closed, Duration, Path_, Text, text_of
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.paging import CursorRule, Paging
from adapters.vocabulary.request import OutcomeRule, Request


class Withdrawn(Closed):
    """Withdrawn when ``field`` of the row has one of ``values``; of several such rules one is enough."""

    field: Path_
    values: Annotated[tuple[Text, ...], Field(min_length=1)]


class Keys(Closed):
    """A list that is read for its keys only."""

    request: Request
    records: Path_
    key: Path_
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    paging: Paging | None = None


class TombstoneList(Keys):
    """A list of what was deleted. With ``cursor``, only what was deleted since it was last read."""

    cursor: CursorRule | None = None


class Tombstones(Closed):
    """Withdrawn when its key stands in a list of what was deleted."""

    tombstones: TombstoneList


class Vanishing(Closed):
    """What is compared, how often, and how much may vanish at once before a person must look."""

    brake: Annotated[str, BeforeValidator(text_of), StringConstraints(pattern=r"^\d{1,2}(\.\d+)?\s*%$")]
    every: Duration = "P1D"
    keys: Keys | None = None  # a cheaper list than the stream's own


class Vanished(Closed):
    """Withdrawn when it is no longer listed, seen by comparing every key with the mirror."""

    vanished: Vanishing


def _which_withdrawn(value: Any) -> str:
    if isinstance(value, Mapping):
        return next((word for word in ("tombstones", "vanished") if word in value), "flag")
    return "tombstones" if isinstance(value, Tombstones) else "vanished" if isinstance(value, Vanished) else "flag"


WithdrawnRule = Annotated[
    Annotated[Withdrawn, Tag("flag")]
    | Annotated[Tombstones, Tag("tombstones")]
    | Annotated[Vanished, Tag("vanished")],
    Discriminator(_which_withdrawn),
]
