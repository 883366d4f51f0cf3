"""Articles that stand in WeChat as far as the ledger knows, when each was last seen, and drafts left over.

``delivery.check_at`` of a confirmed article is the moment from which it counts as unseen for too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Select, exists, or_, select, update

from weigov.ledger.states import State
from weigov.ledger.tables import ON_ACCOUNT, attempt, delivery, receipt

#: States in which a draft serves nobody any more.
CAME_TO_NOTHING: tuple[State, ...] = ("withdrawn", "superseded", "refused", "expired")


@dataclass(frozen=True, slots=True)
class Standing:
    """One confirmed delivery with the id of its published article."""

    id: int
    article_id: str
    confirmed_at: datetime
    is_gone: bool = False

    def known_gone(self) -> Standing:
        """The same, seen to be deleted."""
        return replace(self, is_gone=True)


def standing(
    connection: Connection,
    target: str,
    *,
    since: datetime,
    until: datetime,
    unseen_at: datetime | None = None,
    limit: int,
) -> list[Standing]:
    """What was confirmed in [since, until] at ``target``, newest first.

    With ``unseen_at`` only what was not seen for too long by then, the longest unseen first.
    """
    query = _articles().where(
        ON_ACCOUNT, delivery.c.target == target, delivery.c.changed_at >= since, delivery.c.changed_at <= until
    )
    if unseen_at is not None:
        query = query.where(or_(delivery.c.check_at.is_(None), delivery.c.check_at <= unseen_at))
        query = query.order_by(delivery.c.check_at.asc().nulls_first(), delivery.c.id)
    else:
        query = query.order_by(delivery.c.changed_at.desc(), delivery.c.id.desc())
    return [Standing(row.id, row.remote_id, row.changed_at) for row in connection.execute(query.limit(limit))]


def by_article(connection: Connection, appid: str, article_ids: Sequence[str]) -> list[Standing]:
    """Those of ``article_ids`` that are confirmed deliveries of ours."""
    query = _articles().where(receipt.c.appid == appid, receipt.c.remote_id.in_(list(article_ids)))
    return [Standing(row.id, row.remote_id, row.changed_at) for row in connection.execute(query)]


def left_drafts(connection: Connection, site: str, target: str, *, since: datetime) -> list[tuple[int, str]]:
    """(delivery, media_id) of drafts whose delivery came to nothing since then, and nobody removes."""
    removal = delivery.alias("removal")
    is_removed = exists().where(
        removal.c.site == delivery.c.site,
        removal.c.flow == delivery.c.flow,
        removal.c.record == delivery.c.record,
        removal.c.revision == delivery.c.revision,
        removal.c.effect == "remove",
        removal.c.target == delivery.c.target,
    )
    query = (
        select(delivery.c.id, attempt.c.remote_id)
        .join(attempt, attempt.c.delivery_id == delivery.c.id)
        .where(
            ON_ACCOUNT, delivery.c.site == site, delivery.c.target == target, delivery.c.state.in_(CAME_TO_NOTHING)
        )
        .where(delivery.c.channel == "news", delivery.c.effect == "publish", delivery.c.changed_at >= since)
        .where(attempt.c.step == "draft", attempt.c.outcome == "ok", ~is_removed)
    )
    return [(row.id, row.remote_id) for row in connection.execute(query.order_by(delivery.c.id))]


def seen(connection: Connection, delivery_id: int, *, again_at: datetime) -> None:
    """It stood just now; unseen until ``again_at``, it is asked for."""
    connection.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "confirmed")
        .values(check_at=again_at)
    )


def _articles() -> Select[tuple[int, str, datetime]]:
    return (
        select(delivery.c.id, receipt.c.remote_id, delivery.c.changed_at)
        .join(receipt, receipt.c.delivery_id == delivery.c.id)
        .where(
            receipt.c.kind == "article",
            delivery.c.channel == "news",
            delivery.c.effect == "publish",
            delivery.c.state == "confirmed",
        )
    )
