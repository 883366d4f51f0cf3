"""Know whom messages reach: who left or blocked, who is a guest of a trial, who agreed to which notice, how far a
message to many has come.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def upgrade() -> None:
    op.create_table(
        "citizen",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("openid_hash", sa.String(length=64), nullable=False),
        sa.Column("openid", sa.LargeBinary(), nullable=True),
        sa.Column("gone", sa.String(length=16), server_default="", nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("here_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_citizen")),
        sa.UniqueConstraint("appid", "openid_hash", name="uq_citizen_appid_openid_hash"),
    )
    op.create_table(
        "guest",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("openid_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest")),
        sa.UniqueConstraint("appid", "name", name="uq_guest_appid_name"),
    )
    op.create_table(
        "trial",
        _id(),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("site", "flow", name="uq_trial_site_flow"),
    )
    op.create_table(
        "fan_out",
        _id(),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("record", sa.String(length=400), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("receivers", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cursor", sa.String(length=80), server_default="", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fan_out")),
        sa.UniqueConstraint(
            "site", "flow", "record", "revision", "target", name="uq_fan_out_site_flow_record_revision_target"
        ),
    )
    op.create_table(
        "subscribe_grant",
        _id(),
        sa.Column("appid", sa.String(length=64), nullable=False),
        sa.Column("openid_hash", sa.String(length=64), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=320), nullable=False),
        sa.Column("long_term", sa.Boolean(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribe_grant")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_subscribe_grant_delivery_id")),
        sa.UniqueConstraint("appid", "source", name="uq_subscribe_grant_appid_source"),
    )
    op.create_index("ix_subscribe_grant_who", "subscribe_grant", ["appid", "template_id", "openid_hash"])
    op.create_index("ix_inbox_subject", "inbox", ["appid", "subject", "id"])
