"""One pool an account: how many tasks may speak to WeChat for it at once, whoever wrote their DAG."""

from __future__ import annotations

#: deliver and reconcile side by side; a DAG written by hand waits for one of them.
SLOTS = 2
_PREFIX = "wechat_"


def pool_of(account: str) -> str:
    """The name of an account's pool. The listener makes it before the first run that wants it."""
    return f"{_PREFIX}{account}"


def is_ours(pool: str) -> bool:
    return pool.startswith(_PREFIX)


def description(pool: str) -> str:
    return f"公众号 {pool.removeprefix(_PREFIX)} 的微信调用 calls to WeChat of one account"
