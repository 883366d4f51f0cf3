"""Where the parts meet: settings, site, credentials, ledger, engines and WeChat become one ``Context``.

Nothing else reads the environment or knows both adapters and flows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from adapters import open_system
from adapters.descriptor import all_descriptors, find_descriptor, load_descriptor, places_of, shape
from adapters.links import LinkProber
from adapters.media import own_hosts
from weigov.credentials import FileCredentials
from weigov.errors import ConfigError, Fault
from weigov.flow.context import Context
from weigov.ledger import bindings
from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import require_current
from weigov.ledger.seal import Sealer
from weigov.ledger.tokens import LedgerTokenStore
from weigov.ledger.upstreams import LedgerMeter
from weigov.notify import Notice, tell
from weigov.ports import CallMeter, Clock, Credentials, LinkAnswer, SourceSystem, SystemShape
from weigov.settings import Settings
from weigov.site.load import load_site, load_site_parts
from weigov.site.models import Alert
from weigov.site.site import Site
from weigov.wechat.account import Account, account_from_connection
from weigov.wechat.client import AccountClient
from weigov.wechat.token import Family, TokenKeeper

#: The connection whose password seals personal data and tokens in the ledger.
MASTER_KEY = "weigov_master_key"
#: How long a reading of the sandbox's clock is good for.
_CLOCK_S = 0.2


def shapes(folder: Path) -> Callable[[str], SystemShape]:
    """What a descriptor offers to the site in ``folder``, by its name: for cross-checking the site's flows."""
    return lambda descriptor: shape(load_descriptor(find_descriptor(descriptor, *places_of(folder))))


def request_faults(site: Site, folder: Path) -> list[Fault]:
    """Every request of the site's SOAP systems that their WSDLs do not describe, and every fault of the descriptors
    in ``folder`` that no system of it uses. Asks no network.

    Apart from ``shapes``, because it takes zeep: DAG parsing has no use for it.
    """
    from adapters.soap import check as wsdl_check

    own = (path for _, path in all_descriptors(places_of(folder)[0]))
    faults: dict[Fault, None] = {}
    for file in dict.fromkeys([*(found.file for found in site.shapes.values()), *own]):
        try:
            descriptor = load_descriptor(file)
            if descriptor.wsdl is None or descriptor.wsdl.hosts:
                continue  # no WSDL, or one whose imports only ``weigov check`` may fetch
            wsdl_check.check(descriptor)
        except ConfigError as error:
            faults |= dict.fromkeys(error.faults or (Fault(str(file), str(error)),))
    return list(faults)


def read_site(folder: Path) -> Site:
    """The site in ``folder``, all of it sound. Raises ConfigError with every fault."""
    return load_site(folder, shapes(folder))


def read_site_parts(folder: Path) -> tuple[Site, list[Fault]]:
    """What is sound of the site in ``folder``, and every fault. For DAG parsing: never raises for a broken flow."""
    return load_site_parts(folder, shapes(folder))


def usable_site(folder: Path) -> tuple[Site, list[Fault]]:
    """The same for work. Raises ConfigError when ``site.yaml`` itself is faulty: nothing could work then."""
    found, faults = load_site_parts(folder, shapes(folder))
    if faults and not found.accounts:
        raise ConfigError(faults)
    return found, faults


@contextmanager
def opened(
    settings: Settings | None = None,
    *,
    site: Site | None = None,
    credentials: Credentials | None = None,
    door: str = "shell",
) -> Iterator[Context]:
    """A ``Context`` for the deployment that ``settings`` (the environment) describes; closed at the end.

    Broken flows are left out, as in Airflow: they are lint's and the import error's business, and stop no other.
    ``door`` is what the audit log says people came through.
    Raises ConfigError when the deployment itself cannot work.
    """
    settings = settings or Settings.from_environ()
    credentials = credentials or FileCredentials(settings.secrets_file)
    ledger = Ledger(settings.ledger_url, door)
    systems: dict[str, SourceSystem] = {}
    sessions: list[requests.Session] = []
    try:
        require_current(ledger)
        found = site or usable_site(settings.site)[0]
        sealer = Sealer.from_text(credentials.get(MASTER_KEY).password)
        with ledger.read() as connection:
            bindings.check_key(connection, sealer)
        now = clock(settings)
        clients = _Clients(found, credentials, LedgerTokenStore(ledger, sealer), now, sessions)

        def system(name: str) -> SourceSystem:
            if name not in systems:
                meter = LedgerMeter(ledger, found.site, name, found.zone, now)
                systems[name] = open_source(found, credentials, name, meter=meter)
            return systems[name]

        def teller(alert: Alert, notice: Notice) -> None:
            tell(alert.kind, alert.to, credentials.get(alert.connection), notice)

        def ask_links(urls: Sequence[str], budget_s: float) -> Mapping[str, LinkAnswer]:
            return LinkProber(_own_hosts(found, credentials)).ask(urls, budget_s)

        yield Context(found, ledger, sealer, now, system, clients.get, teller, ask_links)
    finally:
        for open_one in systems.values():
            open_one.close()
        for http in sessions:
            http.close()
        ledger.close()


def _own_hosts(site: Site, credentials: Credentials) -> set[str]:
    """``HOST:PORT`` of the site's systems and of what they list: links may lead there, wherever that is."""
    hosts: set[str] = set()
    for config in site.systems.values():
        try:
            hosts |= own_hosts(credentials.get(config.connection).base_url, config.media_hosts)
        except (ConfigError, ValueError):  # exchange tables and folders have no host
            continue  # whoever pulls from it will say so
    return hosts


def clock(settings: Settings) -> Clock:
    """The system's clock, or the sandbox's movable one."""
    if settings.clock == "system":
        return lambda: datetime.now(UTC)
    return _SandboxClock(settings.clock.removeprefix("sandbox:"))


class _SandboxClock:
    """The sandbox's clock, asked at most every fifth of a second."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/_sandbox/clock"
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._asked_at: datetime | None = None

    def __call__(self) -> datetime:
        with self._lock:
            here = datetime.now(UTC)
            if self._asked_at is None or not 0 <= (here - self._asked_at).total_seconds() < _CLOCK_S:
                try:
                    with requests.Session() as http:  # none stays open: nobody closes a clock
                        http.trust_env = False
                        now = datetime.fromisoformat(http.get(self._url, timeout=10).json()["now"])
                except (requests.RequestException, ValueError, KeyError, TypeError):
                    raise ConfigError(
                        "WEIGOV_CLOCK names the sandbox's clock, but the sandbox does not answer there"
                    ) from None
                here = datetime.now(UTC)
                self._offset = now - here
                self._asked_at = here
            return here + self._offset


class _Clients:
    """One AccountClient per account and thread: its HTTP session is not shared, and goes into ``sessions``."""

    def __init__(
        self,
        site: Site,
        credentials: Credentials,
        store: LedgerTokenStore,
        now: Clock,
        sessions: list[requests.Session],
    ) -> None:
        self._site = site
        self._credentials = credentials
        self._store = store
        self._now = now
        self._sessions = sessions
        self._here = threading.local()

    def get(self, name: str) -> AccountClient:
        clients: dict[str, AccountClient] = self._here.__dict__.setdefault("clients", {})
        if name not in clients:
            account = account_of(self._site, self._credentials, name)
            http = requests.Session()
            self._sessions.append(http)
            family: Family = "token" if self._site.accounts[name].access_token == "token" else "stable"
            keeper = TokenKeeper(account, self._store, http, self._now, family)
            clients[name] = AccountClient(account, keeper, http, self._now)
        return clients[name]


def account_of(site: Site, credentials: Credentials, name: str) -> Account:
    if name not in site.accounts:
        raise ConfigError(f"{name} is not an account of site {site.site}; it has {', '.join(sorted(site.accounts))}")
    config = site.accounts[name]
    return account_from_connection(credentials.get(config.connection), config.type, name=name)


def open_source(
    site: Site, credentials: Credentials, name: str, *, meter: CallMeter | None = None, **options: Any
) -> SourceSystem:
    """The system called ``name`` in ``site``, bound to its connection. ``options`` go to ``adapters.open_system``.

    Raises ConfigError for an unknown name, a faulty descriptor, or a connection that lacks a part.
    """
    if name not in site.systems:
        raise ConfigError(f"{name} is not a system of site {site.site}; it has {', '.join(sorted(site.systems))}")
    config = site.systems[name]
    descriptor = load_descriptor(site.shapes[name].file)
    connection = credentials.get(config.connection)
    return open_system(name, descriptor, connection, media_hosts=config.media_hosts, meter=meter, **options)
