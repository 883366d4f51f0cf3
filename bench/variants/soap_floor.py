"""The floor over SOAP: requests streams the answer, lxml reads it element by element. Nothing is stored.

Fetching and parsing is what everybody must do; the store's own floor is in the benchmark over REST.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
from lxml import etree

from bench.variants import Count, Step

_ARTICLE = "{urn:articles}article"
_ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="urn:articles">'
    "<soapenv:Body><t:ListArticles><t:page>{page}</t:page><t:size>{size}</t:size></t:ListArticles></soapenv:Body>"
    "</soapenv:Envelope>"
)


def steps(spec: dict[str, Any]) -> Iterator[tuple[str, Step]]:
    def pull() -> Count:
        with requests.Session() as session:
            page, read = 1, 0
            while found := _page(session, spec, page):
                page, read = page + 1, read + found
                if not spec["page"] or found < spec["page"]:
                    break
        return lambda: read

    yield "first", pull


def _page(session: requests.Session, spec: dict[str, Any], page: int) -> int:
    envelope = _ENVELOPE.format(page=page, size=spec["page"]).encode()
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:articles#ListArticles"'}
    count = 0
    with session.post(f"{spec['url']}/soap", data=envelope, headers=headers, stream=True, timeout=600) as reply:
        for _, element in etree.iterparse(reply.raw, events=("end",), tag=_ARTICLE, huge_tree=True):
            row = {child.tag.rpartition("}")[2]: child.text for child in element}
            count += len(row) > 0
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return count
