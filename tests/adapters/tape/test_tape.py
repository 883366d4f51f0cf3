"""Tapes: a system's answers without its people, the same records from them, and what is said when they differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters import open_system
from adapters.descriptor import load_descriptor
from adapters.look.unstored import Look
from adapters.tape.player import differences, play
from adapters.tape.recorder import encoding_of, record
from adapters.tape.tape import Tape, load, save
from adapters.vocabulary import Descriptor, XmlStep
from tests.adapters.upstream import REST, SECRET, SOAP, Upstream, serving
from weigov.errors import ConfigError
from weigov.ports import Connection

NOW = datetime(2026, 1, 10, tzinfo=UTC)
PHONE, IDENTITY = "13812345678", "110101199003071234"


def as_cases(text: str) -> str:
    """The test's system, with citizens in it."""
    for old, new in (
        ("kind: article", "kind: case"),
        ("{title: title, updated_at", "{item_name: title, applicant_name: who, updated_at"),
        ("{title: title, html: body", "{item_name: title, office: body"),
    ):
        text = text.replace(old, new)
    return text


TEXTS = {"rest": as_cases(REST), "soap": as_cases(SOAP)}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Upstream()) as it:
        for n in range(1, 8):
            it.add(
                f"A{n}", f"2026-01-0{n} 08:00:00", body=f"第{n}窗口 {PHONE}", who=f"欧阳小{'红梅兰竹菊松柏'[n - 1]}",
                sfzh=IDENTITY, note=f"口令 {SECRET}",
            )  # fmt: skip
        yield it


@pytest.fixture(params=["rest", "soap"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def descriptor_of(kind: str, where: Path, text: str = "") -> Descriptor:
    path = where / "items.yaml"
    path.write_text(text or TEXTS[kind], encoding="utf-8")
    wsdl = Path(__file__).parents[1] / "samples" / "items.wsdl"
    (where / "items.wsdl").write_bytes(wsdl.read_bytes())
    return load_descriptor(path)


def recorded(kind: str, upstream: Upstream, where: Path, **options: Any) -> Tape:
    descriptor = descriptor_of(kind, where, options.pop("text", ""))
    address = upstream.url + ("/soap" if kind == "soap" else "")
    connection = Connection("items", base_url=address, login="weigov", password=SECRET)
    system = open_system("items", descriptor, connection, sleep=lambda s: None)
    try:
        return record(system, descriptor, connection, NOW, **options)
    finally:
        system.close()


# ---- recording


def test_a_tape_plays_to_the_same_records_without_the_system(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    save(recorded(kind, upstream, tmp_path), tmp_path / "items.tape")
    upstream.calls.clear()
    tape = load(tmp_path / "items.tape")
    played = play(tape, descriptor_of(kind, tmp_path))
    assert upstream.calls == []
    assert list(differences(tape.outcomes, played.outcomes)) == []
    assert [record.key for record in played.records["items"]] == [f"A{n}" for n in range(1, 8)]
    assert played.records["items"][2].get("item_name") == "标题A3"
    assert played.records["items"][2].get("updated_at") == datetime(2026, 1, 3, tzinfo=UTC)


def test_neither_people_nor_secrets_nor_addresses_are_on_it(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "items.tape"
    save(recorded(kind, upstream, tmp_path), path)
    text = path.read_text(encoding="utf-8")
    tokens = [] if kind == "soap" else [f'"t{upstream.token}"']
    for secret in (SECRET, PHONE, IDENTITY, "欧阳", "127.0.0.1", "weigov", *tokens):
        assert secret not in text, secret
    assert "标题A3" in text and ("<id>A3</id>" in text or '\\"id\\": \\"A3\\"' in text)


def test_a_person_has_one_stand_in_in_the_list_and_in_the_detail(upstream: Upstream, tmp_path: Path) -> None:
    upstream.rows[1]["who"] = upstream.rows[0]["who"]
    tape = recorded("rest", upstream, tmp_path, text=TEXTS["rest"].replace("office: body", "applicant: who"))
    names = [tape.outcomes["items"].records[key]["fields"]["applicant_name"] for key in ("A1", "A2", "A3")]
    assert names[0] == names[1] != names[2] and len(names[0]) == 4
    assert tape.outcomes["full"].records["A1"]["fields"]["applicant"] == names[0]


def test_a_request_that_names_a_person_is_found_again(upstream: Upstream, tmp_path: Path) -> None:
    text = TEXTS["rest"].replace(
        '{path: "/items/{key}"}', '{path: "/items/{key}", query: {who: "{row.who}", tel: "{row.tel}"}}'
    )
    upstream.rows[0]["tel"] = PHONE
    tape = recorded("rest", upstream, tmp_path, text=text)
    (asked,) = [one.asked for one in tape.exchanges if one.call == "full detail" and one.asked["path"] == "/items/A1"]
    assert "欧阳" not in str(asked) and PHONE not in str(asked) and len(asked["query"]["who"]) == 4
    assert len(tape.outcomes["full"].records) == 7


def test_only_so_many_pages_of_each_stream_are_asked_for(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    tape = recorded(kind, upstream, tmp_path, streams=["items"], pages=2)
    assert len(upstream.called("list")) == 2
    save(tape, tmp_path / "items.tape")
    played = play(load(tmp_path / "items.tape"), descriptor_of(kind, tmp_path))
    assert list(played.outcomes["items"].records) == [f"A{n}" for n in range(1, 7)]
    assert played.outcomes["items"].ended == ""


def test_a_log_in_that_ran_out_is_not_on_the_tape(upstream: Upstream, tmp_path: Path) -> None:
    upstream.before["list:2"] = lambda: setattr(upstream, "token_lives", False)
    tape = recorded("rest", upstream, tmp_path, streams=["items"])
    assert upstream.called("login") == ["login", "login"]
    assert [one.asked["query"]["page"] for one in tape.exchanges] == [1, 2, 3]
    assert len(tape.outcomes["items"].records) == 7


def test_what_went_wrong_goes_wrong_again(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    upstream.faults = [("list:1", "busy"), ("get:A2", "refuse"), ("list:2", "refuse")]
    tape = recorded(kind, upstream, tmp_path, streams=["full"])
    assert tape.outcomes["full"].rejected.keys() == {"A2"}
    assert tape.outcomes["full"].ended.startswith("RemoteRefused: ")
    played = play(tape, descriptor_of(kind, tmp_path))
    assert list(differences(tape.outcomes, played.outcomes)) == []


def test_partitions_are_recorded_with_the_stream_they_are_read_by(upstream: Upstream, tmp_path: Path) -> None:
    text = TEXTS["rest"].replace(
        "  full:\n    kind: case", "  full:\n    for_each: {stream: items, as: item}\n    kind: case"
    )
    text = text.replace('since: "{cursor}"}}', 'since: "{cursor}"}}', 1)
    tape = recorded("rest", upstream, tmp_path, text=text, streams=["full"], pages=1)
    assert {one.call for one in tape.exchanges} == {"items", "full", "full detail"}
    assert tape.outcomes.keys() == {"full"} and len(tape.outcomes["full"].records) == 3
    assert tape.outcomes["full"].records["A1"]["partition"] == "A1"


def test_keys_of_the_connection_are_secrets_and_names_of_its_files_are_not(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.rows[0]["note"] = "sm4-of-ours and /etc/ssl/ca.pem and utf-8"
    extra = {"sm4_secret_key": "sm4-of-ours", "ca_file": "", "charset": "utf-8", "client_key_file": ""}
    descriptor = descriptor_of("rest", tmp_path)
    connection = Connection("items", base_url=upstream.url, login="weigov", password=SECRET, extra=extra)
    system = open_system("items", descriptor, connection)
    tape = record(system, descriptor, connection, NOW, streams=["items"])
    system.close()
    assert tape.outcomes["items"].records["A1"]["extra"]["note"] == "*** and /etc/ssl/ca.pem and utf-8"


def test_what_a_log_in_granted_is_not_on_the_tape_though_answers_repeat_it(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.token = 4711000  # long enough to be looked for
    for n, row in enumerate(upstream.rows):
        row["note"] = f"you are t{4711001 + n}, /a?x=t4711001"
    tape = recorded("rest", upstream, tmp_path, streams=["items"])
    save(tape, tmp_path / "t")
    text = (tmp_path / "t").read_text(encoding="utf-8")
    assert "t4711001" not in text and "you are ***, /a?x=***" in text and "t4711002" in text


def test_an_answer_that_is_not_the_text_it_is_said_to_be_comes_onto_no_tape(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_gbk(self: Any, answer: dict[str, Any], **_: Any) -> None:
        self._raw(200, json.dumps(answer, ensure_ascii=False).encode("gbk"), **{"Content-Type": "application/json"})

    monkeypatch.setattr("tests.adapters.upstream._Handler._say", in_gbk)
    with pytest.raises(ConfigError, match="items items: an answer is not the utf-8 it is said to be"):
        recorded("rest", upstream, tmp_path, streams=["items"])


def test_a_stream_nobody_knows_is_named_with_those_there_are(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no stream itmes; it has full, items"):
        recorded("rest", upstream, tmp_path, streams=["itmes"])


# ---- playing


@pytest.fixture
def tape(upstream: Upstream, tmp_path: Path) -> Tape:
    return recorded("rest", upstream, tmp_path, streams=["items"])


def test_a_changed_descriptor_shows_as_a_diff_of_records(tape: Tape, tmp_path: Path) -> None:
    text = TEXTS["rest"].replace("zone: Asia/Shanghai", "zone: UTC").replace("item_name: title", "item_name: id")
    said = list(differences(tape.outcomes, play(tape, descriptor_of("rest", tmp_path, text)).outcomes))
    at = said.index("items A1 item_name")
    assert said[at : at + 3] == ["items A1 item_name", '- "标题A1"', '+ "A1"']
    assert '- "2026-01-01T00:00:00Z"' in said and '+ "2026-01-01T08:00:00Z"' in said


def test_records_that_went_and_came_are_told_apart(tape: Tape, tmp_path: Path) -> None:
    played = play(tape, descriptor_of("rest", tmp_path)).outcomes
    fewer = {k: v for k, v in played["items"].records.items() if k != "A2"} | {"B1": {"fields": {}, "extra": {}}}
    changed = {"items": replace(played["items"], records=fewer, rejected={"C1": "why"}, ended="RemoteRefused: no")}
    assert list(differences(tape.outcomes, changed)) == [
        "- items A2", "+ items B1", "+ items rejected C1", "items: ended otherwise", "- well", "+ RemoteRefused: no",
    ]  # fmt: skip


def test_a_request_that_is_not_on_the_tape_is_one_line_that_says_what_was_asked(tape: Tape, tmp_path: Path) -> None:
    text = TEXTS["rest"].replace("size: 3", "size: 5")
    ended = play(tape, descriptor_of("rest", tmp_path, text)).outcomes["items"].ended
    assert ended.startswith("RemoteRefused: items items: is not on the tape as /items ")
    assert '"size": 5' in ended and "\n" not in ended


def test_a_stream_the_descriptor_lost_is_said(tape: Tape, tmp_path: Path) -> None:
    text = TEXTS["rest"].replace("  items:\n    kind", "  others:\n    kind")
    assert "no stream items" in play(tape, descriptor_of("rest", tmp_path, text)).outcomes["items"].ended


def test_exchange_tables_and_files_have_no_answers_to_record(tmp_path: Path) -> None:
    class Other:
        name = "exchange"

    with pytest.raises(ConfigError, match="exchange: tapes hold the answers of REST and SOAP systems"):
        record(Other(), descriptor_of("rest", tmp_path), Connection("x", base_url="http://x"), NOW)  # type: ignore[arg-type]


# ---- the file


def test_nobody_else_may_read_a_tape_before_its_reader_has(tape: Tape, tmp_path: Path) -> None:
    (tmp_path / "t.new").symlink_to(tmp_path / "elsewhere")
    save(tape, tmp_path / "t")
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o600 and not (tmp_path / "elsewhere").exists()


def test_every_line_of_a_tape_is_json_a_person_can_read(tape: Tape, tmp_path: Path) -> None:
    save(tape, tmp_path / "t")
    lines = [json.loads(line) for line in (tmp_path / "t").read_text(encoding="utf-8").splitlines()]
    assert lines[0]["system"] == "items" and lines[0]["streams"] == ["items"]
    assert lines[1]["call"] == "items" and lines[1]["asked"]["path"] == "/items" and "标题A1" in lines[1]["answer"]
    assert load(tmp_path / "t") == tape


@pytest.mark.parametrize(("content", "said"), [
    (b"", "is no tape: it is empty"), (b"\xff\xfe", "it is not UTF-8"), (b"{}\n", ":1: is no line of a tape"),
    (b'{"tape": 99, "system": "x", "address": "", "recorded_at": "2026-01-01", "streams": []}\n', ":1: "),
])  # fmt: skip
def test_what_is_no_tape_is_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_broken_line_in_the_middle_is_named(tape: Tape, tmp_path: Path) -> None:
    save(tape, tmp_path / "t")
    text = (tmp_path / "t").read_text(encoding="utf-8").splitlines()
    text[2] = text[2][:-5]
    (tmp_path / "t").write_text("\n".join(text), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 't'}:3: ")):
        load(tmp_path / "t")


@pytest.mark.parametrize(("encoding", "answer"), [
    ("gb18030", "<r>中文</r>".encode("gb18030")), ("utf-8", b"<r>\xff\xfe</r>"),
    ("utf-16-le", "\ufeff中".encode("utf-16-le")),
])  # fmt: skip
def test_answers_come_back_byte_for_byte(encoding: str, answer: bytes, tape: Tape, tmp_path: Path) -> None:
    tape.exchanges[0] = replace(tape.exchanges[0], answer=answer, encoding=encoding)
    save(tape, tmp_path / "t")
    assert load(tmp_path / "t").exchanges[0].answer == answer


@pytest.mark.parametrize(("body", "content_type", "chain", "encoding"), [
    (b'<?xml version="1.0" encoding="GBK"?><a/>', "text/xml; charset=utf-8", (), "gb18030"),
    (b"<a/>", 'text/xml; charset="GB2312"', (), "gb18030"),
    (b"<a/>", "text/xml", (XmlStep(xml="gbk"),), "gb18030"),
    (b"\xff\xfe<\x00", "", (), "utf-16-le"),
    (b"\xef\xbb\xbf{}", "application/json", ("json",), "utf-8"),
    (b"{}", "application/json; charset=martian", (), "utf-8"),
])  # fmt: skip
def test_an_answers_charset_is_what_the_descriptor_the_answer_or_its_header_says(
    body: bytes, content_type: str, chain: Any, encoding: str
) -> None:
    assert encoding_of(body, content_type, chain) == encoding


def test_a_look_reads_a_parent_stream_once(upstream: Upstream, tmp_path: Path) -> None:
    descriptor = descriptor_of("rest", tmp_path)
    connection = Connection("items", base_url=upstream.url, login="weigov", password=SECRET)
    system = open_system("items", descriptor, connection)
    look = Look(system, NOW)
    assert len(list(look.parents("items"))) == len(list(look.parents("items"))) == 7
    system.close()
    assert len(upstream.called("list")) == 3
