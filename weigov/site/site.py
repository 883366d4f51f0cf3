"""``Site``: everything of a site's folder once it was read and cross-checked, and the two things derived from it.

What a flow reads decides when a record has a new revision; a flow's digest decides when ``weigov apply`` is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from weigov.mapping.layout import Layouts
from weigov.mapping.model import CodeList
from weigov.mapping.words import WordBank
from weigov.ports import SystemShape
from weigov.records import digest
from weigov.site.models import Account, Alert, Flow, System


@dataclass(frozen=True, slots=True)
class Site:
    """One deployment. Every mapping is by the name the YAML uses."""

    site: str
    time_zone: str
    zone: ZoneInfo
    accounts: Mapping[str, Account]
    systems: Mapping[str, System]
    shapes: Mapping[str, SystemShape] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    codes: Mapping[str, CodeList] = field(default_factory=dict)
    layouts: Layouts = field(default_factory=lambda: Layouts({}))
    alerts: tuple[Alert, ...] = ()
    words: WordBank = field(default_factory=WordBank)

    def reads(self, flow: str) -> frozenset[str]:
        """The upstream fields whose change makes a revision: ``on_change_of``, or all that the flow reads."""
        return reads_of(self.flows[flow], self.layouts)

    def mapping_digest(self, flow: str) -> str:
        """Changes when the flow's YAML, a layout or a code list it uses changes in meaning; comments do not count."""
        found = self.flows[flow]
        layouts = {name for rule in found.map.values() if rule.layout for name in self.layouts.closure(rule.layout)}
        codes = {rule.code for rule in found.map.values() if rule.code} & set(self.codes)
        return digest(
            {
                "flow": found.model_dump(mode="json", by_alias=True, exclude_defaults=True),
                "layouts": {name: self.layouts.sources[name] for name in layouts},
                "codes": {name: self.codes[name].model_dump(mode="json") for name in codes},
                "time_zone": self.time_zone,
            }
        )

    def column_streams(self, flow: Flow) -> tuple[tuple[str, str], ...]:
        """The (system, stream) pairs that tell how the columns lie of which the flow takes the records."""
        if flow.from_ is None or not any(rule.under for rule in flow.from_.where.values()):
            return ()
        system = flow.from_.system
        return tuple((system, name) for name, shape in self.shapes[system].streams.items() if shape.kind == "column")


def reads_of(flow: Flow, layouts: Layouts) -> frozenset[str]:
    """The upstream fields ``flow`` cares about. ``key`` is not one: it never changes."""
    if flow.from_ and flow.from_.on_change_of:
        return frozenset(flow.from_.on_change_of)
    found: set[str] = set(flow.from_.where) if flow.from_ else set()
    for rule in flow.map.values():
        found.update(rule.sources())
        if rule.layout:
            found |= layouts.reads(rule.layout)
    if flow.link:
        found.update(flow.link.sources())
    for children in flow.menu_streams():
        found |= {"name", "parent", "position", *children.link.sources()}
    return frozenset(found - {"key"})
