"""What follows from the words of exchange tables alone. Pure, and without SQLAlchemy: descriptors are also read where
nothing is connected to."""

from __future__ import annotations

import re

from adapters import times
from adapters.template import holes
from adapters.vocabulary import TableWrite

_SIGNS = re.compile(r"%.")
_BY_SIZE = ("%Y", "%m", "%d", "%H", "%M", "%S", "%f")


def sortable(form: str) -> bool:
    """Whether texts of this format sort as the times they write."""
    if form in times.NAMED:
        return form != "iso"  # its offsets do not
    signs = tuple(_SIGNS.findall(form))
    return signs == _BY_SIZE[: len(signs)]


def carriers(write: TableWrite) -> frozenset[str]:
    """The columns that take the idempotency key and nothing else."""
    return frozenset(
        column
        for column, value in (write.values | write.key).items()
        if isinstance(value, str) and holes(value) == {"idempotency_key"}
    )
