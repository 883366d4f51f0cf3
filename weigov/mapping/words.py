"""The words of a site's ``words.yaml`` (错敏词): what stops an article, and what a reviewer is shown. Only shapes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from weigov.mapping.model import Strict

Level = Literal["block", "warn"]
Found = Literal["block", "warn", "off"]


class Word(Strict):
    """A word that must not be there, what to say instead, and the longer words it may be part of."""

    word: str = Field(min_length=1)
    say: str = ""
    except_: tuple[str, ...] = Field(default=(), alias="except")


def _entry(value: Any) -> Any:
    return {"word": value} if isinstance(value, str) else value


Entry = Annotated[Word, BeforeValidator(_entry)]


class PersonalData(Strict):
    """What happens where an article holds a number that belongs to a person."""

    id_card: Found = "block"
    bank_card: Found = "block"
    mobile: Found = "warn"


class WordBank(Strict):
    """``words.yaml`` as written. Without the file no word is forbidden; personal data is looked for all the same."""

    block: tuple[Entry, ...] = ()
    warn: tuple[Entry, ...] = ()
    personal_data: PersonalData = PersonalData()
    links: Found = "warn"  # what happens where an article leads to an address at which nothing is
