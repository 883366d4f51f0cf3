"""What REST puts on the wire, value by value, and that it is what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.rest import host
from tests.adapters.auth.kinds import Answer, served
from tests.adapters.test_engines import NOW
from weigov.errors import OutcomeUnknown, RemoteRefused
from weigov.ports import Connection, PullState, SourceSystem

LIST = """
  list:
    kind: article
    schedule: "*/5 * * * *"
    request: {path: /list}
    records: rows
    key: id
    fields: {title: title}
"""
SIGNED = "{kind: signed_params, in: query, algorithm: md5, sign: sign, covers: [query]}"
WRITE = """
  w:
    params: [value]
    idempotency: none
"""


@contextmanager
def asked(
    where: Path, *, streams: str = " {}", operations: str = " {}", auth: str = "{kind: none}", base: str = "",
    answer: Any = (200, {}, b"{}"),
) -> Iterator[tuple[SourceSystem, list[tuple[str, bytes]]]]:  # fmt: skip
    """A system over a server that notes every address and body; ``answer`` may be a function of the address."""
    seen: list[tuple[str, bytes]] = []

    def answered(request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        seen.append((request.path, body))
        found: Answer = answer(request.path) if callable(answer) else answer
        return found

    file = where / "x.yaml"
    file.write_text(
        f"system: x\ntitle: 例\nengine: rest\nauth: {auth}\nstreams:{streams}\noperations:{operations}\n",
        encoding="utf-8",
    )
    with served(answered) as url:
        connection = Connection("gw", "", url + base, "u", "p")
        system = open_system("x", load_descriptor(file), connection, sleep=lambda s: None)
        yield system, seen
        system.close()


def pulled(system: SourceSystem, stream: str = "list") -> list[Any]:
    return list(system.pull(stream, PullState(), NOW))


# paths


@pytest.mark.parametrize("key", ["..", "."])
def test_a_key_that_would_climb_is_not_asked_for(tmp_path: Path, key: str) -> None:
    streams = LIST + '    detail: {request: {path: "/articles/{key}/detail"}}\n'
    rows = b'{"rows": [{"id": "%s", "title": "x"}, {"id": "7", "title": "y"}]}' % key.encode()
    answer = lambda path: (200, {}, rows if path.endswith("/list") else b'{"id": "7"}')  # noqa: E731
    with asked(tmp_path, streams=streams, base="/api", answer=answer) as (system, seen):
        batches = pulled(system)
    assert [path for path, _ in seen] == ["/api/list", "/api/articles/7/detail"]
    assert [(one.key, "another path" in one.reason) for b in batches for one in b.rejected] == [(key, True)]


def test_a_write_whose_value_would_climb_is_refused_unsent(tmp_path: Path) -> None:
    operations = WRITE + '    request: {method: DELETE, path: "/articles/{value}"}\n'
    with asked(tmp_path, operations=operations) as (system, seen):
        with pytest.raises(RemoteRefused, match=r"x w: is not asked: a value is \. or \.\."):
            system.write("w", {"value": ".."}, key="k")
    assert seen == []


# values


@pytest.mark.parametrize("place", ["query", "body"])
def test_values_are_written_as_texts_and_lists_repeat_their_name(tmp_path: Path, place: str) -> None:
    values = '{notify: true, off: false, n: 5, tags: "{value}", more: {a: [1]}}'
    operations = WRITE + f"    request: {{method: POST, path: /w, encode: form, {place}: {values}}}\n"
    with asked(tmp_path, operations=operations) as (system, seen):
        system.write("w", {"value": ["甲", True]}, key="k")
    sent = seen[0][0].partition("?")[2] if place == "query" else seen[0][1].decode()
    assert parse_qsl(sent) == [
        ("notify", "true"), ("off", "false"), ("n", "5"), ("tags", "甲"), ("tags", "true"), ("more", '{"a":[1]}'),
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["query", "body"])
def test_what_is_signed_is_what_is_sent(tmp_path: Path, place: str) -> None:
    auth = f"{{kind: signed_params, in: {place}, algorithm: md5, sign: sign, covers: [{place}], params: {{v: '1'}}}}"
    operations = WRITE + (
        f'    request: {{method: POST, path: /w, encode: form, {place}: {{notify: true, tags: "{{value}}"}}}}\n'
    )
    with asked(tmp_path, operations=operations, auth=auth) as (system, seen):
        system.write("w", {"value": ["甲", "b"]}, key="k")
    sent = parse_qsl(seen[0][0].partition("?")[2] if place == "query" else seen[0][1].decode())
    pairs = dict(sent)
    assert len(pairs) == len(sent) == 4  # a name that comes twice is no parameter a signature is made over
    sign = pairs.pop("sign")
    text = "&".join(f"{name}={value}" for name, value in sorted(pairs.items())) + "p"
    assert sign == hashlib.md5(text.encode()).hexdigest()


@pytest.mark.parametrize("auth", ["{kind: none}", SIGNED.replace("query", "body")])
def test_a_value_that_is_no_text_is_refused_unsent(tmp_path: Path, auth: str) -> None:
    operations = WRITE + '    request: {method: POST, path: /w, body: {a: "{value}"}}\n'
    with asked(tmp_path, operations=operations, auth=auth) as (system, seen):
        with pytest.raises(RemoteRefused, match="a value cannot be sent"):
            system.write("w", {"value": "a\ud800"}, key="k")
    assert seen == []


# the next page's address


@pytest.mark.parametrize("auth", ["{kind: none}", SIGNED])
def test_the_bytes_of_a_next_link_come_back_as_they_are(tmp_path: Path, auth: str) -> None:
    link = "/list?c=%D0%C2%CE%C5&u=%E6%96%B0&empty=&page=2"
    first = b'{"rows": [{"id": "1", "title": "x"}], "next": "%s&t=1&t=2"}' % link.encode()
    answer = lambda path: (200, {}, b'{"rows": []}' if "page=2" in path else first)  # noqa: E731
    streams = LIST + "    paging: {kind: link, next: next}\n"
    with asked(tmp_path, streams=streams, auth=auth, answer=answer) as (system, seen):
        assert pulled(system)[-1].complete
    assert seen[1][0].startswith(link + ("&t=%5B%221%22%2C%222%22%5D&sign=" if auth == SIGNED else "&t=1&t=2"))


@pytest.mark.parametrize(
    ("base", "link", "same"),
    [
        ("http://h.invalid", "http://h.invalid:80/x", True),
        ("http://h.invalid:80", "http://H.invalid/x", True),
        ("https://h.invalid", "https://h.invalid:443/x", True),
        ("http://h.invalid", "https://h.invalid/x", False),
        ("http://h.invalid", "http://h.invalid:8080/x", False),
    ],
)
def test_a_port_that_goes_without_saying_is_the_same_host(base: str, link: str, same: bool) -> None:
    assert (host(urlsplit(base)) == host(urlsplit(link))) is same


# what a write is answered with


def test_an_answer_that_has_nothing_to_confirm_a_write_leaves_it_open(tmp_path: Path) -> None:
    request = '    request: {method: POST, path: /w, body: {a: "{value}"}}\n'
    with asked(tmp_path, operations=WRITE + request, answer=(204, {}, b"")) as (system, _):
        assert system.write("w", {"value": "1"}, key="k").remote_id == ""  # nothing is asked of its answer
    operations = WRITE + request + """    success: "code == '0'"\n"""
    with asked(tmp_path, operations=operations, answer=(204, {}, b"")) as (system, _):
        with pytest.raises(OutcomeUnknown, match="HTTP 204 has nothing that could confirm it"):
            system.write("w", {"value": "1"}, key="k")
    operations = WRITE + request + """    success: "http.status == '204'"\n"""
    with asked(tmp_path, operations=operations, answer=(204, {}, b"")) as (system, _):
        system.write("w", {"value": "1"}, key="k")


QUERIED = """
  w:
    params: [value]
    request: {method: POST, path: /w, body: {a: "{value}"}}
    remote_id: id
    answer: text
    idempotency: query_first
    query: {request: {path: /q, query: {k: "{idempotency_key}"}}, found: id, remote_id: id}
"""


def test_what_a_write_is_told_can_be_kept(tmp_path: Path) -> None:
    body = b'{"id": "a\\u0000b%s", "text": "one\\u0000\\ntwo\\u001b"}' % (b"x" * 500)
    with asked(tmp_path, operations=QUERIED, answer=(200, {}, body)) as (system, _):
        result, found = system.write("w", {"value": "1"}, key="k"), system.find("w", {"value": "1"}, key="k")
    assert (result.remote_id, result.answer) == ("ab" + "x" * 198, "one\ntwo")
    assert found is not None and found.remote_id == result.remote_id
