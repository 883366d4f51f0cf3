"""A request on its way out, as an auth kind completes it. It carries values only; nothing here sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from adapters.signing import written


@dataclass(slots=True)
class Outgoing:
    """First ``query``, ``headers`` and ``body`` as values; then ``data`` or ``envelope``, once they are written.

    ``url`` is without a query. Nothing shows in its repr: any part may hold a secret or a citizen's data.
    """

    method: str = field(repr=False)
    url: str = field(repr=False)
    query: dict[str, Any] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    data: bytes | None = field(default=None, repr=False)
    envelope: Any = field(default=None, repr=False)  # SOAP: the lxml element of the envelope
    form: bool = field(default=False, repr=False)  # the body will be written as a form

    def search(self) -> str:
        """The query as it leaves, and as it is signed. Raises UnicodeError for what is no text."""
        return form(self.query)


def form(values: Mapping[str, Any]) -> str:
    """Values as a query or a form: a list repeats its name, and what is no text is written as it is signed."""
    texts = {
        name: [written(one) for one in value] if isinstance(value, (list, tuple)) else written(value)
        for name, value in values.items()
    }
    # Bytes that were no UTF-8 in an address of the other side leave as they came.
    return urlencode(texts, doseq=True, errors="surrogateescape")
