"""The SOAP of 2008 as the upstream: Axis 1.4, rpc/encoded and wrapped/literal, through a network that fails.

The same cases in both styles, with what Axis does to them: references, surrogates as two, arrays inside beans, a Map
with a Vector in it, a document in a string that calls itself GBK, an attachment, HTTP/1.0 without a length.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.soap.doctor import diagnose, open_source
from tests.real.axis_server import SERVICES, SOURCES, Axis
from tests.real.desk import HASTY, LIMITS, Desk, desk
from tests.real.machine import Say, running
from tests.real.proxy import Kind, Proxy, proxy
from weigov.errors import RemoteRefused, RemoteUnavailable
from weigov.ports import Connection, PullState

pytestmark = pytest.mark.real

Open = Callable[..., Desk]


@pytest.fixture(scope="module")
def axis(say: Say) -> Iterator[Axis]:
    with running(Axis, say) as system:
        yield system


@pytest.fixture(scope="module")
def front(axis: Axis) -> Iterator[Proxy]:
    with proxy(axis.url) as it:
        yield it


@pytest.fixture(params=sorted(SERVICES))
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hall(axis: Axis, front: Proxy, style: str, tmp_path: Path) -> Iterator[Desk]:
    front.clear()
    with desk(tmp_path, described(axis, style, tmp_path), at(axis, front, style), limits=LIMITS) as it:
        yield it


def described(axis: Axis, style: str, folder: Path) -> Path:
    """The style's descriptor, with the WSDL the service itself gives beside it."""
    path = folder / f"axis_{style}.yaml"
    shutil.copy(SOURCES / f"{style}.yaml", path)
    (folder / "cases.wsdl").write_bytes(axis.wsdl(style))
    return path


def at(axis: Axis, front: Proxy, style: str) -> Connection:
    return Connection("upstream", "", axis.address(style, front.url), "", "")


def agrees(hall: Desk, axis: Axis) -> bool:
    """Whether the mirror shows every case as the service holds it, and none that it has given up."""
    found = hall.records("cases", withdrawn=True)
    shown = {
        key: (
            record.get("item_name"), record.get("applicant_name") or "", record.get("status"),
            not record.withdrawn, record.get("office"),
        )
        for key, record in found.items()
    }  # fmt: skip
    held = {
        key: (case.item, case.applicant, case.status, case.live, case.office) for key, case in axis.ledger().items()
    }
    return shown == held


def test_the_doctor_finds_both_services_usable_with_every_operation(axis: Axis, style: str) -> None:
    found = diagnose(open_source(axis.address(style) + "?wsdl"), style)
    assert found.usable and {"list", "listXml", "facts", "sheet", "saveResult"} <= {one.name for one in found.offers}
    assert {one.style for one in found.offers} == {{"rpc": "rpc/encoded", "wrapped": "document/literal"}[style]}


# ---- reading


def test_every_case_comes_with_what_is_in_its_beans(axis: Axis, hall: Desk) -> None:
    collected = hall.collect("cases")
    assert not collected.incomplete and collected.stored.rejected == 0
    assert agrees(hall, axis)
    held = axis.ledger()
    found = hall.records("cases")
    assert len(held) == 130 and len(found) == sum(case.live for case in held.values())
    assert "𠮷田和子" in {record.get("applicant_name") for record in found.values()}
    for key, record in found.items():
        case = held[key]
        assert record.get("case_id") == key and record.get("item_code") == "11" + key[-4:]  # from the Map
        assert record.get("extra.last_step") == case.status  # from the Vector in it
        # An array of one, of two and of none.
        assert record.get("extra.first_material") == (f"材料1：{int(key[-7:])}" if case.materials else None)


def test_nothing_contradicts_the_descriptor(hall: Desk) -> None:
    assert hall.objections() == []


def test_a_document_in_a_string_is_read_whatever_it_says_of_its_charset(axis: Axis, hall: Desk) -> None:
    collected = hall.collect("documents")
    assert not collected.incomplete and collected.stored.rejected == 0
    held = {key: (case.item, case.applicant or None) for key, case in axis.ledger().items() if case.live}
    found = hall.records("documents")
    assert {key: (one.get("item_name"), one.get("applicant_name")) for key, one in found.items()} == held


def test_an_attachment_in_gbk_is_read(axis: Axis, hall: Desk) -> None:
    hall.collect("sheets")
    held = axis.ledger()
    for key, record in hall.records("sheets").items():
        # Java has turned what GBK cannot write into a question mark: that is gone before it reaches us.
        assert record.get("item_name") == f"受理通知书：{held[key].item}".replace("😀", "?")
        assert record.get("case_id") == key


def test_what_changed_is_followed_with_one_call_for_each(axis: Axis, front: Proxy, hall: Desk, style: str) -> None:
    hall.collect("cases")
    details = front.plan("delay", "POST", body="facts", times=100)
    keys = sorted(hall.records("cases"))
    axis.change(keys[3], f"补正，{style}")
    axis.change(keys[4], f"补正，{style}")  # in the same second
    axis.change(keys[5], "作废", live=False)
    again = hall.collect("cases")
    assert again.stored.changed == 3 and again.stored.withdrawn == 1 and again.stored.new == 0
    assert agrees(hall, axis)
    assert details.did == 2  # of the one that was given up, nothing more is asked


def test_a_list_without_rows_is_read_as_such(axis: Axis, hall: Desk) -> None:
    nothing = hall.system.pull("cases", PullState({"": "2099-01-01T00:00:00Z"}), hall.ctx.now())
    assert [(list(batch.records), batch.incomplete) for batch in nothing] == [([], "")]


# ---- a network that fails


@pytest.mark.parametrize("kind", ["reset", "http_503", "html", "truncate", "cut", "lose", "delay", "drip"])
def test_an_answer_that_breaks_is_asked_for_again(
    axis: Axis, front: Proxy, style: str, tmp_path: Path, kind: Kind
) -> None:
    front.clear()
    seconds = {"delay": 4.0, "drip": 0.05}.get(kind, 0)
    fault = front.plan(kind, "POST", body="listXml", nth=2, seconds=seconds)
    limits = HASTY if seconds else LIMITS
    with desk(tmp_path, described(axis, style, tmp_path), at(axis, front, style), limits=limits) as hall:
        collected = hall.collect("documents")
        assert fault.did == 1 and not collected.incomplete
        assert hall.records("documents").keys() == {key for key, case in axis.ledger().items() if case.live}


def test_a_detail_that_fails_costs_its_case_only_until_the_next_pull(axis: Axis, front: Proxy, hall: Desk) -> None:
    front.plan("truncate", "POST", body="facts", nth=3, times=4)
    first = hall.collect("cases")
    assert first.stored.rejected == 1 and not agrees(hall, axis)
    front.clear()
    hall.collect("cases")
    assert agrees(hall, axis)


def test_a_list_that_keeps_breaking_ends_the_run_and_the_next_one_takes_it_up(
    axis: Axis, front: Proxy, hall: Desk
) -> None:
    front.plan("truncate", "POST", body="listXml", nth=2, times=4)
    with pytest.raises(RemoteUnavailable):
        hall.collect("documents")
    again = hall.collect("documents")
    assert not again.incomplete and again.stored.rejected == 0
    assert hall.records("documents").keys() == {key for key, case in axis.ledger().items() if case.live}


# ---- writing back


def test_what_a_service_throws_is_a_refusal_and_nothing_was_written(axis: Axis, hall: Desk) -> None:
    with pytest.raises(RemoteRefused, match="办件不存在"):
        hall.system.write("save_result", {"id": "no such case", "state": "confirmed"}, key="k")


@pytest.mark.parametrize(("kind", "took_effect"), [("lose", True), ("truncate", True), ("html", False)])
def test_a_result_whose_answer_was_lost_is_looked_up_and_stands_once(
    axis: Axis, front: Proxy, hall: Desk, style: str, kind: Kind, took_effect: bool
) -> None:
    before = axis.ledger()
    key = sorted(key for key, case in before.items() if case.live and not case.entries)[0]
    front.plan(kind, "POST", body="saveResult")
    number = hall.write("save_result", {"id": key, "state": "confirmed"}, record=f"upstream/cases/{key}")
    hall.sync_back()
    assert hall.delivery(number).state == "unknown" and axis.ledger()[key].entries == took_effect
    hall.ahead += timedelta(minutes=2)
    assert hall.sync_back().settled == ({"confirmed": 1} if took_effect else {"ready": 1})
    assert hall.delivery(number).state == "confirmed"
    after = axis.ledger()
    assert after[key].entries == 1
    assert sum(case.entries for case in after.values()) == sum(case.entries for case in before.values()) + 1
