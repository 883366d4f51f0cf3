"""Descriptors: every fault at once, each where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.descriptor import all_descriptors, find_descriptor, has_end, load_descriptor, places_of, shape
from tests.adapters.upstream import REST, SOAP
from weigov.errors import ConfigError


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "it.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "items.wsdl").touch()
    with pytest.raises(ConfigError) as caught:
        load_descriptor(path)
    return [str(fault).removeprefix(f"{path}:") for fault in caught.value.faults]


def line(text: str, part: str) -> int:
    return next(n for n, one in enumerate(text.splitlines(), 1) if part in one)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("engine: rest", "engine: rst", "engine: 'rst' is not a word here (did you mean rest?)"),
        ("records: data.rows", "recrods: data.rows", "items.recrods: is not a word here (did you mean records?)"),
        ("title: title", "titel: title", "streams.items.fields.titel: is no field of article (did you mean title?)"),
        ("updated_at: updated", "updated_at: {from: u, step: [strip]}", "updated_at.step: is not a word here"),
        ("title: title", "title: {from: title, steps: [trim]}", "'trim' is not a word here"),
        ("kind: login_token", "kind: login_tokn", "auth.kind: 'login_tokn' is not a word here (did you mean"),
        ("header: X-Token", "header: X-Token\n  query: t", "5: auth: needs one place: header, query, body or cookie"),
        ("header: X-Token", "hedaer: X-Token", "auth.hedaer: is not a word here (did you mean header?)"),
        ("zone: Asia/Shanghai", "zone: Asia/Peking", "'Asia/Peking' is no time zone"),
        (", zone: Asia/Shanghai", "", "its format has no offset: which zone is meant?"),
        ("overlap: PT0S", "overlap: 600", "overlap"),
        ("overlap: PT0S", "overlap: 10M", "'10M' is no ISO-8601 duration"),
        ('since: "{cursor}"', "x: y", "the request does not use {cursor}"),
        ('page: "{page}"', "x: y", "the request does not use {page}"),
        ('page: "{page}"', 'page: "{pgae}"', "{pgae} is unknown here (did you mean page?)"),
        ("key: id", "", "streams.items.key: is missing"),
        ('schedule: "*/10 * * * *"', "schedule: hourly", "is no cron line"),
        ('schedule: "*/10 * * * *"', 'schedule: "30 25 * * *"', "'30 25 * * *' is no cron line"),
        ('page: "{page}"', "page: {page}", 'request.query.page: is a mapping, not a hole (write "{page}" in quotes)'),
        ("- {when: \"code != '0'\"", "- {when: \"code > '0'\"", "is no condition"),
        ("is: refuse", "is: refused", "'refused' is not a word here (did you mean refuse?)"),
        ("params: [id, state]", "params: [id, state, link]", "link is not used in the request"),
        ("remote_id: data.ref", "idempotency: key", "`key` needs {idempotency_key}"),
        ("{method: POST, path: \"/items", "{method: POST, op: Save, path: \"/items", "belongs to SOAP"),
        ("records: data.rows", "records: //rows", "is a path into XML, and the answer is JSON"),
        ("remote_id: data.ref", "remote_id: //ref", "is a path into XML, and the answer is JSON"),
        ("    detail:", "    for_each: {stream: colums, as: c}\n    detail:", "no stream is called 'colums'"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_said_with_a_hint(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in REST
    text = REST.replace(old, new, 1)
    found = faults(tmp_path, text)
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("titel", "title: title, html", "streams.full.fields.titel"),
        ("hedaer", "header", "auth.hedaer"),
        ("is: refused", "is: refuse", "outcome.2.is"),
        ("op: Save", "method: POST", "operations.save.request.op"),
    ],
)
def test_a_fault_names_its_line_and_path(tmp_path: Path, old: str, new: str, path: str) -> None:
    wrong = {"titel": "titel: title, html", "op: Save": "method: POST, op: Save"}.get(old, old)
    text = wrong.join(REST.rsplit(new, 1))
    found = next(one for one in faults(tmp_path, text) if f" {path}:" in one)
    assert int(found.split(":")[0]) == line(text, old)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = REST.replace("records: data.rows", "recrods: data.rows", 1)  # one stream is not even well formed
    text = text.replace("fields: {title: title, html: body", "fields: {titel: title, html: body")  # another is wrong
    text = text.replace("params: [id, state]", "params: [id, state, link]").replace(
        "header: X-Token", "hedaer: X-Token"
    )
    found = "\n".join(faults(tmp_path, text))
    for told in ("recrods", "records: is missing", "titel", "link is not used", "hedaer"):
        assert told in found
    lines = [int(one.split(":")[0]) for one in found.splitlines()]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("records: data.rows", "records: data.rows\n    titel: x"),
        ("overlap: PT0S", "overlap: 10M"),
        ("fields: {title: title", "fields: {title: {from: title, step: [strip]}"),
        ('    schedule: "*/10 * * * *"\n', ""),
        ("paging: {kind", "pagng: {kind"),
    ],
)
def test_a_stream_with_a_slip_is_cross_checked_all_the_same(tmp_path: Path, old: str, new: str) -> None:
    assert old in REST
    text = REST.replace('size: "{size}"', 'size: "{siez}"', 1).replace(old, new, 1)
    found = faults(tmp_path, text)
    assert any("{siez} is unknown here" in one for one in found) and len(found) == 2, found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("zone: Asia/Shanghai", "zone: Asia/Peking", "time.zone: 'Asia/Peking' is no time zone"),
        ('format: "%Y-%m-%d %H:%M:%S"', 'format: "%Q"', "time.format"),
        ('page: "{page}"', "page: {page}", 'write "{page}" in quotes'),
        ("kind: page", "kind: pages", "paging.kind"),
    ],
)
def test_one_slip_brings_no_faults_that_are_none(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in REST
    (found,) = faults(tmp_path, REST.replace(old, new, 1))
    assert told in found


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{charset: gbk}", "decode.0.charset: is not a word here (known: json, mime, soap_string, text, xml)"),
        ("{jsn: gbk}", "decode.0.jsn: is not a word here (did you mean json?)"),
        ("yson", "decode.0: 'yson' is not a word here (did you mean json?)"),
        ("{text: '//a b'}", "decode.0.text: '//a b' is no path into XML"),
        ("{json: {charset: gbk}}", "decode.0.json"),
    ],
)
def test_of_a_step_only_the_shape_it_comes_nearest_to_complains(tmp_path: Path, step: str, told: str) -> None:
    (found,) = faults(tmp_path, REST.replace("streams:\n", f"decode: [{step}, json]\nstreams:\n", 1))
    assert told in found


def test_an_unquoted_hole_is_named_on_its_own_line(tmp_path: Path) -> None:
    text = REST.replace('query: {page: "{page}", ', "query: {\n      page: {page},\n      ", 1)
    (found,) = faults(tmp_path, text)
    assert int(found.split(":")[0]) == line(text, "page: {page}")


def test_faulty_words_of_a_log_in_do_not_hide_its_request(tmp_path: Path) -> None:
    text = REST.replace("header: X-Token", "hedaer: X-Token").replace('"{login}"', '"{logn}"')
    found = "\n".join(faults(tmp_path, text))
    assert "auth.hedaer: is not a word here" in found and "{logn} is unknown here (did you mean login?)" in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("system: a\nsystem: b\n", "2: found duplicate key"),
        ("system: [a\n", "expected"),
        ("- a\n", "holds no mapping"),
        ("", "holds no mapping"),
    ],
)
def test_what_is_no_descriptor_at_all_is_said(tmp_path: Path, text: str, told: str) -> None:
    assert told in "\n".join(faults(tmp_path, text))


def test_a_soap_descriptor_needs_its_wsdl_and_operations(tmp_path: Path) -> None:
    text = SOAP.replace("wsdl: items.wsdl", "wsdl: others.wsdl").replace("{op: ListItems, ", "{query: {a: 1}, ", 1)
    found = "\n".join(faults(tmp_path, text))
    assert "there is no others.wsdl beside this file" in found
    assert "needs `op`" in found and "belongs to REST" in found


def test_paths_into_xml_are_checked_where_the_answer_is_xml(tmp_path: Path) -> None:
    text = SOAP.replace("total: //total", "total: data.total", 1).replace("record: //data", "record: data")
    found = "\n".join(faults(tmp_path, text))
    assert "streams.items.paging.total: 'data.total' is no path into XML" in found
    assert "streams.full.detail.record: 'data' is no path into XML" in found


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.yaml: cannot be read"):
        load_descriptor(tmp_path / "no.yaml")


def test_its_shape_is_what_flows_may_rely_on(tmp_path: Path) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(REST, encoding="utf-8")
    it = shape(load_descriptor(path))
    assert it.name == "items" and not it.unproven
    assert it.streams["full"].fields == {"title", "html", "updated_at"}
    assert it.streams["full"].kind == "article" and it.streams["full"].schedule == "*/10 * * * *"
    assert it.operations["save"].params == {"id", "state"} and it.operations["save"].idempotency == "none"


def test_a_name_is_the_place_under_systems(tmp_path: Path) -> None:
    for place in ("one.yaml", "demo/two.yaml", "unproven/three.yaml"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(REST, encoding="utf-8")
    assert [name for name, _ in all_descriptors(tmp_path)] == ["demo_two", "one", "three"]
    assert find_descriptor("demo_two", tmp_path) == tmp_path / "demo/two.yaml"
    assert shape(load_descriptor(find_descriptor("three", tmp_path))).unproven
    with pytest.raises(ConfigError, match="did you mean demo_two"):
        find_descriptor("demo_tow", tmp_path)


def test_a_hole_outside_quotes_is_a_mapping_where_a_key_belongs(tmp_path: Path) -> None:
    text = REST.replace('page: "{page}"', "page: {{page}}")
    assert "has a mapping where a key belongs (put {…} in quotes)" in "\n".join(faults(tmp_path, text))


def test_a_sites_own_descriptors_come_before_the_known_ones(tmp_path: Path) -> None:
    own = tmp_path / "town" / "systems"
    (own / "unproven").mkdir(parents=True)
    (own / "items.yaml").write_text(REST, encoding="utf-8")
    (own / "unproven" / "wordpress.yaml").write_text(REST.replace("system: items", "system: wordpress"), "utf-8")
    places = places_of(tmp_path / "town")
    assert find_descriptor("items", *places) == own / "items.yaml"
    assert shape(load_descriptor(find_descriptor("wordpress", *places))).unproven  # theirs, not ours
    assert find_descriptor("demo_cms", *places) == find_descriptor("demo_cms")
    with pytest.raises(ConfigError, match="did you mean items"):
        find_descriptor("itmes", *places)


def test_its_name_is_its_place_there_too(tmp_path: Path) -> None:
    own = tmp_path / "town" / "systems"
    own.mkdir(parents=True)
    (own / "cms.yaml").write_text(REST, encoding="utf-8")
    with pytest.raises(ConfigError, match="must be 'cms', as the file's place says"):
        load_descriptor(own / "cms.yaml")


def test_a_list_has_an_end_where_its_request_says_until_when_or_a_table_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(REST.replace('since: "{cursor}"', 'since: "{cursor}", upto: "{until}"', 1), encoding="utf-8")
    descriptor = load_descriptor(path)
    assert has_end(descriptor, "items") and not has_end(descriptor, "full")
