"""大汉 Hanweb 咨询投诉, simulated: Axis 1 at ``/hanweb/sdzw/services/zxts`` (``?wsdl``).

Known from a published client: rpc/encoded, namespace ``http://zxts.webservice.sdzw.hanweb.com``; ``zxreceive`` (a
consultation, 咨询) and ``tsreceive`` (a complaint, 投诉) take 31 strings *by position*, the last a fixed secret, and
answer a JSON string ``{"status": "0", "msg": ""}``; what is not 0 is a refusal. In order::

    zxreceive  loginname itemid flowroleid submitdate acceptdate questioncode olduserid uuid oldloginname name lxdzbg
               e_mail mphone telephone capplydate capplycontent answerdept isanswer isreply state reaskreplydate
               isopen title content usertype platform detailurl editurl zxuniqueid area sign
    tsreceive  loginname itemid flowroleid submitdate capplydate questioncode name lxdzbg olduserid uuid oldloginname
               e_mail mphone capplycontent answerdept isanswer isreply reaskreplydate isopen title content projid
               projpwd itemname usertype platform detailurl editurl tsuniqueid area sign

``state`` 1 待受理 2 受理中 3 受理完毕; ``isopen`` 1 public; ``usertype`` 1 法人 2 个人; ``platform`` 1 consultation 2
complaint; ``isreply`` 0 no follow-up 1 a follow-up not answered 2 answered. ``zxuniqueid`` and ``tsuniqueid`` (area
and number) are the key: the same again overwrites.

Assumed: ``zxquery(area, begindate, enddate, page, size, platform, sign) -> JSON string``, ``{"status": "0", "total":
"…", "data": [...]}`` with the names above, ``updatedate``, and ``EX_FLAG`` (0 not yet exchanged, 1 exchanged): what
was changed between two times, both included, oldest change first, at most 100 rows; an empty area means all of them.
Characters outside the BMP go out as Axis 1 writes them.
"""

import json
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException

from sandbox import content
from sandbox.upstream import Order, is_stamp, outage_route, stamp_after, wall
from sandbox.vendors import soap
from sandbox.vendors.refusals import refusal
from sandbox.world import World

PATH = "/hanweb/sdzw/services/zxts"
NAMESPACE = "http://zxts.webservice.sdzw.hanweb.com"
SIGN = "demo-hanweb-sign"
AREA = "370100"
MAX_PAGE_SIZE = 100

ZX = (
    "loginname itemid flowroleid submitdate acceptdate questioncode olduserid uuid oldloginname name lxdzbg e_mail"
    " mphone telephone capplydate capplycontent answerdept isanswer isreply state reaskreplydate isopen title content"
    " usertype platform detailurl editurl zxuniqueid area sign"
).split()
TS = (
    "loginname itemid flowroleid submitdate capplydate questioncode name lxdzbg olduserid uuid oldloginname e_mail"
    " mphone capplycontent answerdept isanswer isreply reaskreplydate isopen title content projid projpwd itemname"
    " usertype platform detailurl editurl tsuniqueid area sign"
).split()
_REQUIRED = ("questioncode", "name", "title", "content", "usertype", "platform", "area")

SCHEMA = """
CREATE TABLE IF NOT EXISTS hanweb_letter (
    unique_id TEXT PRIMARY KEY, updated_at TEXT NOT NULL, fields TEXT NOT NULL, ex_flag TEXT NOT NULL);
"""


def seed(world: World) -> None:
    now = world.clock.beijing()
    for n, text in enumerate(content.answers()[:17]):
        asked, answered = (wall(now - timedelta(hours=hours)) for hours in (60 - n, 30 - n))
        state = "3" if n < 14 else "12"[n % 2]
        title = "𠮷田先生问：" + text.get("q") if n == 0 else text.get("q")
        put(world, answered if state == "3" else asked, {
            "questioncode": f"ZX{n:06d}", "zxuniqueid": f"{AREA}ZX{n:06d}", "area": AREA, "platform": "1",
            "title": title, "content": text.get("q"), "name": "王女士", "loginname": f"user{n:03d}",
            "submitdate": asked, "acceptdate": asked, "capplydate": answered if state == "3" else "",
            "capplycontent": text.body if state == "3" else "", "answerdept": "示范市住房保障中心", "state": state,
            "isanswer": "1" if state == "3" else "0", "isreply": "0", "isopen": "0" if n == 3 else "1",
            "usertype": "2",
            "detailurl": f"https://zwfw.shifan.example/zx/{n:06d}", "itemid": "",
        })  # fmt: skip


def put(world: World, at: str, fields: dict[str, str]) -> None:
    unique_id = fields.get("zxuniqueid") or fields["tsuniqueid"]
    with world.transaction() as db:
        db.execute(
            "INSERT OR REPLACE INTO hanweb_letter VALUES (?, ?, ?, '0')",
            (unique_id, at, json.dumps(fields, ensure_ascii=False)),
        )


def letters(world: World) -> list[dict[str, str]]:
    """In the order of change."""
    with world.lock:
        rows = world.db.execute("SELECT * FROM hanweb_letter ORDER BY updated_at, unique_id").fetchall()
    return [{**json.loads(row["fields"]), "updatedate": row["updated_at"], "EX_FLAG": row["ex_flag"]} for row in rows]


class Answer(Order):
    answer: str | None = None
    isopen: str | None = None
    state: str | None = None


def control(world: World) -> APIRouter:
    router = APIRouter(tags=["Hanweb"])
    router.include_router(outage_route(world, "hanweb", "Hanweb"))

    @router.get("/letters", summary="Consultations and complaints, in the order of change")
    def all_letters() -> list[dict[str, str]]:
        return letters(world)

    @router.patch("/letters/{unique_id}", summary="Answer a letter, reopen it, or make it public or not")
    def answer(unique_id: str, order: Answer) -> dict[str, Any]:
        found = next(
            (one for one in letters(world) if unique_id in (one.get("zxuniqueid"), one.get("tsuniqueid"))), None
        )
        if found is None:
            raise HTTPException(404, f"no letter {unique_id}")
        at = _stamp(world, found["updatedate"])
        fields = {name: value for name, value in found.items() if name not in ("updatedate", "EX_FLAG")}
        if order.answer is not None:
            fields.update(capplycontent=order.answer, capplydate=at, isanswer="1", state="3")
        fields.update(order.model_dump(exclude_none=True, exclude={"answer"}))
        put(world, at, fields)
        return fields

    return router


def install(app: FastAPI, world: World) -> None:
    def answer(call: soap.Call) -> str:
        soap.expect(call, {"zxreceive": 31, "tsreceive": 31, "zxquery": 7})
        said = _query(world, call) if call.operation == "zxquery" else _receive(world, call)
        return soap.axis_result(NAMESPACE, call.operation, json.dumps(said, ensure_ascii=False))

    soap.serve(app, PATH, "hanweb.wsdl", world.base_url, soap.read_axis, answer)


def _receive(world: World, call: soap.Call) -> dict[str, Any]:
    names = ZX if call.operation == "zxreceive" else TS
    given = dict(zip(names, call.values, strict=True))
    if given.pop("sign") != SIGN:
        return _no("验证标识错误", "2")
    if reason := refusal(world, "hanweb", call.operation):
        return _no(reason)
    key = "zxuniqueid" if call.operation == "zxreceive" else "tsuniqueid"
    missing = [name for name in (*_REQUIRED, key) if not given[name]]
    if missing:
        return _no("必填项为空：" + "，".join(missing))
    if given["usertype"] not in ("1", "2") or given["platform"] != ("1" if key == "zxuniqueid" else "2"):
        return _no("用户类型或数据类型错误")
    if not is_stamp(given["submitdate"]):
        return _no("提交日期格式错误")
    before = next((one["updatedate"] for one in letters(world) if one.get(key) == given[key]), None)
    put(world, _stamp(world, before), {**given, "state": given.get("state") or "1"})
    return {"status": "0", "msg": "", "id": given[key]}


def _query(world: World, call: soap.Call) -> dict[str, Any]:
    area, since, until, page, size, platform, sign = call.values
    if sign != SIGN:
        return _no("验证标识错误", "2")
    if reason := refusal(world, "hanweb", "zxquery"):
        return _no(reason)
    index, rows = soap.number(page), soap.number(size, (1, MAX_PAGE_SIZE))
    if index is None or rows is None or not is_stamp(since) or not is_stamp(until):
        return _no("参数错误")
    found = [
        one for one in letters(world)
        if area in ("", one["area"]) and one["platform"] == platform and since <= one["updatedate"] <= until
    ]  # fmt: skip
    return {"status": "0", "msg": "", "total": str(len(found)), "data": found[soap.pages(found, index, rows)]}


def _no(msg: str, status: str = "1") -> dict[str, Any]:
    return {"status": status, "msg": msg}


def _stamp(world: World, before: str | None) -> str:
    return stamp_after(world, before, max(one["updatedate"] for one in letters(world)))
