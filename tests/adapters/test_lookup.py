"""Whether a write that was not answered took effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.lists import Shop, descriptor, opened, serving
from weigov.errors import ConfigError, RemoteRefused, RemoteUnavailable
from weigov.ports import SourceSystem

OPERATION = """operations:
  comment:
    request: {method: POST, path: /json/list, body: {text: "{text}", reference: "{idempotency_key}"}}
    params: [text]
    idempotency: query_first
    query: QUERY
"""
LIST = 'request: {path: /json/list, query: {page: "{page}", size: "{size}"}}, records: rows, paging: PAGING'
PAGING = "{kind: page, size: 3, total: total}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving(Shop()) as shop:
        for n in range(7):
            shop.put(f"A{n}", f"来文 no-{n} 已收")
        yield shop


def system(shop: Shop, where: Path, query: str) -> SourceSystem:
    text = descriptor("json", "total", "none") + OPERATION.replace("QUERY", query.replace("PAGING", PAGING))
    return opened(text, shop.url, where)


@pytest.mark.parametrize(
    ("query", "key", "found"),
    [
        (f'{{{LIST}, contains: {{title: "{{idempotency_key}}"}}, remote_id: id}}', "no-5", "A5"),
        (f'{{{LIST}, contains: {{title: "{{idempotency_key}}"}}, remote_id: id}}', "no-9", None),
        (f'{{{LIST}, where: {{id: "{{idempotency_key}}"}}}}', "A6", ""),
        (f'{{{LIST}, where: {{id: "{{idempotency_key}}"}}}}', "A", None),  # the whole text must be it
        (f'{{{LIST}, where: {{id: "{{text}}"}}, contains: {{title: "{{idempotency_key}}"}}}}', "no-5", None),
        ('{request: {path: /json/list, query: {since: "{idempotency_key}"}}, found: "total != \'0\'"}', "7", ""),
        ('{request: {path: /json/list, query: {since: "{idempotency_key}"}}, found: "total != \'0\'"}', "8", None),
        ('{request: {path: /json/list}, found: "http.status == 200", remote_id: rows.0.id}', "x", "A0"),
    ],
)
def test_a_write_is_found_by_what_it_carried(
    query: str, key: str, found: str | None, shop: Shop, tmp_path: Path
) -> None:
    it = system(shop, tmp_path, query)
    result = it.find("comment", {"text": "A1"}, key=key)
    assert (None if result is None else result.remote_id) == found
    it.close()


def test_only_a_list_read_to_its_end_shows_that_nothing_is_there(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, f'{{{LIST}, where: {{id: "{{idempotency_key}}"}}}}')
    shop.frozen = True
    with pytest.raises(RemoteUnavailable, match="comment query: its list could not be read whole"):
        it.find("comment", {}, key="A6")
    it.close()


def test_a_system_that_is_down_leaves_it_open(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, f'{{{LIST}, where: {{id: "{{idempotency_key}}"}}}}')
    shop.down_from = 1
    with pytest.raises(RemoteUnavailable):
        it.find("comment", {}, key="A6")
    it.close()


def test_an_operation_without_a_query_cannot_be_asked_about(shop: Shop, tmp_path: Path) -> None:
    text = descriptor("json", "total", "none") + OPERATION.replace("query_first", "key").replace(
        "    query: QUERY\n", ""
    )
    it = opened(text, shop.url, tmp_path)
    with pytest.raises(ConfigError, match="has no `query`"):
        it.find("comment", {}, key="A6")
    it.close()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{request: {path: /x}}", "needs `found`, or `records` with `where`"),
        ("{request: {path: /x}, records: rows}", "needs `where` or `contains`"),
        (
            '{request: {path: /x}, records: rows, where: {id: "{tetx}"}}',
            "{tetx} is unknown here",
        ),
        ('{request: {path: /x}, records: rows, where: {id: "{text}"}, found: code}', "say one of them"),
    ],
)
def test_a_query_that_could_not_tell_is_a_fault(query: str, told: str, shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        system(shop, tmp_path, query)
    assert told in str(caught.value)


def test_query_first_and_query_need_each_other(shop: Shop, tmp_path: Path) -> None:
    text: Any = descriptor("json", "total", "none") + OPERATION.replace("    query: QUERY\n", "")
    with pytest.raises(ConfigError, match="`query_first` and `query` need each other"):
        opened(text, shop.url, tmp_path)


@pytest.mark.parametrize("answer", [b'{"rows": null, "error": "x"}', b'{"total": 0}', b'{"rows": [{"error": "x"}]}'])
def test_an_error_in_the_guise_of_an_answer_does_not_show_that_nothing_is_there(
    answer: bytes, shop: Shop, tmp_path: Path
) -> None:
    query = '{request: {path: /json/list}, records: rows, where: {id: "{idempotency_key}"}}'
    it = system(shop, tmp_path, query)
    shop.says = answer
    with pytest.raises((RemoteUnavailable, RemoteRefused)):
        it.find("comment", {}, key="A6")
    shop.says = b'{"rows": []}'
    assert it.find("comment", {}, key="A6") is None
    it.close()


def test_a_flag_that_is_missing_is_no_no(shop: Shop, tmp_path: Path) -> None:
    it = system(shop, tmp_path, "{request: {path: /json/list}, found: \"state == 'done'\"}")
    with pytest.raises(RemoteUnavailable, match="its answer has nothing at state"):
        it.find("comment", {}, key="A6")
    it.close()
