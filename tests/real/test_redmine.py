"""Redmine as the upstream: offset paging, vanished issues, notes that would be doubled; through a failing network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.auth import LoginRefused
from adapters.descriptor import find_descriptor
from tests.real.desk import HASTY, LIMITS, Desk, desk
from tests.real.machine import Say, running
from tests.real.proxy import Kind, Proxy, proxy
from tests.real.redmine import Redmine
from weigov.errors import RemoteRefused
from weigov.ports import Connection

pytestmark = pytest.mark.real

DESCRIPTOR = find_descriptor("redmine")
ISSUES = "^/issues.json"


@pytest.fixture(scope="module")
def redmine(say: Say) -> Iterator[Redmine]:
    with running(Redmine, say) as system:
        yield system


@pytest.fixture(scope="module")
def front(redmine: Redmine) -> Iterator[Proxy]:
    with proxy(redmine.url) as it:
        yield it


@pytest.fixture
def office(redmine: Redmine, front: Proxy, tmp_path: Path) -> Iterator[Desk]:
    front.clear()
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url, "weigov", redmine.key)) as it:
        yield it


def standing(redmine: Redmine) -> dict[str, tuple[str, str, str]]:
    """What a user without special rights may see, by the database: subject, status and project."""
    rows = redmine.rows(
        "SELECT i.id, i.subject, s.name, p.name FROM issues i JOIN issue_statuses s ON s.id = i.status_id "
        "JOIN projects p ON p.id = i.project_id WHERE p.is_public"
    )
    return {str(number): (subject, status, project) for number, subject, status, project in rows}


def mirrored(office: Desk) -> dict[str, tuple[str, str, str]]:
    return {
        key: (record.get("item_name"), record.get("status"), record.get("office"))
        for key, record in office.records("cases").items()
    }


def notes(redmine: Redmine, issue: str) -> int:
    found = redmine.rows(f"SELECT count(*) FROM journals WHERE journalized_id = {issue} AND notes <> ''")
    return int(found[0][0])


def test_every_issue_that_may_be_seen_comes(redmine: Redmine, office: Desk) -> None:
    collected = office.collect("cases")
    assert not collected.incomplete and collected.stored.rejected == 0
    assert mirrored(office) == standing(redmine) and len(mirrored(office)) == len(redmine.issues) > 100
    office.collect("projects")
    assert {one.get("name") for one in office.records("projects").values()} == {"政务公开", "市民来信"}


def test_nothing_contradicts_the_descriptor(redmine: Redmine, office: Desk) -> None:
    time.sleep(2)  # its filter gives a second more than was asked for, and all issues were made within two
    redmine.rest("PUT", "issues/1.json", json={"issue": {"notes": "新的进展"}})
    assert office.objections() == []


def test_edits_and_deletions_are_followed(redmine: Redmine, front: Proxy, office: Desk) -> None:
    office.collect("cases")
    closed = redmine.statuses["已关闭"]
    for issue in ("3", "5"):
        changed = {"status_id": closed, "subject": f"更正 {issue}"}
        redmine.rest("PUT", f"issues/{issue}.json", json={"issue": changed})
    redmine.rest("DELETE", "issues/7.json")
    office.ahead += timedelta(hours=2)
    again = office.collect("cases")
    assert not again.incomplete and again.stored.changed == 3 and again.stored.withdrawn == 1
    assert mirrored(office) == standing(redmine) and mirrored(office)["3"][:2] == ("更正 3", "已关闭")
    assert len(front.asked_for("GET", f"{ISSUES}.*updated_on=>=")) == 2  # the overlap: all of it is minutes old


@pytest.mark.parametrize("kind", ["reset", "http_503", "html", "truncate", "cut", "lose", "delay", "drip"])
def test_a_page_that_breaks_is_asked_for_again(redmine: Redmine, front: Proxy, tmp_path: Path, kind: Kind) -> None:
    front.clear()
    seconds = {"delay": 4.0, "drip": 0.05}.get(kind, 0)
    fault = front.plan(kind, "GET", ISSUES, nth=2, seconds=seconds)
    limits = HASTY if seconds else LIMITS
    connection = Connection("upstream", "", front.url, "weigov", redmine.key)
    with desk(tmp_path, DESCRIPTOR, connection, limits=limits) as office:
        assert not office.collect("cases").incomplete
        assert fault.did == 1 and mirrored(office) == standing(redmine)


def test_a_wrong_key_is_noticed_though_anybody_may_read(redmine: Redmine, front: Proxy, tmp_path: Path) -> None:
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url, "weigov", "0" * 40)) as office:
        with pytest.raises(LoginRefused, match="connection upstream"):
            office.collect("cases")


def test_a_status_is_set_and_what_cannot_be_is_refused(redmine: Redmine, office: Desk) -> None:
    office.system.write("set_status", {"id": "9", "status_id": redmine.statuses["已解决"]}, key="k")
    assert standing(redmine)["9"][1] == "已解决"
    with pytest.raises(RemoteRefused):
        office.system.write("set_status", {"id": "99999", "status_id": 1}, key="k")
    with pytest.raises(RemoteRefused):
        office.system.write("note", {"id": "30", "text": "在内部项目里"}, key="k")  # of a project it may not see


@pytest.mark.parametrize(
    ("kind", "issue", "took_effect"), [("lose", "11", True), ("html", "12", False), ("reset", "13", False)]
)
def test_a_note_whose_answer_was_lost_is_looked_up_and_stands_once(
    redmine: Redmine, front: Proxy, office: Desk, kind: Kind, issue: str, took_effect: bool
) -> None:
    front.plan(kind, "PUT", "^/issues/")
    number = office.write("note", {"id": issue, "text": "微信已送达"}, record=f"upstream/cases/{issue}")
    office.sync_back()
    assert office.delivery(number).state == "unknown" and notes(redmine, issue) == took_effect
    office.ahead += timedelta(minutes=2)
    assert office.sync_back().settled == ({"confirmed": 1} if took_effect else {"ready": 1})
    assert office.delivery(number).state == "confirmed" and notes(redmine, issue) == 1
