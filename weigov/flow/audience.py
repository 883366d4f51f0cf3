"""Who gets a message: the citizens bound to a record, as openid hashes. Nobody bound: nobody told, and counted."""

from __future__ import annotations

from sqlalchemy import Connection

from weigov.flow.context import Context
from weigov.ledger import bindings
from weigov.records import Record
from weigov.site.models import Flow

#: audience → the field that says whose record it is.
IDENTITY_FIELD = {"bound_applicant": "applicant", "bound_asker": "asker"}


def subjects(ctx: Context, connection: Connection, flow: Flow, account: str, record: Record) -> list[str]:
    """The openid hashes, within ``account``, of those bound to this record or to its person."""
    assert flow.from_ is not None and flow.to.audience is not None
    appid = ctx.account(account).account.appid
    system = flow.from_.system
    found = bindings.subjects(connection, ctx.sealer, appid, system, "case", record.key)
    identity = record.get(IDENTITY_FIELD[str(flow.to.audience)])
    if identity:
        found += bindings.subjects(connection, ctx.sealer, appid, system, "identity", str(identity))
    return list(dict.fromkeys(found))
