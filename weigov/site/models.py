"""The words of ``site.yaml`` and ``flows/*.yaml``, as typed models.

Shapes only: what a single key may hold. What holds between keys, files and systems is ``check``'s. Keys that are
Python words carry an underscore here (``from_``, ``with_``). Words and meanings: DESIGN, "A site, a system, flows".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Discriminator, Field, PositiveInt, Tag

from weigov.mapping.model import FieldRule, Link, Strict
from weigov.site.menu_models import ConditionalMenu, MenuChildren, MenuEntry

AccountType = Literal["service", "subscription"]
#: Kinds of targets that each tell one citizen something.
MESSAGE_KINDS = ("template", "subscribe", "customer_service")
AccessToken = Literal["stable_token", "token"]
TargetKind = Literal["news", "template", "subscribe", "customer_service", "menu"]
#: What a customer-service message looks like; ``mapping.model.CUSTOM_FIELDS`` has the fields of each.
Form = Literal["text", "news", "article", "menu"]
Via = Literal["draft", "publish", "mass"]
#: bound_*: those bound to the record or to the person in it. bound: everybody bound to anything.
#: subscribers: everybody who agreed to the subscribe notice. all: every follower, of a mass message.
Audience = Literal["bound_applicant", "bound_asker", "bound", "subscribers", "all"]
#: Audiences that do not depend on the record: how many they are is not known beforehand.
MANY = ("bound", "subscribers")
Reprints = Literal["send", "stop"]
Pick = Literal["published"]
Order = Literal["latest", "every"]

#: States of a delivery that may be reported upstream.
SyncState = Literal[
    "accepted",
    "confirmed",
    "rejected",
    "refused",
    "quarantined",
    "withdrawn",
    "removed",
    "superseded",
    "expired",
    "in_doubt",
    "given_up",
]

#: What ``sync_back: with`` may name besides fields of the record. An absent one is empty.
SYNC_SOURCES = (
    "key",
    "state",
    "account",
    "kind",
    "receipt.url",
    "receipt.id",
    "receipt.reason",
    "receipt.at",
)

#: What ``sync_back: figures: with`` may name besides: of one day, or summed from publication to the end of that day.
FIGURE_SOURCES = (
    "figures.day",
    "figures.reads",
    "figures.shares",
    "figures.total_reads",
    "figures.total_shares",
    "figures.total_likes",
    "figures.total_favourites",
    "figures.total_comments",
)
#: Of ``SYNC_SOURCES``, those that are there when figures are told.
FIGURES_OF_RECORD = ("key", "account")


def _duration(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("P"):
        raise ValueError("must be an ISO-8601 duration such as P2D or PT12H")
    return value


def _begin(value: Any) -> Any:
    if value in ("now", "all") or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise ValueError("must be now, all or a date such as 2026-01-31")


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
Begin = Annotated[Literal["now", "all"] | date, BeforeValidator(_begin)]


# ---- site.yaml


class Template(Strict):
    """A message template registered with WeChat, and the keys it has."""

    id: str = Field(min_length=1, max_length=64)
    fields: tuple[str, ...] = Field(min_length=1)
    kind: Literal["template", "subscribe"] = "template"
    #: Of a subscribe notice: what a citizen agreed to is good for all that come, not for one.
    long_term: bool = False


class Budget(Strict):
    """How much of a scarce quota the site allows itself."""

    mass: str | None = Field(default=None, pattern=r"^[1-9]\d*/(day|month)$")
    #: Half of WeChat's ten: an old version that stays until tomorrow is untidy, a withdrawn article that is still
    #: readable is the worst day, and withdrawals come in handfuls.
    deletions_kept_for_withdrawals: int = Field(default=5, ge=0)


class Account(Strict):
    """One Official Account; its appid and secrets are in the connection."""

    type: AccountType
    connection: str
    access_token: AccessToken = "stable_token"
    templates: Mapping[str, Template] = Field(default_factory=dict)
    #: How often a citizen is told something in one Beijing day, by all flows together but the urgent ones.
    per_citizen: str | None = Field(default=None, pattern=r"^[1-9]\d*/day$")
    budget: Budget = Budget()
    #: Names people have in WeChat, not openids: those change with the account and are nobody's to write down.
    preview_to: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][-_A-Za-z0-9]{5,19}$")], ...] = Field(
        default=(), max_length=9
    )
    cover_color: str | None = Field(default=None, pattern=r"^#[0-9A-Fa-f]{6}$")

    @property
    def messages_a_day(self) -> int | None:
        """``per_citizen`` as a number; None where there is no limit."""
        return int(self.per_citizen.partition("/")[0]) if self.per_citizen else None


class System(Strict):
    """One upstream: which descriptor, over which connection. Files are fetched from it and ``media_hosts`` only."""

    descriptor: str
    connection: str
    media_hosts: tuple[str, ...] = ()


class Alert(Strict):
    """Where the people on duty are told: a robot of WeCom, a webhook, or by mail to ``to``."""

    kind: Literal["wecom", "webhook", "email"]
    connection: str
    to: tuple[str, ...] = ()


class SiteFile(Strict):
    """``site.yaml`` as written."""

    site: str
    time_zone: str
    accounts: Mapping[str, Account]
    systems: Mapping[str, System]
    alerts: tuple[Alert, ...] = ()


# ---- flows/*.yaml


class Where(Strict):
    """What a record's field must be, for the flow to take it. Several keys must all hold."""

    under: str | None = None  # a column's key: that column or any below it
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    since: date | None = None  # a day in the site's zone, included
    not_: tuple[str, ...] | None = Field(default=None, alias="not")


class Source(Strict):
    """Which records a flow takes, and which change of theirs it cares about."""

    system: str
    stream: str
    where: Mapping[str, Where] = Field(default_factory=dict)
    on_change_of: tuple[str, ...] = ()


class TagAudience(Strict):
    """The followers to whom the account gave a tag."""

    tag: str = Field(min_length=1, max_length=30)


class Target(Strict):
    """Where to, as what, to whom."""

    accounts: tuple[str, ...] = Field(min_length=1)
    kind: TargetKind
    as_: Literal["newspic"] | None = Field(default=None, alias="as")
    via: Via | None = None
    template: str | None = None
    form: Form | None = None
    audience: (
        Annotated[
            Annotated[Audience, Tag("who")] | Annotated[TagAudience, Tag("tag")],
            Discriminator(lambda v: "tag" if isinstance(v, dict | TagAudience) else "who"),
        ]
        | None
    ) = None
    reprints: Reprints | None = None


class Review(Strict):
    """How many different people must say yes before anything leaves, and how long they may take.

    After ``within`` the people on duty are told; nothing leaves, and nothing is dropped, because nobody decided.
    """

    needs: PositiveInt
    within: Duration | None = None


class Gather(Strict):
    """One digest from many articles: which, in what order (``-`` newest or largest first), how many, and when."""

    pick: Pick
    order: str = Field(default="-published_at", pattern=r"^-?[a-z_]+(\.\w+)?$")
    take: int = Field(ge=1, le=8)
    every: str


class QuietHours(Strict):
    """A stretch of the day, in the site's zone, in which nothing is sent. It may pass midnight."""

    start: time
    end: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet that holds at ``now`` ends; ``None`` when it is not quiet."""
        local = now.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        passes_midnight = self.end <= self.start
        if passes_midnight:
            quiet = clock >= self.start or clock < self.end
        else:
            quiet = self.start <= clock < self.end
        if not quiet:
            return None
        day = local.date()
        if passes_midnight and clock >= self.start:
            day += timedelta(days=1)
        return datetime.combine(day, self.end, zone).astimezone(now.tzinfo)


def _quiet_hours(value: Any) -> Any:
    if isinstance(value, QuietHours):
        return value
    start, dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    try:
        window = QuietHours(start=time.fromisoformat(start.strip()), end=time.fromisoformat(end.strip()))
    except ValueError:
        raise ValueError('must be two times of day such as "21:00-08:00"') from None
    if not dash or window.start == window.end:
        raise ValueError('must be two different times of day such as "21:00-08:00"')
    return window


class Constant(Strict):
    """A fixed text."""

    value: str


class Formatted(Strict):
    """A time as the system writes it, in the site's zone: ``receipt.at`` or a field of the record."""

    from_: str = Field(alias="from")
    format: str


def _sync_tag(value: Any) -> str:
    if isinstance(value, dict):
        return "constant" if "value" in value else "formatted"
    if isinstance(value, Constant):
        return "constant"
    return "formatted" if isinstance(value, Formatted) else "source"


SyncSource = Annotated[
    Annotated[str, Tag("source")] | Annotated[Constant, Tag("constant")] | Annotated[Formatted, Tag("formatted")],
    Discriminator(_sync_tag),
]


class FiguresBack(Strict):
    """The operation told how many read an article, once a day and again when WeChat corrects it."""

    operation: str
    with_: Mapping[str, SyncSource] = Field(alias="with", min_length=1)


class SyncBack(Strict):
    """The operation told of what became of a delivery. ``with`` names its parameters and what fills each."""

    operation: str
    on: tuple[SyncState, ...] = Field(min_length=1)
    with_: Mapping[str, SyncSource] = Field(alias="with", min_length=1)
    figures: FiguresBack | None = None


class Trial(Strict):
    """Whom a flow may reach until somebody releases it, by the names ``weigov guests`` knows."""

    guests: tuple[str, ...] = Field(min_length=1)


class CorrectionText(Strict):
    """What those are told who have the old text. What is not given is the flow's own."""

    template: str | None = None
    map: Mapping[str, FieldRule] = Field(default_factory=dict)
    link: Link | None = None


class Correction(Strict):
    """What an edit and a withdrawal say to those who got the old text, once each; to nobody else."""

    edited: CorrectionText | None = None
    withdrawn: CorrectionText | None = None


class Flow(Strict):
    """Stream → mapping → target, with review and sync-back. ``from_`` is there unless the target is a menu."""

    flow: str
    title: str = Field(min_length=1)
    to: Target
    from_: Source | None = Field(default=None, alias="from")
    begin: Begin = "now"
    review: Review | None = None
    valid_for: Duration | None = None
    order: Order = "latest"
    quiet_hours: Annotated[QuietHours, BeforeValidator(_quiet_hours)] | None = None
    #: A warning: goes before other messages, at any hour, and does not count as one too many.
    urgent: bool = False
    trial: Trial | None = None
    correction: Correction | None = None
    map: Mapping[str, FieldRule] = Field(default_factory=dict)
    link: Link | None = None
    sync_back: SyncBack | None = None
    menu: tuple[MenuEntry, ...] = ()
    conditional: tuple[ConditionalMenu, ...] = ()
    schedule: str | None = None
    gather: Gather | None = None

    def streams(self) -> tuple[tuple[str, str], ...]:
        """The (system, stream) pairs this flow waits for, each once, in order."""
        found = [(self.from_.system, self.from_.stream)] if self.from_ else []
        for children in self.menu_streams():
            found.append((children.from_.system, children.from_.stream))
        return tuple(dict.fromkeys(found))

    def menu_streams(self) -> tuple[MenuChildren, ...]:
        """Every place of the menus that is filled from a stream."""
        entries = [*self.menu, *(entry for one in self.conditional for entry in one.menu)]
        return tuple(entry.children for entry in entries if isinstance(entry.children, MenuChildren))
