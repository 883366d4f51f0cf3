"""What every errcode means for a call: one table, read from ``errcodes.csv``.

The table decides, no branch elsewhere does. A code that is not listed is refused and never retried. Reactions:

    ok               it worked
    refresh_token    without effect: the token was refused; get a new one and ask once more
    without_effect   surely not done, and the same request gets the same answer
    quota            surely not done; again after ``until``
    ambiguous        a send may have been done; a read may be asked again
    account_stopped  surely not done, and no call of this account will be until a person acts
    call_stopped     surely not done, and no call of this kind will be until a person acts
    already_done     it was done before by the same key; the answer carries its id
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import Literal, cast, get_args

Reaction = Literal[
    "ok",
    "refresh_token",
    "without_effect",
    "quota",
    "ambiguous",
    "account_stopped",
    "call_stopped",
    "already_done",
]
Until = Literal["", "minute", "minutes", "hour", "day", "month"]

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991


@dataclass(frozen=True, slots=True)
class ErrCode:
    """One row: the code, what to do about it, and how to say so to an operator (``zh``, ``advice``)."""

    code: int
    reaction: Reaction
    until: Until
    meaning: str
    zh: str
    advice: str


def _load() -> dict[int, ErrCode]:
    table: dict[int, ErrCode] = {}
    with files(__package__).joinpath("errcodes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            code, reaction, until = int(row["code"]), row["reaction"], row["until"]
            if code in table or reaction not in get_args(Reaction) or until not in get_args(Until):
                raise ValueError(f"errcodes.csv: the row of {code} is not usable")
            table[code] = ErrCode(
                code,
                cast(Reaction, reaction),
                cast(Until, until),
                row["meaning"],
                row["zh"],
                row["advice"],
            )
    return table


ERRCODES = _load()


def look_up(code: int) -> ErrCode:
    """The row of ``code``; an unlisted one is refused."""
    return ERRCODES.get(code) or ErrCode(
        code, "without_effect", "", "not listed", "未收录的错误码", "不自动重试；查微信文档后处理"
    )


def wait_s(until: Until, now: datetime) -> float:
    """Seconds from ``now`` until a quota that ended ``until`` begins anew; days and months are Beijing's."""
    if until in ("day", "month"):
        local = now.astimezone(BEIJING)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        next_day = midnight + timedelta(days=1)
        while until == "month" and next_day.day != 1:
            next_day += timedelta(days=1)
        return (next_day - local).total_seconds()
    return {"": 0.0, "minute": 60.0, "minutes": 300.0, "hour": 3600.0}[until]
