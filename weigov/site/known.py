"""What a flow may refer to while it is checked: the site, what its systems offer, its layouts and codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weigov.mapping.layout import Layouts
from weigov.mapping.model import CodeList
from weigov.ports import StreamShape, SystemShape
from weigov.records import KINDS
from weigov.site.models import SiteFile
from weigov.yamlfile import Loc, did_you_mean

Finding = tuple[Loc, str, str]  #: where, what, hint


@dataclass(frozen=True, slots=True)
class Known:
    """``site`` is None when site.yaml cannot be used; what it would have said is then not checked."""

    site: SiteFile | None
    shapes: Mapping[str, SystemShape]  # of the systems whose descriptor loads
    layouts: Layouts
    codes: Mapping[str, CodeList]
    code_files: frozenset[str]  # also those with faults of their own

    def stream(self, system: str, stream: str, at: Loc) -> tuple[StreamShape | None, list[Finding]]:
        """The stream's shape, or what to say about there being none (nothing, when that was said elsewhere)."""
        if self.site is not None and system not in self.site.systems:
            hint = did_you_mean(system, self.site.systems)
            return None, [((*at, "system"), f"there is no system {system!r} in site.yaml", hint)]
        if system not in self.shapes:
            return None, []
        shape = self.shapes[system]
        if stream not in shape.streams:
            hint = did_you_mean(stream, shape.streams)
            return None, [((*at, "stream"), f"{shape.name} has no stream {stream!r}", hint)]
        return shape.streams[stream], []


def field_types(shape: StreamShape) -> dict[str, str]:
    """The fields a flow may read of a stream, with their types."""
    kind = KINDS[shape.kind]
    return {"key": "text", **{name: kind[name] for name in shape.fields if name in kind}}


def unknown_field(name: str, shape: StreamShape) -> tuple[str, str] | None:
    """What is wrong with reading ``name`` of a stream, with a hint; None when it is a field."""
    types = field_types(shape)
    if name in types or (name.startswith("extra.") and len(name) > len("extra.")):
        return None
    if name in KINDS[shape.kind]:
        return f"the descriptor does not fill {name!r} of this stream", did_you_mean(name, types)
    return f"{name!r} is not a field of kind {shape.kind}", did_you_mean(name, types)
