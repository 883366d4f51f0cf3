"""The XML within the SOAP: reads ``parasXml``, writes the list of cases. The package's docstring shows both."""

from dataclasses import dataclass

from lxml import etree

from sandbox.cases.store import Case
from sandbox.upstream import is_stamp

MAX_PAGE_SIZE = 100
_PROLOG = '<?xml version="1.0" encoding="GBK"?>'


class BadParas(ValueError):
    """``parasXml`` is not what the operation takes."""


@dataclass(frozen=True)
class Paras:
    page: int
    page_size: int
    updated_after: str


def read_paras(text: str) -> Paras:
    try:
        root = etree.fromstring(text.encode("gbk", "xmlcharrefreplace"), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise BadParas("not XML") from error
    page, size = _number(root, "CurrentPageIndex"), _number(root, "PageSize")
    after = (root.findtext("UpdatedAfter") or "").strip()
    if root.tag != "paras" or page < 1 or not 1 <= size <= MAX_PAGE_SIZE or (after and not is_stamp(after)):
        raise BadParas("out of range")
    return Paras(page, size, after)


def write_refusal(status: int, description: str) -> str:
    return _text(_result(status, description, 0))


def write_cases(found: list[Case], total: int) -> str:
    root = _result(1, "", total)
    cases = etree.SubElement(root, "Cases")
    for c in found:
        case = etree.SubElement(cases, "Case")
        for name, value in (
            ("CaseNo", c.case_no), ("ItemName", c.item_name), ("ItemShortName", c.item_short_name),
            ("ItemCode", c.item_code), ("ApplicantName", c.applicant_name), ("ApplicantId", c.applicant_id),
            ("Status", c.status), ("STDVER", c.stdver), ("Office", c.office), ("AcceptTime", c.accepted_at),
            ("UpdateTime", c.updated_at), ("PromiseDate", c.promise_date), ("DATASTATE", str(c.valid)),
        ):  # fmt: skip
            etree.SubElement(case, name).text = value
    return _text(root)


def _result(status: int, description: str, total: int) -> etree._Element:
    root = etree.Element("result")
    for name, value in (("Status", str(status)), ("Description", description), ("Total", str(total))):
        etree.SubElement(root, name).text = value
    return root


def _text(root: etree._Element) -> str:
    # Encoded first, so that what GBK cannot write becomes a character reference, as in the real systems.
    encoded: bytes = etree.tostring(root, encoding="gbk", xml_declaration=False)  # type: ignore[assignment]
    return _PROLOG + encoded.decode("gbk")


def _number(root: etree._Element, name: str) -> int:
    text = (root.findtext(name) or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
