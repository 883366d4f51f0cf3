"""SOAP 1.1 by hand, as .NET's asmx and Axis 1 speak it: what each of them checks and how each of them answers.

No library: those that exist speak a cleaner SOAP than these two did. .NET reads parameters by name and namespace and
takes one it does not find for null, without a word; it goes by SOAPAction. Axis 1 goes by the name of the element in
the body and reads parameters by position; it writes what lies outside the BMP as two surrogate references.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from fastapi import FastAPI, Request, Response
from lxml import etree
from starlette.concurrency import run_in_threadpool

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"

#: The descriptions of the services lie beside the descriptors; files are shared, code never.
WSDL_DIR = Path(__file__).parents[2] / "adapters" / "systems" / "unproven"
_PROLOG = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True)
class Call:
    """``names`` and ``values`` of the parameters in order; a nil or empty one is ''."""

    operation: str
    action: str
    names: tuple[str, ...]
    values: tuple[str, ...]

    def get(self, name: str) -> str:
        return dict(zip(self.names, self.values, strict=True)).get(name, "")


class Fault(Exception):
    """A SOAP fault, sent with HTTP 500."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


#: Answers a call with the body of the envelope, as XML text.
Handler = Callable[[Call], str]


def serve(
    app: FastAPI, path: str, wsdl: str, base_url: str, read: Callable[[bytes, str], Call], answer: Handler
) -> None:
    """POST calls the service at ``path``, GET with ``?wsdl`` shows the file ``wsdl`` with this address in it."""

    async def post(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("text/xml"):
            return Response(status_code=415)
        body = await request.body()
        try:
            call = read(body, request.headers.get("soapaction", "").strip('"'))
            return _envelope(await run_in_threadpool(answer, call))
        except Fault as fault:
            detail = f"<faultcode>soapenv:{fault.code}</faultcode><faultstring>{escape(fault.text)}</faultstring>"
            return _envelope(f"<soapenv:Fault>{detail}<detail/></soapenv:Fault>", 500)

    def get(request: Request) -> Response:
        if "wsdl" not in (name.lower() for name in request.query_params):
            return Response(f"<h1>{path.rpartition('/')[2]}</h1>", media_type="text/html;charset=utf-8")
        return Response(described(wsdl, base_url + path), media_type="text/xml;charset=utf-8")

    app.add_api_route(path, post, methods=["POST"])
    app.add_api_route(path, get, methods=["GET"])


def described(wsdl: str, address: str) -> bytes:
    """The description of a service at ``address``."""
    tree = etree.parse(WSDL_DIR / wsdl)
    for place in tree.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address"):
        place.set("location", address)
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8")


def read_asmx(namespace: str) -> Callable[[bytes, str], Call]:
    """.NET: the operation from SOAPAction, the parameters by qualified name."""

    def read(body: bytes, action: str) -> Call:
        if not action.startswith(namespace):
            raise Fault("Client", f"Server did not recognize the value of HTTP Header SOAPAction: {action}.")
        operation = action.removeprefix(namespace)
        element = _in_body(body)
        if element.tag != f"{{{namespace}}}{operation}":
            raise Fault("Client", f"Server was unable to read request. ---> element {operation} was expected.")
        inside = [one for one in element if str(one.tag).startswith(f"{{{namespace}}}")]
        names = tuple(etree.QName(one).localname for one in inside)
        return Call(operation, action, names, tuple(one.text or "" for one in inside))

    return read


def read_axis(body: bytes, action: str) -> Call:
    """Axis 1: the operation from the element in the body, the parameters in their order, whatever they are called."""
    element = _in_body(body)
    for one in element:
        if one.get("href"):
            raise Fault("Server.userException", "org.xml.sax.SAXException: no parameter may be a reference here")
    names = tuple(etree.QName(one).localname for one in element)
    return Call(etree.QName(element).localname, action, names, tuple(one.text or "" for one in element))


def asmx_result(namespace: str, operation: str, text: str) -> str:
    """``text`` as a .NET string result, in a CDATA section."""
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result><![CDATA[{text}]]></{operation}Result>'
        f"</{operation}Response>"
    )


def axis_result(
    namespace: str, operation: str, text: str, kind: str = "soapenc:string", *, cdata: bool = False
) -> str:
    """``text`` as an Axis 1 rpc/encoded result."""
    written = f"<![CDATA[{text}]]>" if cdata else surrogates(escape(text))
    return (
        f'<ns1:{operation}Response soapenv:encodingStyle="{ENCODING}" xmlns:ns1="{namespace}">'
        f'<{operation}Return xsi:type="{kind}" xmlns:soapenc="{ENCODING}">{written}</{operation}Return>'
        f"</ns1:{operation}Response>"
    )


def surrogates(text: str) -> str:
    """What lies outside the BMP as two character references, which is not well-formed XML and what Axis 1 sends."""

    def two(char: str) -> str:
        high, low = divmod(ord(char) - 0x10000, 0x400)
        return f"&#x{0xD800 + high:X};&#x{0xDC00 + low:X};"

    return "".join(two(char) if ord(char) > 0xFFFF else char for char in text)


def expect(call: Call, operations: dict[str, int]) -> None:
    """Axis 1 finds an operation by its name and the number of its parameters."""
    if operations.get(call.operation) != len(call.values):
        raise Fault("Server.userException", f"No such operation '{call.operation}'")


def number(text: str, between: tuple[int, int] = (1, 10**9)) -> int | None:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    return value if between[0] <= value <= between[1] else None


def pages(rows: Sequence[object], index: int, size: int) -> slice:
    return slice((index - 1) * size, index * size)


def _in_body(body: bytes) -> etree._Element:
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Fault("Client", "Server was unable to read request. ---> the XML is not well-formed") from error
    found = root.find(f"{{{ENVELOPE}}}Body")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or found is None or len(found) != 1:
        raise Fault("VersionMismatch", "the request is no SOAP 1.1 envelope")
    return found[0]


def _envelope(inside: str, status: int = 200) -> Response:
    text = (
        f'{_PROLOG}<soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:xsd="{XSD}" xmlns:xsi="{XSI}">'
        f"<soapenv:Body>{inside}</soapenv:Body></soapenv:Envelope>"
    )
    return Response(text.encode(), status_code=status, media_type="text/xml;charset=utf-8")
