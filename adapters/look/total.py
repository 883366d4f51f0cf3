"""How many records a system says it has, overheard while something else reads its list."""

from __future__ import annotations

from typing import Any

from adapters import decode
from adapters.engine import Carry, Engine
from adapters.outcome import plain
from adapters.vocabulary import Descriptor
from adapters.walk import Call, Get
from adapters.wire import Reply
from weigov.ports import SourceSystem


class Total:
    """Listens to the first answer to a stream's list. Lists that are read for each of something have no one total."""

    def __init__(self, system: SourceSystem, descriptor: Descriptor, stream: str) -> None:
        rule = descriptor.streams[stream]
        self._stream = stream
        self._paging = rule.paging
        self._first: tuple[Call, Reply] | None = None
        self._chain: Any = ()
        if isinstance(system, Engine) and self._paging is not None and rule.for_each is None:
            self._chain = rule.decode or descriptor.decode or system.default_chain
            system.between = self._overhear

    def said(self) -> str:
        """What it said; '' when it did not."""
        if self._first is None or self._paging is None:
            return ""
        it, reply = self._first
        if self._paging.total_header:
            return reply.headers.get(self._paging.total_header) or ""
        if not self._paging.total:
            return ""
        try:
            answer = decode.read(
                reply.content, self._chain, content_type=reply.content_type, records=it.records, values=it.values
            )
            for _ in answer.rows():  # what stands behind the rows is known when they are through
                pass
            return plain(answer.value(self._paging.total))
        except decode.Undecodable:
            return ""

    def _overhear(self, it: Call, get: Get, carry: Carry) -> Reply:
        reply = carry()
        if it.name == self._stream and self._first is None and 200 <= reply.status < 300:
            self._first = it, reply
        return reply
