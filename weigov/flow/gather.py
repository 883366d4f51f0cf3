"""One digest from many articles: which are gathered, when, and what becomes of it when one of them changes.

``pick: published`` takes the articles of the stream that stand at the account, published there by any flow of the
site: their bytes were mapped and approved then, and the digest carries the same. Each goes into one digest of a flow
at most (``ledger.gathered``). What is about to be edited or taken down waits; what was withdrawn is left out.

A digest is due once for each time of ``every``; a time that was missed is made up for by the next compose, once. Of a
flow at most one digest waits to leave: the next one takes its articles over. Nothing new: nothing is sent, and the
turn is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection

from weigov.flow.channels import mass
from weigov.flow.columns import Columns, ColumnUnknown, columns_of
from weigov.flow.context import Context
from weigov.flow.where import Tree, matches
from weigov.ledger import gathered, mirror, outbox
from weigov.ledger.gathered import Published
from weigov.ledger.outbox import New
from weigov.ledger.states import UNSENT
from weigov.ledger.streams import StreamRef
from weigov.records import Record
from weigov.site.models import Flow, Gather, TagAudience

#: Why nothing was gathered, as operators read it.
NOTHING_NEW = "nothing new to gather"
NOT_YET = "not its time yet"
_PRIORITY = 55
#: Keys of a published article's payload that a digest carries on.
_CARRIED = ("title", "author", "content", "source_url", "cover", "images", "pic_crop_235_1", "pic_crop_1_1")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one gathering did: digests made and withdrawn, removals asked for, and why there was nothing."""

    deliveries: int = 0
    withdrawn: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A standing article, and its record as it is mirrored."""

    article: Published
    record: Record


def gather(ctx: Context, flow: Flow, mapping_digest: str, *, dry_run: bool = False) -> Gathered:
    """Make the digest that is due, compose anew what changed before it left, take back what was withdrawn since.

    ``dry_run`` says what would be made if it were due now.
    """
    assert flow.gather is not None and flow.from_ is not None
    columns = columns_of(ctx, flow)
    made = withdrawn = 0
    skipped: Counter[str] = Counter()
    with ctx.ledger.read() if dry_run else ctx.ledger.begin() as connection:
        if dry_run:
            began_at, read_at, slot, due = datetime.min.replace(tzinfo=UTC), None, None, True
        else:
            began_at, read_at = gathered.lock(connection, ctx.site.site, flow.flow)
            slot = last_time(flow.gather.every, ctx.now(), ctx.site.zone)
            due = slot > (read_at or began_at)
        for account in flow.to.accounts:
            one = _Digest(ctx, connection, flow, f"account:{account}", columns.parents)
            if not (due or one.is_stale or one.is_owed(read_at)):
                skipped[NOT_YET] += 1
                continue
            chosen = one.choose(began_at)
            made += bool(chosen)
            if not chosen:
                skipped[NOTHING_NEW] += 1
            if dry_run:
                continue
            withdrawn += one.drop_unsent("superseded" if chosen or not one.is_stale else "withdrawn")
            if chosen:
                one.enqueue(chosen, slot if due or read_at is None else read_at, mapping_digest)
        if due and slot is not None:
            gathered.decided(connection, ctx.site.site, flow.flow, slot)
        if not dry_run:
            withdrawn += _take_back(ctx, connection, flow, columns)
    return Gathered(made, withdrawn, dict(skipped))


def take_back(ctx: Context, flow: Flow) -> int:
    """Ask only for the removal of what was withdrawn upstream since it was sent, whatever the flow takes now."""
    with ctx.ledger.begin() as connection:
        return _take_back(ctx, connection, flow, None)


def last_time(every: str, now: datetime, zone: tzinfo) -> datetime:
    """The newest time of a cron line up to and including ``now``."""
    from croniter import croniter  # type: ignore[import-untyped]  # only here: it costs every DAG parse otherwise

    local = now.astimezone(zone) + timedelta(microseconds=1)
    found: datetime = croniter(every, local).get_prev(datetime)
    return found.astimezone(UTC)


def choose(candidates: Sequence[Candidate], rule: Gather) -> list[Candidate]:
    """The first ``take`` by ``order``; what has no value there comes last, equals by their keys."""
    name, down = rule.order.removeprefix("-"), rule.order.startswith("-")
    by_key = sorted(candidates, key=lambda one: one.record.key)
    valued = [one for one in by_key if one.record.get(name) is not None]
    valued.sort(key=lambda one: _comparable(one.record.get(name)), reverse=down)
    return [*valued, *(one for one in by_key if one.record.get(name) is None)][: rule.take]


class _Digest:
    """The digests of one flow at one account."""

    def __init__(self, ctx: Context, connection: Connection, flow: Flow, target: str, parents: Tree) -> None:
        assert flow.from_ is not None and flow.gather is not None
        self._ctx, self._connection, self._flow, self._target, self._parents = ctx, connection, flow, target, parents
        self._rule = flow.gather
        self._ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
        self._rows = outbox.find(
            connection, site=ctx.site.site, flow=flow.flow, record=mass.record_of(flow.flow), target=target,
            limit=100_000,
        )  # fmt: skip
        self._unsent = [row for row in self._rows if row.state in UNSENT]
        self.is_stale = any(mass.stale(ctx, connection, row) for row in self._unsent)

    def is_owed(self, turn: datetime | None) -> bool:
        """Whether the digest of this turn was dropped because of what changed in it, and none took its place."""
        if not self._rows or turn is None:
            return False
        last = max(self._rows, key=lambda row: (row.revision, row.id))
        return last.state == "superseded" and last.payload.get("turn") == turn.isoformat()

    def choose(self, began_at: datetime) -> list[Candidate]:
        """The articles of the next digest, those of an unsent one included."""
        flow, connection = self._flow, self._connection
        assert flow.from_ is not None
        taken = gathered.taken(
            connection, site=self._ref.site, flow=flow.flow, target=self._target, but=[r.id for r in self._unsent]
        )
        candidates = []
        for article in gathered.published(connection, self._ref, self._target):
            if article.record in taken:
                continue
            found = mirror.get(connection, self._ref, article.record.removeprefix(self._ref.record_ref("")))
            if found is None or found[1].withdrawn:
                continue
            if outbox.get(connection, article.id).payload.get("as") == "newspic":
                continue  # a picture message (图片消息) is a message of its own
            if matches(flow.from_.where, found[1], self._parents, self._ctx.site.zone) and _begun(
                flow, article, found[1], began_at, self._ctx.site.zone
            ):
                candidates.append(Candidate(article, found[1]))
        return choose(candidates, self._rule)

    def drop_unsent(self, why: Any) -> int:
        """The digests before are pointless; how many were withdrawn for good. One under way is flagged."""
        if not self._rows:
            return 0
        flow, now = self._flow, self._ctx.now()
        for effect in ("preview", "send"):
            outbox.retire(
                self._connection, site=self._ref.site, flow=flow.flow, record=mass.record_of(flow.flow),
                effect=effect, why=why, before_revision=self._rows[-1].revision + 1, now=now, target=self._target,
            )  # fmt: skip
        mass.discard_drafts(self._connection, self._rows, now=now)
        gathered.let_go(self._connection, site=self._ref.site, flow=flow.flow, target=self._target)
        return len(self._unsent) if why == "withdrawn" else 0

    def enqueue(self, chosen: Sequence[Candidate], turn: datetime | None, mapping_digest: str) -> None:
        """Put the digest into the outbox, and its articles down as taken."""
        flow, now = self._flow, self._ctx.now()
        articles = []
        for one in chosen:
            payload = outbox.get(self._connection, one.article.id).payload
            articles.append({"record": one.article.record, **{name: payload.get(name, "") for name in _CARRIED}})
        audience = flow.to.audience
        new = New(
            site=self._ref.site,
            flow=flow.flow,
            record=mass.record_of(flow.flow),
            revision=max((row.revision for row in self._rows), default=0) + 1,
            effect="preview",
            target=self._target,
            subject="",
            channel="mass",
            payload={
                "via": flow.to.via,
                "turn": turn.isoformat() if turn else "",
                "audience": {"tag": audience.tag} if isinstance(audience, TagAudience) else audience,
                "reprints": flow.to.reprints == "send",
                "articles": articles,
            },
            title=f"{flow.title}（{len(articles)}篇）{articles[0]['title']}",
            priority=_PRIORITY,
            mapping_digest=mapping_digest,
            expires_at=now + flow.valid_for if flow.valid_for else None,
        )
        outbox.enqueue(self._connection, [new], now=now)
        (row,) = outbox.find(
            self._connection, site=new.site, flow=new.flow, record=new.record, target=new.target, effect=new.effect,
            revision=new.revision,
        )  # fmt: skip
        items = [one.article for one in chosen]
        gathered.take(
            self._connection, site=new.site, flow=new.flow, target=new.target, items=items, delivery_id=row.id
        )


def _take_back(ctx: Context, connection: Connection, flow: Flow, columns: Columns | None) -> int:
    """Ask for the removal of what was withdrawn since it was sent, or with ``columns`` is not one the flow takes now;
    how many."""
    assert flow.from_ is not None
    ref = StreamRef(ctx.site.site, flow.from_.system, flow.from_.stream)
    asked = 0
    for item, key, changed_at in gathered.changed_since(connection, ref, flow.flow):
        found = mirror.get(connection, ref, key)
        gone = found is None or found[1].withdrawn
        if gone or (found and columns and _left(ctx, flow, columns, found[1], changed_at)):
            asked += mass.take_back(connection, item, now=ctx.now())
    return asked


def _left(ctx: Context, flow: Flow, columns: Columns, record: Record, changed_at: datetime) -> bool:
    """Whether the flow surely does not take this record any more: of a column nobody has heard of yet it may."""
    assert flow.from_ is not None
    if matches(flow.from_.where, record, columns.parents, ctx.site.zone):
        return False
    try:
        columns.need(flow.from_.where, record, since=changed_at)
    except ColumnUnknown:
        return False
    return True


def _begun(flow: Flow, article: Published, record: Record, began_at: datetime, zone: tzinfo) -> bool:
    """Whether ``begin:`` lets the flow take what stood before it began."""
    if flow.begin == "all" or article.since >= began_at:
        return True
    if isinstance(flow.begin, date):
        moment = record.get("published_at") or article.since
        return isinstance(moment, datetime) and moment >= datetime.combine(flow.begin, time.min, zone)
    return False


def _comparable(value: Any) -> Any:
    """Times and days in one order."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min, UTC)
    return value
