"""The assets of a site, by which one DAG follows another: the made ones, and those written by hand."""

from __future__ import annotations

from airflow.sdk import Asset


def stream_asset(site: str, system: str, stream: str) -> Asset:
    """What a stream's records are, as far as the mirror knows them: news when a collect found a change."""
    return Asset(name=f"{site}/{system}/{stream}", uri=f"weigov://{site}/{system}/{stream}", group="stream")


def outbox_asset(site: str, account: str) -> Asset:
    """What may be sent to an account: news when something was composed or released."""
    return _of_account(site, account, "outbox")


def delivered_asset(site: str, account: str) -> Asset:
    """What WeChat took from us for an account: news when something was accepted or confirmed."""
    return _of_account(site, account, "delivered")


def _of_account(site: str, account: str, what: str) -> Asset:
    name = f"{site}/account/{account}/{what}"
    return Asset(name=name, uri=f"weigov://{name}", group=what)
