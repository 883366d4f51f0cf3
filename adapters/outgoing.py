"""A request on its way out, as an auth kind completes it. It carries values only; nothing here sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
