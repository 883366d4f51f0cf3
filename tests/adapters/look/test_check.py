"""What a look at a real server shows, and that each way a descriptor can be wrong is named with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.descriptor import load_descriptor
from adapters.look.check import Checked, check, is_unproven, summary
from tests.adapters.upstream import REST, SOAP, Upstream, opened, serving
from weigov.errors import ConfigError

NOW = datetime(2026, 1, 10, tzinfo=UTC)
Listed = Callable[[int, int, str], tuple[list[dict[str, str]], int]]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving(Upstream()) as it:
        for n in range(1, 8):
            it.add(
                f"A{n}", f"2026-01-0{n} 08:00:00", body=f"<p>{n}</p>", linkman=f"欧阳小{n}", sfzh="11010119900307123X"
            )
        yield it


def looked_at(
    kind: str, upstream: Upstream, where: Path, text: str = "", now: datetime = NOW, **options: Any
) -> dict[str, Checked]:
    password = {"password": options.pop("password")} if "password" in options else {}
    system = opened(kind, upstream.url, where, text=text, **password)
    try:
        descriptor = load_descriptor(where / "items.yaml")
        return {one.stream: one for one in check(system, descriptor, upstream.url, now, **options)}
    finally:
        system.close()


# ---- facts


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_a_sound_descriptor_is_contradicted_by_nothing(kind: str, upstream: Upstream, tmp_path: Path) -> None:
    found = looked_at(kind, upstream, tmp_path)
    assert list(found) == ["full", "items"] and all(one.sound for one in found.values())
    facts = found["full"].facts
    assert facts["rows"] == "3 on the first page of 3, of 7 in all"
    assert facts["paging"] == "the second page brings other rows; it says total"
    assert facts["cursor"] == "updated: 2026-01-01 08:00 Asia/Shanghai to 2026-01-03 08:00 Asia/Shanghai, ascending"
    assert facts["filter"] == "works, and includes the mark itself"
    assert facts["detail"] == "one was read" and facts["withdrawn"] == "gone '0' 3 times"
    assert facts["of people"].startswith("linkman, sfzh: kept in the mirror")


def test_nothing_a_row_says_of_a_person_is_shown(upstream: Upstream, tmp_path: Path) -> None:
    text = REST.replace('withdrawn: {field: gone, values: ["1"]}', 'withdrawn: {field: linkman, values: ["1"]}')
    shown = str(looked_at("rest", upstream, tmp_path, text))
    assert "欧阳" not in shown and "11010119900307123X" not in shown and "标题" not in shown


def test_at_most_five_calls_are_made_of_a_stream(upstream: Upstream, tmp_path: Path) -> None:
    looked_at("rest", upstream, tmp_path, streams=["full"])
    assert upstream.calls == [
        "login", "list:1:", "list:2:", "list:1:2026-01-03 08:00:00", "list:1:2026-01-10 08:15:00", "get:A1"
    ]  # fmt: skip


def test_an_empty_stream_is_no_contradiction(upstream: Upstream, tmp_path: Path) -> None:
    upstream.rows.clear()
    found = looked_at("rest", upstream, tmp_path)["items"]
    assert found.sound and found.facts["rows"] == "none" and "paging" not in found.facts


def test_a_stream_that_is_read_for_each_of_another_is_read_for_the_first_that_has_rows(
    upstream: Upstream, tmp_path: Path
) -> None:
    text = REST.replace(
        "  full:\n    kind: article", "  full:\n    for_each: {stream: items, as: item}\n    kind: article"
    )
    found = looked_at("rest", upstream, tmp_path, text, streams=["full"])
    assert list(found) == ["items", "full"]
    assert found["full"].facts["rows"] == "3 on the first page of 3, of 7 in all, for item A1"
    upstream.rows.clear()
    assert looked_at("rest", upstream, tmp_path, text)["full"].facts == {"rows": "not asked: no items to read it for"}


# ---- contradictions


def capped(it: Upstream) -> Listed:
    return lambda page, size, since: Upstream.listed(it, page, min(size, 2), since)


def counted_by_page(it: Upstream) -> Listed:
    return lambda page, size, since: (lambda rows: (rows, len(rows)))(Upstream.listed(it, page, size, since)[0])


def uncapped(it: Upstream) -> Listed:
    return lambda page, size, since: Upstream.listed(it, page, 5, since)


def unfiltered(it: Upstream) -> Listed:
    return lambda page, size, since: Upstream.listed(it, page, size, "")


def exclusive(it: Upstream) -> Listed:
    return lambda page, size, since: Upstream.listed(it, page, size, since and since + "~")


def shifting(it: Upstream) -> Listed:
    def listed(page: int, size: int, since: str) -> tuple[list[dict[str, str]], int]:
        rows, total = Upstream.listed(it, 1, 7, since)
        at = (page - 1) * (size - 1)
        return rows[at : at + size], total

    return listed


def doubled(it: Upstream) -> Listed:
    def listed(page: int, size: int, since: str) -> tuple[list[dict[str, str]], int]:
        rows, total = Upstream.listed(it, page, size, since)
        return [*rows[:1], *rows[:1], *rows[2:]], total

    return listed


@dataclass(frozen=True)
class Way:
    """One way to be wrong."""

    path: str  # inside the stream, as the line names it
    words: str  # of the line
    change: tuple[str, str] = ("", "")  # to the descriptor
    and_change: tuple[str, str] = ("", "")
    behave: Callable[[Upstream], Listed] | None = None  # how the server does


WAYS = {
    "lowers the size": Way("paging.size", "3 rows were asked for, 2 came, and there are more", behave=capped),
    "lowers the size of a list without an end": Way(
        "paging.size",
        "the list would end after page 1, and page 2 brings 2 more rows",
        (", total: data.total}", ", until: short}"),
        behave=capped,
    ),
    "counts the page": Way(
        "paging.total", "the list would end after page 1, and page 2 brings 3 more rows", behave=counted_by_page
    ),
    "counts the page as pages": Way(
        "paging.pages",
        "the list would end after page 1, and page 2 brings 3 more rows",
        ("total: data.total", "pages: code"),
    ),
    "ignores the size": Way("paging.size", "5 rows came though 3 were asked for", behave=uncapped),
    "moves rows": Way("request", "1 rows of the first page came again on the second", behave=shifting),
    "repeats a key": Way("key", "1 keys stand on the page more than once", behave=doubled),
    "ignores the filter": Way("cursor", "the filter does not work", behave=unfiltered),
    "excludes the mark": Way("cursor.bound", "say bound: exclusive", behave=exclusive),
    "key": Way("key", "3 of 3 rows have no idd", ("key: id", "key: idd")),
    "total": Way("paging", "no count of rows", ("total: data.total", "total: data.totl")),
    "cursor field": Way("cursor.field", "did you mean updated?", ("field: updated", "field: updatd")),
    "cursor format": Way("cursor.field", "title is no time", ("field: updated,", "field: title,")),
    "order": Way(
        "cursor.order",
        "are ascending",
        ("PT0S}", "PT0S, order: descending, filter: client}"),
        (', since: "{cursor}"', ""),
    ),
    "field": Way("fields.title", "did you mean title?", ("title: title", "title: titel")),
    "withdrawn": Way("withdrawn", "did you mean gone?", ("field: gone", "field: gonne")),
    "type": Way("fields.updated_at", "3 of 3 rows would be quarantined", ("_at: updated", "_at: title")),
    "contract": Way("contract", "is no integer", ("key: id", "key: id\n    contract: {columns: {title: integer}}")),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_be_wrong_is_one_line_with_its_place(way: str, upstream: Upstream, tmp_path: Path) -> None:
    it = WAYS[way]
    if it.behave is not None:
        upstream.listed = it.behave(upstream)  # type: ignore[method-assign]
    text = REST
    for old, new in (it.change, it.and_change):
        text = text.replace(old, new) if old else text
    found = looked_at("rest", upstream, tmp_path, text, streams=["items"])["items"]
    line = next((line for line in found.contradictions if f"streams.items.{it.path}" in line), "")
    assert it.words in line, found.contradictions
    number = int(line.partition("items.yaml:")[2].partition(" ")[0])
    lines = (tmp_path / "items.yaml").read_text(encoding="utf-8").splitlines()
    assert any(part in lines[number - 1] for part in it.path.split("."))
    assert line.startswith("cms items: ") and "\n" not in line


def test_a_server_that_ignores_what_page_is_asked_for_is_found_out(upstream: Upstream, tmp_path: Path) -> None:
    upstream.ignore_page = True
    found = looked_at("rest", upstream, tmp_path, streams=["items"])["items"]
    assert any("repeated one before it" in line and "streams.items.paging" in line for line in found.contradictions)


@pytest.mark.parametrize("behind", ["nothing", "the first page again", "refuse"])
def test_what_is_behind_the_last_page_is_no_contradiction(behind: str, upstream: Upstream, tmp_path: Path) -> None:
    del upstream.rows[2:]
    upstream.ignore_page = behind == "the first page again"
    upstream.faults = [("list:2", behind)]
    found = looked_at("rest", upstream, tmp_path, streams=["items"])["items"]
    assert found.sound and found.facts["paging"] == "the list ends with the first page; it says total"
    assert "list:2:" in upstream.calls


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_zone_that_is_eight_hours_off_shows_in_rows_from_the_future(
    order: str, upstream: Upstream, tmp_path: Path
) -> None:
    if order == "descending":
        listed = upstream.listed
        upstream.listed = lambda page, size, since: (lambda r: (r[0][::-1], r[1]))(listed(page, size, since))  # type: ignore[method-assign]
    now = datetime(2026, 1, 7, 0, 5, tzinfo=UTC)  # five minutes after the newest row, in truth
    found = looked_at("rest", upstream, tmp_path, REST.replace("Asia/Shanghai", "UTC"), now=now, streams=["items"])[
        "items"
    ]
    (line,) = found.contradictions
    assert "the newest row is 7.9 h in the future" in line and "China's time" in line and " time.zone;" in line
    assert looked_at("rest", upstream, tmp_path, REST, now=now, streams=["items"])["items"].sound


@pytest.mark.parametrize(
    ("change", "hint"),
    [(("key: id", "key: idd"), "did you mean id?"), (("records: data.rows", "records: data"), "is `records` right?")],
)
def test_of_rows_without_a_key_nothing_else_is_judged(
    change: tuple[str, str], hint: str, upstream: Upstream, tmp_path: Path
) -> None:
    found = looked_at("rest", upstream, tmp_path, REST.replace(*change), streams=["items"])["items"]
    (line,) = found.contradictions
    assert " streams.items.key;" in line and hint in line and "not judged" in found.facts


def test_a_zone_is_not_judged_by_rows_that_are_days_old(upstream: Upstream, tmp_path: Path) -> None:
    later = looked_at("rest", upstream, tmp_path, now=datetime(2026, 1, 20, tzinfo=UTC), streams=["items"])["items"]
    assert later.facts["zone"] == "cannot be judged: the newest row seen is 17 days old" and later.sound
    del upstream.rows[3:]
    soon = looked_at("rest", upstream, tmp_path, now=datetime(2026, 1, 3, 1, tzinfo=UTC), streams=["items"])["items"]
    assert "zone" not in soon.facts and soon.sound


# ---- what cannot be read


def test_a_refused_log_in_is_said_once_and_not_tried_again(upstream: Upstream, tmp_path: Path) -> None:
    found = looked_at("rest", upstream, tmp_path, password="wrong")
    assert len(found) == 1 and "check login and password" in found["full"].problem and "wrong" not in str(found)
    assert upstream.calls == ["login"]


def test_a_stream_that_is_refused_does_not_stop_the_others(upstream: Upstream, tmp_path: Path) -> None:
    upstream.faults = [("list:1", "refuse")]
    found = looked_at("rest", upstream, tmp_path)
    assert "无权限" in found["full"].problem and found["items"].sound


def test_a_detail_that_fails_contradicts_the_descriptor(upstream: Upstream, tmp_path: Path) -> None:
    upstream.faults = [("get", "refuse")]
    (line,) = looked_at("soap", upstream, tmp_path)["full"].contradictions
    assert "the detail of the first row: " in line and "streams.full.detail)" in line


def test_a_stream_nobody_knows_is_named_with_those_there_are(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no stream itmes; it has full, items"):
        looked_at("soap", upstream, tmp_path, SOAP, streams=["itmes"])


def test_a_descriptor_from_documents_is_known_by_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "unproven").mkdir()
    for folder in (tmp_path, tmp_path / "unproven"):
        (folder / "items.yaml").write_text(REST, encoding="utf-8")
    assert not is_unproven(load_descriptor(tmp_path / "items.yaml"))
    assert is_unproven(load_descriptor(tmp_path / "unproven" / "items.yaml"))


# ---- in one line, for a button


def test_the_summary_is_one_line_and_says_how_much_more_there_is(tmp_path: Path) -> None:
    (tmp_path / "unproven").mkdir()
    (tmp_path / "unproven" / "items.yaml").write_text(REST, encoding="utf-8")
    descriptor = load_descriptor(tmp_path / "unproven" / "items.yaml")
    good = [Checked("a"), Checked("b")]
    assert summary("cms", descriptor, good) == (
        True, "未经实证 unproven；已连通并登录，2 个数据流与描述相符 reached, and 2 streams are as items says"
    )  # fmt: skip
    assert summary("cms", descriptor, [*good[:1], Checked("save", operation=True)])[1].endswith(
        "1 stream is as items says"
    )
    bad = [Checked("a", contradictions=["one", "two"]), Checked("b", problem="three")]
    assert summary("cms", descriptor, bad) == (
        False, "未经实证 unproven；one；另有 2 处 and 2 more: weigov check cms"
    )  # fmt: skip


def test_what_is_set_aside_for_later_is_no_sign_of_a_wrong_zone(upstream: Upstream, tmp_path: Path) -> None:
    """WordPress dates a scheduled post's last change by the day it will appear."""
    now = datetime(2026, 1, 7, 0, 5, tzinfo=UTC)
    upstream.rows[:] = [upstream.rows[-1]]  # one page holds all
    upstream.add("A9", "2026-02-06 08:00:00", gone="1")
    assert looked_at("rest", upstream, tmp_path, REST, now=now, streams=["items"])["items"].sound
    upstream.add("A10", "2026-02-06 08:00:00")
    assert not looked_at("rest", upstream, tmp_path, REST, now=now, streams=["items"])["items"].sound
