"""The gateway's parts from the deployment's settings: accounts, and an inbox in the ledger."""

from __future__ import annotations

from collections.abc import Callable

from weigov.credentials import FileCredentials
from weigov.gateway.app import Gateway, InboxMessage
from weigov.ledger import bindings, inbox
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import require_current
from weigov.ledger.seal import Sealer
from weigov.settings import Settings
from weigov.wiring import MASTER_KEY, account_of, clock, usable_site


def build(settings: Settings | None = None) -> tuple[Gateway, Callable[[], None]]:
    """What the callback server needs, and what closes it. Raises ConfigError naming whatever is missing."""
    settings = settings or Settings.from_environ()
    credentials = FileCredentials(settings.secrets_file)
    ledger = Ledger(settings.ledger_url)
    require_current(ledger)
    site, _ = usable_site(settings.site)
    sealer = Sealer.from_text(credentials.get(MASTER_KEY).password)
    with ledger.read() as connection:
        bindings.check_key(connection, sealer)
    now = clock(settings)

    def store_inbox(message: InboxMessage) -> bool:
        with ledger.begin() as connection:
            return inbox.store(
                connection,
                sealer,
                appid=message.appid,
                dedupe_key=message.dedupe_key,
                kind=message.kind,
                event=message.event,
                remote_id=message.remote_id,
                openid=message.openid,
                payload=message.payload,
                now=now(),
            )

    def ready() -> list[str]:
        try:
            with ledger.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except Exception as error:
            return [f"the ledger cannot be reached ({type(error).__name__})"]
        return []

    accounts = {name: account_of(site, credentials, name) for name in site.accounts}
    return Gateway(accounts, store_inbox, ready), ledger.close
