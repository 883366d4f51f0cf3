"""The 办件 exchange tables of a province: PRE_APASINFO and its companion EA_JC_STEP_DONE, in a database of yours.

As a case-processing system keeps them, one row a case, overwritten in place:

- ``PROJID`` the case, ``PROJPWD`` what its applicant asks with; ``ITEMNO``/``ITEMNAME`` the matter.
- ``PROJECTSTATE`` 1 受理, 2 补正, 3 审查, 4 办结; ``INFOTYPE`` 1 即办, 2 承诺, 3 联办, 4 上报.
- ``DATASTATE`` 0 作废, 1 有效. ``DATAVER`` rises by one with every report of the case.
- ``SIGNSTATE`` is 0 or empty until the reader sets it to 1 (read) or 3 (cannot be used); a new report sets it back.
- ``CREATE_TIME`` is a text ``yyyy-mm-ddhh24:mi:ss``: without a space. ``RECEIVETIME`` is a text with one.
- ``EA_JC_STEP_DONE.DONERESULT`` means, by ``STDVER`` of the case: in 1.0 0 出证 1 退回办结 2 作废 3 删除 4 转报
  5 补正不来 6 办结; in 2.0 0 出证/准予许可 1 不予许可 2 作废 3 删除 4 转报 5 退件 6 不予受理.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sandbox.content import services
from sandbox.people import PEOPLE

_METADATA = sa.MetaData()

APASINFO = sa.Table(
    "PRE_APASINFO",
    _METADATA,
    sa.Column("PROJID", sa.String(50), primary_key=True),
    sa.Column("PROJPWD", sa.String(20)),
    sa.Column("ITEMNO", sa.String(50)),
    sa.Column("ITEMNAME", sa.String(500)),
    sa.Column("ITEMVERSION", sa.Numeric(6, 0)),
    sa.Column("STDVER", sa.String(10)),
    sa.Column("PROJECTSTATE", sa.String(2)),
    sa.Column("INFOTYPE", sa.String(2)),
    sa.Column("APPLYNAME", sa.String(200)),
    sa.Column("APPLYCARDNUMBER", sa.String(50)),
    sa.Column("RECEIVEDEPT", sa.String(200)),
    sa.Column("RECEIVETIME", sa.String(20)),
    sa.Column("PROMISEDATE", sa.String(10)),
    sa.Column("DATASTATE", sa.String(1)),
    sa.Column("DATAVER", sa.Integer),
    sa.Column("SIGNSTATE", sa.String(1)),
    sa.Column("CREATE_TIME", sa.String(20)),
    sa.Column("REMARK", sa.Text),
)
DONE = sa.Table(
    "EA_JC_STEP_DONE",
    _METADATA,
    sa.Column("ID", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("PROJID", sa.String(50), index=True),
    sa.Column("DONERESULT", sa.String(2)),
    sa.Column("DONETIME", sa.String(20)),
    sa.Column("DATAVER", sa.Integer),
)
EVALUATE = sa.Table(
    "PRE_EVALUATE",
    _METADATA,
    sa.Column("EVALUATEID", sa.String(64), primary_key=True),
    sa.Column("PROJID", sa.String(50)),
    sa.Column("SATISFACTION", sa.Integer),
    sa.Column("EVALCONTENT", sa.String(500)),
    sa.Column("CREATE_TIME", sa.String(20)),
)
_FIRST_DAY = datetime(2026, 1, 5, 9, 0)


class Exchange:
    """The other side of the tables: what the case-processing system does with them."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        self._reports = 0

    def create(self) -> None:
        """Create the tables."""
        _METADATA.create_all(self.engine)

    def seed(self, count: int = 40) -> list[str]:
        """Report ``count`` new cases; their numbers."""
        dice = random.Random("exchange")
        catalogue = services()
        rows, done = [], []
        for n in range(count):
            person, service = PEOPLE[n % len(PEOPLE)], catalogue[n % len(catalogue)]
            received = _FIRST_DAY + timedelta(hours=n)
            state = "1234"[dice.randrange(4)]
            rows.append({
                "PROJID": f"370100{received:%y%m%d}{n:06d}", "PROJPWD": f"{dice.randrange(10**6):06d}",
                "ITEMNO": service.code, "ITEMNAME": service.name, "ITEMVERSION": 1,
                "STDVER": "2.0" if n % 2 else "1.0", "PROJECTSTATE": state, "INFOTYPE": "12"[n % 2],
                "APPLYNAME": person.name, "APPLYCARDNUMBER": person.identity, "RECEIVEDEPT": service.office,
                "RECEIVETIME": f"{received:%Y-%m-%d %H:%M:%S}",
                "PROMISEDATE": f"{received + timedelta(days=20):%Y-%m-%d}",
                "DATASTATE": "1", "DATAVER": 1, "SIGNSTATE": None if n % 3 else "0",
                "CREATE_TIME": self._stamp(), "REMARK": "",
            })  # fmt: skip
            if state == "4":
                done.append({
                    "PROJID": rows[-1]["PROJID"], "DONERESULT": "056"[n % 3], "DATAVER": 1,
                    "DONETIME": f"{received + timedelta(days=3):%Y-%m-%d %H:%M:%S}",
                })  # fmt: skip
        with self.engine.begin() as connection:
            connection.execute(APASINFO.insert(), rows)
            if done:
                connection.execute(DONE.insert(), done)
        return [str(row["PROJID"]) for row in rows]

    def report(self, number: str, **changes: Any) -> None:
        """Report a case anew: its version rises, its sign is taken back."""
        values = {"SIGNSTATE": "0", "CREATE_TIME": self._stamp(), **changes}
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(APASINFO)
                .where(APASINFO.c.PROJID == number)
                .values(DATAVER=APASINFO.c.DATAVER + 1, **values)
            )

    def finish(self, number: str, result: str) -> None:
        """Report a case as finished, with its result in the companion table."""
        stamp = f"{_FIRST_DAY + timedelta(days=30):%Y-%m-%d %H:%M:%S}"
        with self.engine.begin() as connection:
            connection.execute(
                DONE.insert(), {"PROJID": number, "DONERESULT": result, "DONETIME": stamp, "DATAVER": 9}
            )
        self.report(number, PROJECTSTATE="4")

    def signs(self) -> dict[str, str | None]:
        """Case → its sign."""
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(sa.select(APASINFO.c.PROJID, APASINFO.c.SIGNSTATE))}

    def rows(self, table: sa.Table = APASINFO) -> list[dict[str, Any]]:
        """All rows of a table."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def close(self) -> None:
        self.engine.dispose()

    def _stamp(self) -> str:
        self._reports += 1
        return f"{_FIRST_DAY + timedelta(days=20, seconds=self._reports // 3):%Y-%m-%d%H:%M:%S}"
