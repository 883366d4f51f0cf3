"""The words of an exchange folder: which files are whole, in which order they are read, what becomes of them then."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from adapters.vocabulary.base import Closed

Pattern = Annotated[str, StringConstraints(pattern=r"^[^/\\]+$")]
Folder = Annotated[str, StringConstraints(pattern=r"^[^./\\][^/\\]*$")]  # never one above


class MoveDone(Closed):
    """Move what was read into a folder beside it."""

    move: Folder


class RenameDone(Closed):
    """Give what was read a further suffix."""

    rename: Annotated[str, StringConstraints(pattern=r"^\.[\w.-]+$")]


class FilesSource(Closed):
    """Which files of the exchange folder hold a stream's records."""

    pattern: Pattern = "*.xml"
    under: Folder | None = None  # a folder inside the connection's
    order: Literal["name", "mtime"] = "name"
    settled_s: Annotated[int, Field(ge=0)] = 10  # a younger file may still be growing
    companion: Annotated[str, StringConstraints(pattern=r"^\.[\w.-]+$")] | None = (
        None  # the empty file that says whole
    )
    done: MoveDone | RenameDone | Literal["none"] = "none"
    failed: MoveDone | RenameDone | None = None  # a file that could not be read at all; without it, it stays
    max_bytes: Annotated[int, Field(ge=1)] = 50_000_000
    size: Annotated[int, Field(ge=1, le=5000)] = 50  # files a batch
