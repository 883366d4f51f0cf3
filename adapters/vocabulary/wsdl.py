"""Which WSDL describes a SOAP system, and what has to be done to it before it can be read.

Written short, ``wsdl: service.wsdl``. What the words do is in ``adapters.soap.wsdl`` and ``adapters.soap.patches``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from adapters.vocabulary.base import Closed

Patch = Literal[
    "declare_missing_prefix",
    "schema_1999_to_2001",
    "import_namespace_mismatch",
    "include_without_namespace",
    "drop_unresolvable_import",
    "forget_answers",
]


class Wsdl(Closed):
    """``file`` and ``bundle`` are beside the descriptor; ``hosts`` are those imports may be fetched from, live."""

    file: Annotated[str, Field(min_length=1)]
    bundle: str | None = None  # a folder with what the WSDL imports, as `weigov doctor wsdl --out` writes it
    patches: tuple[Patch, ...] = ()  # those `weigov doctor wsdl` found to be needed
    service: str | None = None
    port: str | None = None  # by default the one with every operation that is used, SOAP 1.1 before 1.2
    hosts: tuple[str, ...] = ()  # HOST or HOST:PORT

    @field_validator("file", "bundle")
    @classmethod
    def _beside(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith(("/", "\\")) or ".." in value.split("/") or ":" in value):
            raise ValueError(f"{value} is not beside the descriptor")
        return value


def _wsdl(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


WsdlRule = Annotated[Wsdl, BeforeValidator(_wsdl)]


def files_of(value: Any) -> Iterator[tuple[str, str]]:
    """(word, path beside the descriptor) of what ``wsdl`` names, be it checked or as it was read."""
    for word in ("file", "bundle"):
        if isinstance(value, str):
            found = value if word == "file" else None
        else:
            found = value.get(word) if isinstance(value, Mapping) else getattr(value, word, None)
        if isinstance(found, str):
            yield word, found
