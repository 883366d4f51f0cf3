"""One system, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from adapters.vocabulary.auth import Auths, NoAuth
from adapters.vocabulary.base import Closed, Name, TimeRule
from adapters.vocabulary.decode import Decode
from adapters.vocabulary.limits import CallLimits
from adapters.vocabulary.operation import Operation
from adapters.vocabulary.request import OutcomeRule
from adapters.vocabulary.stream import Stream
from adapters.vocabulary.wsdl import WsdlRule


class Descriptor(Closed):
    """One system: how it is spoken to, what it offers, what it accepts."""

    system: Name
    title: str
    engine: Literal["rest", "soap", "table", "files"]
    wsdl: WsdlRule | None = None  # SOAP: written short, a file beside the descriptor
    auth: Auths = (NoAuth(),)
    time: TimeRule | None = None
    limits: CallLimits = CallLimits()
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    streams: dict[Name, Stream] = Field(default_factory=dict)
    operations: dict[Name, Operation] = Field(default_factory=dict)

    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._file
