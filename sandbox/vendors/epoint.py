"""新点 Epoint WebBuilder, simulated: .NET asmx at ``/epoint/WebBuilderMobileService/Service.asmx`` (``?wsdl``).

Known from published clients: document/literal in ``http://tempuri.org/``, two strings a call: ``ValidateData``, a
fixed token, and ``ParasXml``, an XML document declared gb2312 whatever the envelope is in; answers are such documents
too, with ``ReturnInfo/Status`` True or False inside HTTP 200, ``UserArea/PageInfo/TotalNumCount`` and
``InfoList/Info``::

    <?xml version="1.0" encoding="gb2312"?><paras><CategoryNum>028003</CategoryNum>
    <CurrentPageIndex>1</CurrentPageIndex><PageSize>10</PageSize></paras>

    <?xml version="1.0" encoding="gb2312"?><EpointDataBody><DATA><ReturnInfo><Status>True</Status><Description/>
    </ReturnInfo><UserArea><PageInfo><TotalNumCount>19</TotalNumCount></PageInfo><InfoList><Info><InfoID>…</InfoID>
    <CategoryNum>028003</CategoryNum><Title>…</Title><InfoDate>2026-01-05 09:00:00</InfoDate></Info>…</InfoList>
    </UserArea></DATA></EpointDataBody>

``GetCategoryList`` (all columns: ``CategoryNum CategoryName ParentNum``), ``GetInfoList`` (``CategoryNum``, with or
without bars: ``028|003``; newest first), ``GetInfoDetail`` and ``GetInfoAttach`` (``InfoID``), ``UpdateInfo``
(``InfoID WeChatUrl WeChatState``; the same again overwrites).

Assumed: the names of ``UpdateInfo``'s parameters; that a column's list has only its own, at most 50 rows a page;
that an article republished after an edit gets a new ``InfoDate``. A deleted article is in no list. What gb2312 cannot
write goes out as a character reference, as .NET's XmlWriter does.
"""

import re

from fastapi import APIRouter, FastAPI
from lxml import etree

from sandbox.vendors import soap
from sandbox.vendors.refusals import refusal
from sandbox.vendors.shelf import Article, Shelf
from sandbox.world import World

PATH = "/epoint/WebBuilderMobileService/Service.asmx"
NAMESPACE = "http://tempuri.org/"
TOKEN = "demo-epoint-token"
MAX_PAGE_SIZE = 50
_LABEL = re.compile(r"^\s*<\?xml[^>]*\?>")
_PROLOG = '<?xml version="1.0" encoding="gb2312"?>'

SHELF = Shelf(
    "epoint", (("028", "政务公开", ""), ("028003", "通知公告", "028"), ("028004", "政策文件", "028")), published="1"
)
SCHEMA = SHELF.schema


def info_id(n: int) -> str:
    return f"5f0c{n:04d}-9a1e-4c3b-8d27-3b6f0e9d{n:04d}"


def seed(world: World) -> None:
    SHELF.seed(world, info_id)


def control(world: World) -> APIRouter:
    return SHELF.control(world, "Epoint", info_id)


def install(app: FastAPI, world: World) -> None:
    def answer(call: soap.Call) -> str:
        return soap.asmx_result(NAMESPACE, call.operation, _text(_answer(world, call)))

    soap.serve(app, PATH, "epoint.wsdl", world.base_url, soap.read_asmx(NAMESPACE), answer)


class _Refused(Exception):
    """``Status`` False, with a description."""


def _answer(world: World, call: soap.Call) -> etree._Element:
    try:
        if call.operation not in _OPERATIONS:
            raise soap.Fault(
                "Client", f"Server did not recognize the value of HTTP Header SOAPAction: {call.action}."
            )
        if call.get("ValidateData") != TOKEN:
            raise _Refused("身份验证失败")
        if reason := refusal(world, "epoint", call.operation):
            raise _Refused(reason)
        return _OPERATIONS[call.operation](world, _paras(call.get("ParasXml")))
    except _Refused as refused:
        return _body("False", str(refused))[0]


def _paras(text: str) -> dict[str, str]:
    try:
        # The prolog is a label: the string came in the envelope's encoding.
        root = etree.fromstring(_LABEL.sub("", text).encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise _Refused("输入参数格式错误") from error
    if root.tag != "paras":
        raise _Refused("输入参数格式错误")
    return {etree.QName(one).localname: (one.text or "").strip() for one in root}


def _categories(world: World, paras: dict[str, str]) -> etree._Element:
    root, area = _body("True")
    listed = etree.SubElement(area, "CategoryList")
    for number, name, parent in SHELF.columns:
        _fill(etree.SubElement(listed, "Category"), CategoryNum=number, CategoryName=name, ParentNum=parent)
    return root


def _infos(world: World, paras: dict[str, str]) -> etree._Element:
    index = soap.number(paras.get("CurrentPageIndex", ""))
    size = soap.number(paras.get("PageSize", ""), (1, MAX_PAGE_SIZE))
    if index is None or size is None:
        raise _Refused(f"页码或每页条数错误（每页最多{MAX_PAGE_SIZE}条）")
    column = paras.get("CategoryNum", "").replace("|", "")
    found = sorted(
        (a for a in SHELF.all(world) if a.column == column), key=lambda a: (a.updated_at, a.id), reverse=True
    )
    root, area = _body("True")
    _fill(
        etree.SubElement(area, "PageInfo"),
        TotalNumCount=str(len(found)), CurrentPageIndex=str(index), PageSize=str(size),
    )  # fmt: skip
    listed = etree.SubElement(area, "InfoList")
    for a in found[soap.pages(found, index, size)]:
        _fill(
            etree.SubElement(listed, "Info"),
            InfoID=a.id, CategoryNum=a.column, Title=a.title, InfoDate=a.updated_at,
        )  # fmt: skip
    return root


def _detail(world: World, paras: dict[str, str]) -> etree._Element:
    a = _found(world, paras)
    root, area = _body("True")
    _fill(
        etree.SubElement(area, "Info"),
        InfoID=a.id, Title=a.title, InfoDate=a.updated_at, InfoContent=a.html, Ouname=a.publisher,
        InfoUrl=f"https://www.shifan.example/epoint/{a.column}/{a.id}.html",
    )  # fmt: skip
    return root


def _attachments(world: World, paras: dict[str, str]) -> etree._Element:
    a = _found(world, paras)
    root, area = _body("True")
    listed = etree.SubElement(area, "AttachList")
    for n, (name, address) in enumerate(a.files):
        _fill(
            etree.SubElement(listed, "Attach"),
            AttachGuid=f"{a.id}_{n}", AttachFileName=name, AttachUrl=world.base_url + "/epoint" + address,
        )  # fmt: skip
    return root


def _update(world: World, paras: dict[str, str]) -> etree._Element:
    a = _found(world, paras)
    if not paras.get("WeChatState"):
        raise _Refused("WeChatState不能为空")
    SHELF.note(world, "UpdateInfo", a.id, url=paras.get("WeChatUrl", ""), state=paras["WeChatState"])
    return _body("True", "更新成功")[0]


_OPERATIONS = {
    "GetCategoryList": _categories,
    "GetInfoList": _infos,
    "GetInfoDetail": _detail,
    "GetInfoAttach": _attachments,
    "UpdateInfo": _update,
}


def _found(world: World, paras: dict[str, str]) -> Article:
    found = SHELF.get(world, paras.get("InfoID", ""))
    if found is None:
        raise _Refused("信息不存在")
    return found


def _body(status: str, description: str = "") -> tuple[etree._Element, etree._Element]:
    """The whole answer and its ``UserArea``."""
    root = etree.Element("EpointDataBody")
    data = etree.SubElement(root, "DATA")
    _fill(etree.SubElement(data, "ReturnInfo"), Status=status, Description=description)
    return root, etree.SubElement(data, "UserArea")


def _fill(element: etree._Element, **values: str) -> None:
    for name, value in values.items():
        etree.SubElement(element, name).text = value


def _text(root: etree._Element) -> str:
    encoded: bytes = etree.tostring(root, encoding="gbk", xml_declaration=False)  # type: ignore[assignment]
    return _PROLOG + encoded.decode("gbk")
