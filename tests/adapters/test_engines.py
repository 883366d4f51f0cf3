"""The contract of ``ports.SourceSystem``: every engine keeps all of it, against a real server that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.walk import Walk
from tests.adapters.upstream import REST, SOAP, Mirror, Upstream, opened, serving
from weigov.errors import (
    ConfigError,
    OutcomeUnknown,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
)
from weigov.ports import SourceSystem
from weigov.records import Record

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Upstream()) as it:
        for n in range(1, 8):
            it.add(f"A{n}", f"2026-01-0{n} 08:00:00", body=f"<p>{n}</p>")
        yield it


@pytest.fixture(params=["rest", "soap"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def system(kind: str, upstream: Upstream, tmp_path: Path) -> Iterator[SourceSystem]:
    it = opened(kind, upstream.url, tmp_path)
    yield it
    it.close()


def pull(system: SourceSystem, mirror: Mirror, stream: str = "items") -> Mirror:
    mirror.take(system.pull(stream, mirror.state(), NOW))
    return mirror


# reading


def test_every_row_of_every_page_becomes_a_record(system: SourceSystem) -> None:
    mirror = pull(system, Mirror())
    assert sorted(mirror.records) == [f"A{n}" for n in range(1, 8)]
    assert [len(batch.records) for batch in mirror.batches] == [3, 3, 1]
    record = mirror.records["A3"]
    assert record.fields == {"title": "标题A3", "updated_at": datetime(2026, 1, 3, tzinfo=UTC)}
    assert record.kind == "article" and not record.withdrawn


def test_the_cursor_moves_only_with_the_last_page(system: SourceSystem) -> None:
    mirror = pull(system, Mirror())
    assert [batch.cursor for batch in mirror.batches] == [None, None, "2026-01-07T00:00:00Z"]
    assert [batch.complete for batch in mirror.batches] == [False, False, True]


def test_the_next_pull_asks_from_the_cursor_in_the_upstreams_own_time(
    system: SourceSystem, upstream: Upstream
) -> None:
    mirror = pull(system, Mirror())
    upstream.calls.clear()
    upstream.add("B1", "2026-01-08 08:00:00")
    pull(system, mirror)
    assert upstream.called("list") == ["list:1:2026-01-07 08:00:00"]
    assert "B1" in mirror.records and mirror.cursors[""] == "2026-01-08T00:00:00Z"


def test_rows_that_share_the_cursors_instant_are_not_lost(system: SourceSystem, upstream: Upstream) -> None:
    mirror = pull(system, Mirror())
    upstream.add("A0", "2026-01-07 08:00:00")  # same second, sorts before the last one read
    pull(system, mirror)
    assert "A0" in mirror.records


def test_a_row_dated_in_the_future_does_not_hide_the_rows_until_then(
    system: SourceSystem, upstream: Upstream
) -> None:
    upstream.add("A8", "2099-01-01 00:00:00")
    mirror = pull(system, Mirror())
    assert mirror.cursors[""] == "2026-01-10T00:00:00Z"


def test_a_flagged_row_is_withdrawn(system: SourceSystem, upstream: Upstream) -> None:
    upstream.edit("A2", "2026-01-08 08:00:00", gone="1")
    assert pull(system, Mirror()).records["A2"].withdrawn


def test_a_row_edited_while_paging_makes_the_list_be_read_once_more(system: SourceSystem, upstream: Upstream) -> None:
    # A1 jumps to the end after page 1 was read; A4 slips onto page 1 and is not listed in this reading.
    upstream.before["list:2"] = lambda: upstream.edit("A1", "2026-01-09 08:00:00")
    mirror = pull(system, Mirror())
    assert sorted(mirror.records) == [f"A{n}" for n in range(1, 8)] and mirror.last.complete
    assert [call.split(":")[1] for call in upstream.called("list")] == ["1", "2", "3", "1", "2", "3"]
    assert mirror.cursors[""] == "2026-01-09T00:00:00Z"


def test_a_list_that_never_stands_still_is_incomplete_and_keeps_its_cursor(
    system: SourceSystem, upstream: Upstream
) -> None:
    def edit() -> None:
        first = min(upstream.rows, key=lambda row: (row["updated"], row["id"]))
        upstream.edit(first["id"], "2026-01-09 08:00:00")
        upstream.before["list:2"] = edit

    edit()
    mirror = pull(system, Mirror())
    assert "rows came: rows moved while it was read" in mirror.last.incomplete
    assert mirror.cursors == {} and not mirror.last.complete
    assert len(upstream.called("list")) == 6


def test_a_system_that_lists_one_thing_twice_is_read_to_its_end_and_says_so(
    system: SourceSystem, upstream: Upstream
) -> None:
    upstream.rows.append(dict(upstream.rows[1]))
    mirror = pull(system, Mirror())
    assert len(mirror.records) == 7 and mirror.last.complete and mirror.cursors
    assert mirror.last.notes == ["items: the system lists 1 rows twice"]


def test_answers_that_had_to_be_mended_are_told_once_a_pull(
    system: SourceSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Walk, "repairs", {"surrogate_references"})
    for _ in range(2):
        mirror = pull(system, Mirror())
        (note,) = [note for batch in mirror.batches for note in batch.notes]
        assert note.startswith("answers were mended before they could be read: characters such as 𠮷 came as two")


def test_a_list_that_shrinks_while_paging_makes_the_run_incomplete(system: SourceSystem, upstream: Upstream) -> None:
    upstream.before["list:2"] = lambda: upstream.rows.pop(0) and None
    mirror = pull(system, Mirror())
    assert "shrank from 7 to 6" in mirror.last.incomplete and mirror.cursors == {}


def test_a_list_that_grows_while_paging_is_read_to_its_new_end(system: SourceSystem, upstream: Upstream) -> None:
    upstream.before["list:2"] = lambda: upstream.add("A8", "2026-01-08 08:00:00") and None
    mirror = pull(system, Mirror())
    assert "A8" in mirror.records and mirror.last.complete


def test_a_system_that_ignores_the_page_number_is_noticed(system: SourceSystem, upstream: Upstream) -> None:
    upstream.ignore_page = True
    mirror = pull(system, Mirror())
    assert "repeated" in mirror.last.incomplete and mirror.cursors == {}
    assert len(upstream.called("list")) == 2


def test_a_row_that_cannot_be_read_is_rejected_and_the_rest_goes_on(system: SourceSystem, upstream: Upstream) -> None:
    upstream.edit("A2", "08.01.2026")
    upstream.edit("A5", "2026-01-05 08:00:00", id="")
    mirror = pull(system, Mirror())
    assert sorted(mirror.records) == ["A1", "A3", "A4", "A6", "A7"]
    assert mirror.rejected["A2"] == "column updated: is no time in the format the descriptor gives"
    assert mirror.rejected["row 2 of page 2"] == "it has no key (column id)"


@pytest.mark.parametrize("key", ["k" * 201, "A5\n", "A\u202e5"])
def test_a_key_no_ledger_could_keep_costs_its_row(system: SourceSystem, upstream: Upstream, key: str) -> None:
    upstream.edit("A5", "2026-01-05 08:00:00", id=f"{key}x")
    mirror = pull(system, Mirror())
    assert sorted(mirror.records) == ["A1", "A2", "A3", "A4", "A6", "A7"]
    assert mirror.rejected["row 2 of page 2"].startswith("its key is longer than 200 characters")


def test_details_are_called_for_changed_rows_only(system: SourceSystem, upstream: Upstream) -> None:
    mirror = pull(system, Mirror(), "full")
    assert mirror.records["A7"].fields["html"] == "<p>7</p>"
    assert len(upstream.called("get")) == 7
    mirror.cursors.clear()
    upstream.calls.clear()
    upstream.edit("A2", "2026-01-08 08:00:00", body="<p>neu</p>")
    pull(system, mirror, "full")
    assert upstream.called("get") == ["get:A2"]
    assert mirror.records["A2"].fields["html"] == "<p>neu</p>"
    assert sorted(key for batch in mirror.batches for key in batch.seen) == ["A1", "A3", "A4", "A5", "A6", "A7"]


def test_a_withdrawn_row_needs_no_detail(system: SourceSystem, upstream: Upstream) -> None:
    upstream.edit("A2", "2026-01-08 08:00:00", gone="1")
    mirror = pull(system, Mirror(), "full")
    assert mirror.records["A2"].withdrawn and "get:A2" not in upstream.calls


def test_a_detail_that_fails_is_rejected_and_read_again_next_time(system: SourceSystem, upstream: Upstream) -> None:
    upstream.faults = [("get:A3", "refuse")]
    mirror = pull(system, Mirror(), "full")
    assert sorted(mirror.records) == ["A1", "A2", "A4", "A5", "A6", "A7"]
    assert "无权限" in mirror.rejected["A3"]
    assert mirror.cursors[""] == "2026-01-03T00:00:00Z"  # held back before it
    upstream.calls.clear()
    pull(system, mirror, "full")
    assert upstream.called("get") == ["get:A3"]
    assert "A3" in mirror.records and mirror.cursors[""] == "2026-01-07T00:00:00Z"


def test_details_that_all_fail_end_the_run_and_keep_what_was_read(system: SourceSystem, upstream: Upstream) -> None:
    upstream.faults = [(f"get:A{n}", "503") for n in (2, 3, 4, 5) for _ in range(4)]
    mirror = Mirror()
    with pytest.raises(RemoteUnavailable, match="503"):
        pull(system, mirror, "full")
    assert sorted(mirror.records) == ["A1"] and mirror.cursors == {}


# reading through trouble


@pytest.mark.parametrize("fault", ["503", "busy", "html", "broken", "truncate", "close", "reset"])
def test_a_read_survives_trouble_that_passes(system: SourceSystem, upstream: Upstream, fault: str) -> None:
    upstream.faults = [("list:2", fault)] * 2
    assert len(pull(system, Mirror()).records) == 7


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("503", "cannot answer now: HTTP 503"),
        ("busy", "cannot answer now: 系统繁忙"),
        ("html", "an HTML page came"),
        ("broken", "cut short or broken"),
        ("truncate", "the answer broke off"),
        ("close", "closed the connection without an answer"),
    ],
)
def test_trouble_that_stays_is_one_clear_line(
    system: SourceSystem, upstream: Upstream, fault: str, told: str
) -> None:
    upstream.always("list", fault)
    with pytest.raises(RemoteUnavailable, match=told) as caught:
        pull(system, Mirror())
    assert str(caught.value).startswith("cms items: ") and "\n" not in str(caught.value)
    assert len(upstream.called("list")) == 4


def test_batches_before_the_trouble_stay(system: SourceSystem, upstream: Upstream) -> None:
    upstream.faults = [("list:2", "503")] * 50
    mirror = Mirror()
    with pytest.raises(RemoteUnavailable):
        pull(system, mirror)
    assert sorted(mirror.records) == ["A1", "A2", "A3"] and mirror.cursors == {}


def test_a_wait_the_system_asks_for_is_kept(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    sleeps: list[float] = []
    system = opened(kind, upstream.url, tmp_path, sleeps=sleeps)
    upstream.faults = [("list", "429")]
    pull(system, Mirror())
    assert sleeps == [7]
    system.close()


def test_a_refusal_is_not_repeated(system: SourceSystem, upstream: Upstream) -> None:
    upstream.always("list", "refuse")
    with pytest.raises(RemoteRefused, match="cms items: refused: 无权限"):
        pull(system, Mirror())
    assert len(upstream.called("list")) == 1


def test_a_wrong_password_is_refused_once_and_never_shown(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    system = opened(kind, upstream.url, tmp_path, password="wrong-pass")
    with pytest.raises(RemoteRefused, match="口令错误") as caught:
        pull(system, Mirror())
    assert upstream.calls == ["login"]
    assert "wrong-pass" not in str(caught.value) + repr(caught.value) + repr(system) + repr(system.__dict__)
    system.close()


def test_an_address_where_nothing_listens_is_unavailable(kind: str, tmp_path: Path) -> None:
    system = opened(kind, "http://127.0.0.1:9", tmp_path)
    with pytest.raises(RemoteUnavailable, match="nothing listens there"):
        pull(system, Mirror())
    with pytest.raises(RemoteUnavailable):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    system.close()


def test_unknown_words_are_configuration_errors(system: SourceSystem) -> None:
    with pytest.raises(ConfigError, match="no stream 'itmes'"):
        list(system.pull("itmes", Mirror().state(), NOW))
    with pytest.raises(ConfigError, match="no operation"):
        system.write("sav", {}, key="k")
    with pytest.raises(ConfigError, match="has no parameter status"):
        system.write("save", {"id": "A1", "status": "x"}, key="k")


# writing


def test_a_write_tells_what_the_system_called_it(system: SourceSystem, upstream: Upstream) -> None:
    assert system.write("save", {"id": "A1", "state": "confirmed"}, key="k").remote_id == "R1"
    assert upstream.states == [("A1", "confirmed")]


def test_a_refused_write_says_why(system: SourceSystem, upstream: Upstream) -> None:
    with pytest.raises(RemoteRefused, match="cms save: refused: 状态无效"):
        system.write("save", {"id": "A1", "state": "bad"}, key="k")


@pytest.mark.parametrize("fault", ["lose", "close", "reset", "503", "html", "broken", "truncate", "busy", "302"])
def test_a_write_without_a_clear_answer_is_unknown_and_never_repeated(
    system: SourceSystem, upstream: Upstream, fault: str
) -> None:
    upstream.faults = [("save", fault)]
    with pytest.raises(OutcomeUnknown, match="cms save: was sent"):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert upstream.called("save") == ["save:A1"]
    assert len(upstream.states) == (1 if fault in ("lose", "broken", "truncate") else 0)


def test_a_write_that_must_wait_surely_did_nothing(system: SourceSystem, upstream: Upstream) -> None:
    upstream.faults = [("save", "429")]
    with pytest.raises(RateLimited) as caught:
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert caught.value.retry_after_s == 7 and upstream.called("save") == ["save:A1"]


def test_a_write_opens_its_own_connection(system: SourceSystem, upstream: Upstream, monkeypatch: Any) -> None:
    """A kept connection may have died unnoticed, and a write that fails on it could not tell whether it was heard."""
    pull(system, Mirror())
    cleared = []
    adapter = system._wire._adapter  # type: ignore[attr-defined]
    clear = adapter.poolmanager.clear
    monkeypatch.setattr(adapter.poolmanager, "clear", lambda: cleared.append(1) or clear())
    system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert cleared == [1]


# SOAP's own way of saying no


def test_a_fault_of_ours_is_a_refusal_and_one_of_theirs_is_trouble(upstream: Upstream, tmp_path: Path) -> None:
    system = opened("soap", upstream.url, tmp_path)
    upstream.faults = [("list", "fault-client")]
    with pytest.raises(RemoteRefused, match="cms items: refused: 办件不存在") as caught:
        pull(system, Mirror())
    assert caught.value.code == "Client.NotFound"
    upstream.faults = [("list", "fault-server")]
    assert len(pull(system, Mirror()).records) == 7
    upstream.faults = [("save", "fault-client"), ("save", "fault-server")]
    with pytest.raises(RemoteRefused, match="办件不存在"):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    with pytest.raises(OutcomeUnknown, match="leaves it open: 办件不存在"):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    system.close()


def test_a_value_xml_cannot_carry_is_named_and_not_sent(upstream: Upstream, tmp_path: Path) -> None:
    system = opened("soap", upstream.url, tmp_path)
    with pytest.raises(RemoteRefused, match="cms save: state holds a control character"):
        system.write("save", {"id": "A1", "state": "ok\x0b"}, key="k")
    assert upstream.called("save") == []
    system.close()


# logging in (REST alone does)


def test_an_expired_token_is_renewed_once_in_a_read(upstream: Upstream, tmp_path: Path) -> None:
    system = opened("rest", upstream.url, tmp_path)
    pull(system, Mirror())
    upstream.token_lives = False
    assert len(pull(system, Mirror()).records) == 7
    assert upstream.called("login") == ["login", "login"]
    system.close()


def test_a_write_with_an_expired_token_did_nothing_and_is_left_to_the_next_try(
    upstream: Upstream, tmp_path: Path
) -> None:
    system = opened("rest", upstream.url, tmp_path)
    pull(system, Mirror())
    upstream.token_lives = False
    with pytest.raises(RemoteUnavailable, match="our log-in had run out"):
        system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert upstream.states == []
    assert system.write("save", {"id": "A1", "state": "ok"}, key="k").remote_id == "R1"
    system.close()


# partitions


PARTITIONED = (
    REST
    + """
"""
)


def test_each_parent_is_a_partition_with_its_own_cursor(upstream: Upstream, tmp_path: Path) -> None:
    text = REST.replace('since: "{cursor}"}}', 'since: "{cursor}", column: "{column.key}"}}', 1)
    text = text.replace("  full:\n", "    for_each: {stream: full, as: column}\n  full:\n", 1)
    system = opened("rest", upstream.url, tmp_path, text=text)
    parents = [Record("article", "01", {}), Record("article", "02", {}, withdrawn=True), Record("article", "03", {})]
    mirror = Mirror()
    upstream.faults = [("list:1", "ok"), ("list:2", "ok"), ("list:3", "ok"), ("list:1", "refuse")]
    mirror.take(system.pull("items", mirror.state(lambda stream: iter(parents)), NOW))
    assert mirror.cursors == {"01": "2026-01-07T00:00:00Z"}
    assert mirror.records["A1"].partition == "01"
    assert mirror.last.partition == "03" and "无权限" in mirror.last.incomplete
    system.close()


# files


def test_a_file_of_the_systems_own_host_is_fetched(system: SourceSystem, upstream: Upstream) -> None:
    body, content_type = system.fetch(f"{upstream.url}/a.png", 1000)
    assert body.startswith(b"\x89PNG") and content_type == "image/png"
    assert system.fetch("/a.png", 1000)[0] == body  # relative addresses stand in pasted HTML


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://169.254.169.254/latest", "media_hosts"),
        ("http://127.0.0.1:1/a.png", "media_hosts"),
        ("file:///etc/passwd", "no address"),
        ("{url}/missing", "HTTP 404"),
        ("{url}/to/http:~~169.254.169.254~x", "media_hosts"),
        ("{url}/to/~to~~to~~to~", "media_hosts|redirects|404|no address"),
    ],
)
def test_what_may_not_be_fetched_is_refused(
    system: SourceSystem, upstream: Upstream, address: str, told: str
) -> None:
    with pytest.raises(RemoteRefused, match=told):
        system.fetch(address.replace("{url}", upstream.url), 1000)


def test_a_file_over_the_bound_is_refused(system: SourceSystem, upstream: Upstream) -> None:
    with pytest.raises(RemoteRefused, match="100 bytes long, more than 99"):
        system.fetch(f"{upstream.url}/a.png", 99)


def test_a_listed_media_host_is_fetched_from(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    with serving(Upstream()) as other:
        host = other.url.removeprefix("http://")
        system = opened(kind, upstream.url, tmp_path, media_hosts=(host,))
        assert system.fetch(f"{upstream.url}/to/{other.url.replace('/', '~')}~x.png", 1000)[1] == "image/png"
        assert other.calls == ["file:/x.png"]
        system.close()


# what a request may hold besides


OWN = 'query: {page: "{page}", site: "{connection.site_id}",'


def test_what_an_installation_is_called_comes_from_its_connection(upstream: Upstream, tmp_path: Path) -> None:
    text = REST.replace('query: {page: "{page}",', OWN)
    with pytest.raises(ConfigError, match="connection cms_conn: its extra has no site_id, which requests need"):
        opened("rest", upstream.url, tmp_path, text=text)
    system = opened("rest", upstream.url, tmp_path, text=text, extra={"site_id": 17})
    assert len(pull(system, Mirror()).records) == 7
    assert upstream.queries[0]["site"] == "17"
    system.close()


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_a_text_that_is_the_point_of_a_call_comes_whole(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    text = {"rest": REST, "soap": SOAP}[kind]
    place = {"rest": "data.said", "soap": "//said"}[kind]
    system = opened(kind, upstream.url, tmp_path, text=text.rstrip() + f"\n    answer: {place}\n")
    found = system.write("save", {"id": "A1", "state": "ok"}, key="k")
    assert found.answer == upstream.said and len(found.answer) > 400
    assert found.answer not in repr(found)
    system.close()


def test_services_of_one_system_may_have_addresses_of_their_own(upstream: Upstream, tmp_path: Path) -> None:
    text = SOAP.replace("op: SaveState", 'op: SaveState, path: "/soap"')
    path = tmp_path / "items.yaml"
    system = opened("soap", upstream.url, tmp_path, text=text, at="")
    assert path.is_file()
    assert system.write("save", {"id": "A1", "state": "ok"}, key="k").remote_id == "R1"
    system.close()


def test_a_log_in_that_fails_is_tried_four_times_not_sixteen(upstream: Upstream, tmp_path: Path) -> None:
    sleeps: list[float] = []
    system = opened("rest", "http://127.0.0.1:9", tmp_path, sleeps=sleeps)
    with pytest.raises(RemoteUnavailable, match=r"cms log-in: .* nothing listens there"):
        pull(system, Mirror())
    assert len(sleeps) == 3
    system.close()


def test_the_first_pull_may_begin_with_a_day(upstream: Upstream, tmp_path: Path) -> None:
    """For systems that must be given one: SOAP parameters that go by their place, say."""
    text = REST.replace("overlap: PT0S}", "overlap: PT0S, start: 2026-01-04}", 1)
    system = opened("rest", upstream.url, tmp_path, text=text)
    assert sorted(pull(system, Mirror()).records) == ["A4", "A5", "A6", "A7"]
    assert upstream.called("list")[0] == "list:1:2026-01-04 08:00:00"
    system.close()


# what must not be believed


def test_of_one_thing_listed_twice_the_newest_counts_whatever_comes_last(
    system: SourceSystem, upstream: Upstream
) -> None:
    upstream.rows.insert(0, {**upstream.rows[0], "title": "新的", "updated": "2026-01-01 09:00:00"})
    upstream.rows[1]["updated"] = "2026-01-01 09:00:00"
    upstream.rows[1]["title"] = "新的"
    upstream.rows.append({**upstream.rows[0], "title": "旧的", "updated": "2026-01-01 08:59:00"})
    assert pull(system, Mirror()).records["A1"].fields["title"] == "新的"


def test_what_is_withdrawn_leaves_though_its_time_cannot_be_read(system: SourceSystem, upstream: Upstream) -> None:
    upstream.edit("A2", "2026-01-02", gone="1")
    mirror = pull(system, Mirror())
    assert mirror.records["A2"].withdrawn and "A2" not in mirror.rejected


FOR_EACH = REST.replace('since: "{cursor}"}}', 'since: "{cursor}", column: "{column.parent}"}}', 1).replace(
    "  full:\n", "    for_each: {stream: full, as: column}\n  full:\n", 1
)


def test_a_parent_without_what_the_request_needs_does_not_ask_for_everything(
    upstream: Upstream, tmp_path: Path
) -> None:
    text = FOR_EACH.replace("column.parent", "column.summary")
    system = opened("rest", upstream.url, tmp_path, text=text)
    parents = [Record("article", "01", {"summary": "a"}), Record("article", "02", {})]
    mirror = Mirror()
    mirror.take(system.pull("items", mirror.state(lambda stream: iter(parents)), NOW))
    assert {record.partition for record in mirror.records.values()} == {"01"}
    assert "article 02 has no summary, which it is read by" in mirror.last.incomplete
    system.close()


def test_a_stream_read_for_each_of_none_was_not_read(upstream: Upstream, tmp_path: Path) -> None:
    system = opened("rest", upstream.url, tmp_path, text=FOR_EACH.replace("column.parent", "column.key"))
    mirror = Mirror()
    mirror.take(system.pull("items", mirror.state(), NOW))
    assert "full has no records yet" in mirror.last.incomplete and not mirror.last.complete
    system.close()


def test_what_is_pinned_to_the_top_hides_nothing_behind_it(tmp_path: Path) -> None:
    """A first page of old rows is no end of a list that begins with the newest."""
    from tests.adapters.lists import BEGIN, Shop, address, descriptor
    from tests.adapters.lists import opened as shop_opened
    from tests.adapters.lists import serving as shop_serving

    way = ("json", "total", "newest first")
    with shop_serving(Shop()) as shop:
        for n in range(9):
            shop.now = BEGIN + timedelta(hours=n)
            shop.put(f"A{n}")
        it = shop_opened(descriptor(*way), address(*way, shop.url), tmp_path)
        mirror = pull(it, Mirror())
        shop.now += timedelta(hours=1)
        shop.put("B1")
        shop.pinned = ["A0", "A1", "A2"]
        assert "B1" in pull(it, mirror).records
        it.close()
