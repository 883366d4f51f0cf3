"""Incidents as the board says them: what is wrong, since when, how often, who was told, what to do; and what is over.

``watch`` takes them down (weigov/flow/watch.py); each kind of key has its sentence in words/ui.yaml.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, select

from weigov.flow.context import Context
from weigov.ledger import incidents
from weigov.ledger.incidents import Incident
from weigov.ledger.tables import delivery

#: How long something that is over is shown, how far back it is counted how often it came, and how many are shown.
RECENT = timedelta(days=7)
COUNTED = timedelta(days=30)
_SHOWN = 20
#: kind → (who, where it is dealt with). ``{}`` is what the key names.
KINDS = {
    "halted": ("admin", ""),
    "stopped": ("it", "deliveries?target={}"),
    "waits": ("it", "deliveries?target={}&state=deferred"),
    "readable": ("it", "item/{}"),
    "in_doubt": ("it", "deliveries?flow={}&state=in_doubt"),
    "rejected": ("editor", "deliveries?flow={}&state=rejected"),
    "quarantine": ("editor", "quarantine?flow={}"),
    "stream": ("it", ""),
    "inbox": ("it", ""),
    "pending": ("it", "flow/{}"),
    "held": ("it", "flow/{}"),
    "task": ("it", "dag/{}"),
    "veto": ("editor", "account/{}"),
    "review": ("reviewer", "deliveries?flow={}&state=waiting_review"),
}
#: In some keys more is named than what the link leads to, behind this.
_BEHIND_THE_LINKED = {"task": ".", "waits": " "}


@dataclass(frozen=True, slots=True)
class Shown:
    """One incident. ``key`` and ``values`` make its sentence, ``times`` is how often it came in ``COUNTED``."""

    of: Incident
    key: str
    values: dict[str, Any]
    who: str
    href: str
    times: int

    @property
    def do(self) -> str:
        """The key of what to do about it."""
        return self.key.replace("incident.", "incident_do.")

    @property
    def why_says_what_to_do(self) -> bool:
        """Whether its ``why`` is a reason of the ledger's, which has an advice of its own."""
        return self.key in ("incident.stopped", "incident.waits", "incident.stream", "incident.task")

    @property
    def lasted(self) -> timedelta:
        """From its beginning to its end; nothing for one that is not over."""
        return (self.of.closed_at or self.of.opened_at) - self.of.opened_at


@dataclass(frozen=True, slots=True)
class Incidents:
    """What is wrong now, the oldest first, and what is over, the newest end first."""

    open: tuple[Shown, ...]
    over: tuple[Shown, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Of those that are open."""
        return frozenset(one.of.key for one in self.open)

    def about(self, targets: Collection[str]) -> Incidents:
        """Those about one of these; see ``targets_of``."""

        def is_it(one: Shown) -> bool:
            return bool(set(targets) & targets_of(one.of.key))

        return Incidents(tuple(filter(is_it, self.open)), tuple(filter(is_it, self.over)))


def look(ctx: Context, connection: Connection) -> Incidents:
    """All of the site's."""
    site, now = ctx.site.site, ctx.now()
    often = incidents.how_often(connection, site, since=now - COUNTED)

    def shown(found: Iterable[Incident]) -> tuple[Shown, ...]:
        return tuple(_shown(ctx, one, often.get(one.key, one.times)) for one in found)

    return Incidents(
        shown(incidents.current(connection, site)),
        shown(incidents.over(connection, site, since=now - RECENT, limit=_SHOWN)),
    )


def targets_of(key: str) -> set[str]:
    """What an incident is about: flow:NAME, account:NAME, system:NAME, stream:SYSTEM/STREAM, delivery:ID, site."""
    kind, _, name = key.partition(":")
    if kind == "stopped":
        return {name}
    if kind == "waits":
        return {name.partition(" ")[0]}
    if kind in ("in_doubt", "rejected", "quarantine", "pending", "held", "review"):
        return {f"flow:{name}"}
    if kind == "veto":
        return {f"account:{name}"}
    if kind == "stream":
        return {f"stream:{name}"}
    if kind == "readable":
        return {f"delivery:{name}"}
    if kind == "task":
        verb, _, of = name.partition(".")[0].partition("_")
        return {f"flow:{of}", f"account:{of}", f"system:{of}"} if verb != "collect" else {f"stream:{of}"}
    return {"site"}


def targets_of_flow(ctx: Context, connection: Connection, name: str, incidents: Incidents) -> set[str]:
    """What concerns ``name``: itself, its accounts, stream and withdrawn articles, and whatever stops everything."""
    found = {f"flow:{name}", "site"}
    flow = ctx.site.flows.get(name)
    if flow is not None:
        found |= {f"account:{account}" for account in flow.to.accounts}
        if flow.from_ is not None:
            system, stream = flow.from_.system, flow.from_.stream
            found |= {f"stream:{system}/{stream}", f"stream:{system}_{stream}"}
    ids = [int(one.of.key.partition(":")[2]) for one in (*incidents.open, *incidents.over) if _is_readable(one)]
    if ids:
        query = select(delivery.c.id).where(delivery.c.id.in_(ids), delivery.c.flow == name)
        found |= {f"delivery:{each}" for each in connection.execute(query).scalars()}
    return found


def _is_readable(one: Shown) -> bool:
    return one.of.key.startswith("readable:")


def _shown(ctx: Context, one: Incident, times: int) -> Shown:
    kind, _, name = one.key.partition(":")
    who, href = KINDS.get(kind, ("it", ""))
    values: dict[str, Any] = {"what": _called(ctx, kind, name), "why": one.why or "—"}
    if one.why.isdecimal():
        values["n"] = int(one.why)
    linked = name.partition(_BEHIND_THE_LINKED[kind])[0] if kind in _BEHIND_THE_LINKED else name
    key = f"incident.{kind}" if kind in KINDS else "incident.other"
    if kind not in KINDS:
        values["why"] = one.said
    return Shown(one, key, values, who, href.format(quote(linked)), times)


def _called(ctx: Context, kind: str, name: str) -> str:
    """What people call it: a flow by its title, a target without its kind, an account by its name for its appid."""
    if kind in ("in_doubt", "rejected", "quarantine", "pending", "held", "review"):
        flow = ctx.site.flows.get(name)
        return f"{flow.title} {name}" if flow and flow.title != name else name
    return name.partition(":")[2].partition(" ")[0] if kind in ("stopped", "waits") else name
