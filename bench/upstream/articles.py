"""The records: articles of about 1 KB each, in Chinese, as JSON and as XML. The same number gives the same article.

``generation`` 0 is the system as it is first read; in 1, one article in a hundred was edited.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

BYTES = 1024  #: of one article as JSON, about
COLUMNS = (
    "id", "title", "channelCode", "source", "author", "docNumber", "publishTime", "updateTime", "url", "html", "hits",
    "orgId",
)  # fmt: skip

_SENTENCE = "为深入贯彻落实市委、市政府关于优化营商环境的决策部署，进一步方便企业和群众办事，现将有关事项通知如下。"
_FIRST = datetime(2026, 1, 1, 9)


def article(number: int, generation: int = 0) -> dict[str, str]:
    """Article ``number``, counted from 0."""
    edited = generation and number % 100 == 50
    moment = _FIRST + timedelta(seconds=97 * number)
    row = {
        "id": f"A{number:07d}",
        "title": f"关于做好第{number}号事项公开工作的通知" + ("（修订）" if edited else ""),
        "channelCode": f"01{number % 40:02d}",
        "source": "示范市人民政府办公室",
        "author": "信息公开科",
        "docNumber": f"示政办发〔2026〕{number % 300}号",
        "publishTime": f"{moment:%Y-%m-%d %H:%M:%S}",
        "updateTime": f"{moment + timedelta(hours=1):%Y-%m-%d %H:%M:%S}",
        "url": f"https://www.example.gov.cn/zwgk/{moment:%Y%m}/t{number:07d}.html",
        "html": "",
        "hits": str(number % 977),
        "orgId": "11370100004188688X",
    }
    room = BYTES - len(_json(row)) - len("<p></p>")
    paragraph = f"编号{number}。" + _SENTENCE * (room // len(_SENTENCE.encode()) + 1)
    row["html"] = f"<p>{paragraph.encode()[:room].decode(errors='ignore')}</p>"
    return row


def json_page(numbers: range, total: int, generation: int) -> bytes:
    """A page of the list as a REST service answers it."""
    rows = b",".join(_json(article(number, generation)) for number in numbers)
    return b'{"code":"200","total":%d,"rows":[%b]}' % (total, rows)


def xml_page(numbers: range, total: int, generation: int) -> bytes:
    """A page of the list as a SOAP service answers it: document/literal, one element an article, moments and numbers
    typed as its WSDL says."""
    pieces = [
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/'
        f'envelope/"><soapenv:Body><ListArticlesResponse xmlns="urn:articles"><total>{total}</total>'
    ]
    for number in numbers:
        row = article(number, generation)
        row |= {name: f"{row[name].replace(' ', 'T')}+08:00" for name in ("publishTime", "updateTime")}
        columns = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())
        pieces.append(f"<article>{columns}</article>")
    pieces.append("</ListArticlesResponse></soapenv:Body></soapenv:Envelope>")
    return "".join(pieces).encode()


def _json(row: dict[str, str]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
