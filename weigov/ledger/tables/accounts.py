"""What is known of an account at WeChat: its token and quotas, what was uploaded, its menu, its figures."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from weigov.ledger.tables.columns import Utc, id_, metadata

#: The account's access token, sealed; ``version`` is compared before it is replaced.
token = Table(
    "token",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("family", String(16), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("appid", "family"),
)

#: Calls reserved against WeChat's limits. ``period`` is a Beijing day (2026-11-23) or minute (2026-11-23T08:15).
quota = Table(
    "quota",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("path", String(128), nullable=False),
    Column("period", String(32), nullable=False),
    Column("used", Integer, nullable=False, server_default="0"),
    Column("remote_used", Integer, nullable=False, server_default="0"),  # what quota/get last said
    Column("daily_limit", Integer),  # null until quota/get was read: the rulebook's figure holds
    UniqueConstraint("appid", "path", "period"),
)

#: Which bytes are already at WeChat, for which use.
media = Table(
    "media",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("use", String(16), nullable=False),  # body | cover
    Column("sha256", String(64), nullable=False),
    Column("remote_id", String(256), nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "use", "sha256"),
)

#: Frozen bytes of images, as they were approved.
blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content_type", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("at", Utc, nullable=False),
)

#: A menu that stood at an account and was not ours, as WeChat told it, before anything replaced it.
found_menu = Table(
    "found_menu",
    metadata,
    id_(),
    Column("site", String(64), nullable=False),
    Column("target", String(80), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("found_at", Utc, nullable=False),
    UniqueConstraint("site", "target", "digest"),
)

#: What WeChat counted, as it last said it. ``day`` is a Beijing day; ``msgid`` is empty for the account as a whole.
#: kind: read | share | total (sums since publication) of articles; summary | changes | followers of the account
figure = Table(
    "figure",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("msgid", String(64), nullable=False, server_default=""),
    Column("metric", String(32), nullable=False),  # WeChat's own name of it
    Column("value", Double, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("appid", "kind", "day", "msgid", "metric"),
)

#: An article that the figures know, joined to the delivery that published it once that is known.
counted_article = Table(
    "counted_article",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("msgid", String(64), nullable=False),
    Column("published_on", String(10), nullable=False, server_default=""),
    Column("title", String(400), nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("delivery_id", BigInteger, ForeignKey("delivery.id")),
    UniqueConstraint("appid", "msgid"),
    Index("ix_counted_article_delivery", "delivery_id"),
)

#: Which figures were asked for, and when: a day without figures was asked for, too. The day of a total is that of
#: the articles' publication.
figure_pull = Table(
    "figure_pull",
    metadata,
    id_(),
    Column("appid", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("day", String(10), nullable=False),
    Column("found", Integer, nullable=False),
    Column("late", Boolean, nullable=False),  # WeChat had not counted all of it
    Column("pulled_at", Utc, nullable=False),
    UniqueConstraint("appid", "kind", "day"),
)
