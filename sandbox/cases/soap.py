"""The case system as its clients meet it: the SOAP service. The package's docstring shows the wire."""

import logging
from datetime import date
from typing import Any, ClassVar

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from lxml import etree
from starlette.routing import Route

from sandbox.cases import (
    spyne_import,  # noqa: F401  (before anything of spyne)
    store,
)
from sandbox.cases.lists import BadParas, read_paras, write_cases, write_refusal
from sandbox.upstream import is_stamp
from sandbox.world import World

# isort: split
from spyne import Application, Array, Boolean, ComplexModel, Date, Fault, Integer, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "http://cases.shifan.example/services"
PATH = "/cases/services/CaseService"

_WRONG_LOGIN = "用户名或密码错误"
_NO_CASE = "办件不存在"


class CaseStep(ComplexModel):  # type: ignore[misc]
    __namespace__ = NAMESPACE
    _type_info: ClassVar = [("status", Unicode), ("time", Unicode)]


class CaseInfo(ComplexModel):  # type: ignore[misc]
    __namespace__ = NAMESPACE
    _type_info: ClassVar = [
        ("caseNo", Unicode), ("itemName", Unicode), ("itemShortName", Unicode), ("itemCode", Unicode),
        ("applicantName", Unicode), ("applicantId", Unicode), ("status", Unicode), ("stdVer", Unicode),
        ("office", Unicode), ("acceptTime", Unicode), ("updateTime", Unicode), ("promiseDate", Date),
        ("valid", Boolean), ("steps", Array(CaseStep)),
    ]  # fmt: skip


class ResultInfo(ComplexModel):  # type: ignore[misc]
    __namespace__ = NAMESPACE
    _type_info: ClassVar = [("success", Boolean), ("message", Unicode)]


class Soap11WithCData(Soap11):  # type: ignore[misc]
    """XML in a string goes out as a CDATA section instead of escaped."""

    def modelbase_to_parent(
        self, ctx: Any, cls: Any, inst: Any, parent: Any, ns: Any, name: str = "retval", **kwargs: Any
    ) -> None:
        super().modelbase_to_parent(ctx, cls, inst, parent, ns, name=name, **kwargs)
        if isinstance(inst, str) and inst.startswith("<?xml"):
            parent[-1].text = etree.CDATA(inst)


def install(app: FastAPI, world: World) -> None:
    logging.getLogger("spyne.application.client").addFilter(_not_a_refusal)
    service = WsgiApplication(make_service(world))
    service.doc.wsdl11.build_interface_document(world.base_url + PATH)
    # A route, not a mount: a mount would answer the address as published with a redirect to ``…/``.
    app.router.routes.append(Route(PATH, WSGIMiddleware(service, workers=4), methods=["GET", "POST"]))


def make_service(world: World) -> Application:
    return Application(
        [_service(world)], NAMESPACE, name="CaseService",
        in_protocol=Soap11(validator="lxml"), out_protocol=Soap11WithCData(),
    )  # fmt: skip


def _service(world: World) -> type[ServiceBase]:
    class CaseService(ServiceBase):  # type: ignore[misc]
        @rpc(Unicode, Unicode, Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
        def GetCaseList(ctx, userName: str, password: str, parasXml: str) -> str:
            if not _may(userName, password):
                return write_refusal(0, _WRONG_LOGIN)
            try:
                asked = read_paras(parasXml or "")
            except BadParas:
                return write_refusal(-1, "参数格式错误")
            found, total = store.cases(
                world, updated_after=asked.updated_after, limit=asked.page_size,
                offset=(asked.page - 1) * asked.page_size,
            )  # fmt: skip
            return write_cases(found, total)

        @rpc(Unicode, Unicode, Unicode, _returns=CaseInfo)  # type: ignore[untyped-decorator]
        def GetCase(ctx, userName: str, password: str, caseNo: str) -> CaseInfo:
            _check(userName, password)
            try:
                return _info(world, store.case(world, caseNo))
            except store.NotThere as error:
                raise Fault("Client.CaseNotFound", _NO_CASE) from error

        @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Boolean)  # type: ignore[untyped-decorator]
        def CheckCasePassword(ctx, userName: str, password: str, caseNo: str, queryPassword: str) -> bool:
            _check(userName, password)
            try:
                return store.case(world, caseNo).query_password == queryPassword
            except store.NotThere:
                return False

        @rpc(Unicode, Unicode, Unicode, Integer, Unicode, _returns=ResultInfo)  # type: ignore[untyped-decorator]
        def SaveEvaluation(
            ctx, userName: str, password: str, caseNo: str, score: int, comment: str | None
        ) -> ResultInfo:
            refusal = _refusal(world, userName, password, caseNo)
            if refusal is None and not 1 <= (score or 0) <= 5:
                refusal = "评价等级应为1至5"
            if refusal is None and not store.case(world, caseNo).finished:
                refusal = "办件尚未办结，不能评价"
            if refusal is None and not store.save_evaluation(world, caseNo, score, comment or ""):
                refusal = "该办件已评价"
            return _outcome(refusal)

        @rpc(Unicode, Unicode, Unicode, Unicode, Unicode, Unicode, Unicode, _returns=ResultInfo)  # type: ignore[untyped-decorator]
        def SaveDeliveryResult(
            ctx, userName: str, password: str, caseNo: str, channel: str | None, state: str | None,
            detail: str | None, deliveredAt: str | None,
        ) -> ResultInfo:  # fmt: skip
            refusal = _refusal(world, userName, password, caseNo)
            if refusal is None and not state:
                refusal = "状态不能为空"
            if refusal is None and deliveredAt and not is_stamp(deliveredAt):
                refusal = "送达时间格式错误"
            if refusal is None:
                store.save_delivery(world, caseNo, channel or "", state or "", detail or "", deliveredAt or "")
            return _outcome(refusal)

    # spyne names the WSDL's service after the class, and shows its methods in the order of definition.
    service: type[ServiceBase] = CaseService
    return service


def _not_a_refusal(record: logging.LogRecord) -> bool:
    """spyne logs a traceback for every fault it sends; one that was meant is an answer like any other."""
    return not (record.exc_info and isinstance(record.exc_info[1], Fault))


def _may(user_name: str | None, password: str | None) -> bool:
    return (user_name, password) == (store.USER_NAME, store.PASSWORD)


def _check(user_name: str | None, password: str | None) -> None:
    if not _may(user_name, password):
        raise Fault("Client.AuthFailed", _WRONG_LOGIN)


def _refusal(world: World, user_name: str | None, password: str | None, case_no: str | None) -> str | None:
    if not _may(user_name, password):
        return _WRONG_LOGIN
    try:
        store.case(world, case_no or "")
    except store.NotThere:
        return _NO_CASE
    return None


def _outcome(refusal: str | None) -> ResultInfo:
    return ResultInfo(success=refusal is None, message=refusal or "操作成功")


def _info(world: World, c: store.Case) -> CaseInfo:
    return CaseInfo(
        caseNo=c.case_no, itemName=c.item_name, itemShortName=c.item_short_name, itemCode=c.item_code,
        applicantName=c.applicant_name, applicantId=c.applicant_id, status=c.status, stdVer=c.stdver,
        office=c.office, acceptTime=c.accepted_at, updateTime=c.updated_at,
        promiseDate=date.fromisoformat(c.promise_date),
        valid=bool(c.valid), steps=[CaseStep(status=code, time=at) for code, at in store.steps(world, c.case_no)],
    )  # fmt: skip
