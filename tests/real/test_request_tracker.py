"""A real case system as the upstream: Request Tracker's tickets, read and written back through a network that fails.

Everything goes through the fault proxy, the real engine and a real ledger; what came of it is compared with what
Request Tracker's own database says.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from adapters.auth import LoginRefused
from adapters.descriptor import find_descriptor
from tests.real.desk import HASTY, Desk, desk
from tests.real.machine import HOST, Say, free_port, running
from tests.real.proxy import Kind, Proxy, proxy
from tests.real.request_tracker import RequestTracker
from weigov.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection

pytestmark = pytest.mark.real

DESCRIPTOR = find_descriptor("request_tracker")
TICKETS = "^/REST/2.0/tickets"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def rt(say: Say) -> Iterator[RequestTracker]:
    with running(RequestTracker, say) as system:
        yield system


@pytest.fixture(scope="module")
def front(rt: RequestTracker) -> Iterator[Proxy]:
    with proxy(rt.url) as it:
        yield it


@pytest.fixture
def hall(rt: RequestTracker, front: Proxy, tmp_path: Path) -> Iterator[Desk]:
    front.clear()
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url, "", rt.token)) as it:
        yield it


def standing(rt: RequestTracker) -> dict[str, tuple[str, str, str]]:
    """The tickets that stand, with subject, status and queue: neither deleted nor merged into another."""
    rows = rt.rows(
        "SELECT t.id, t.Subject, t.Status, q.Name FROM Tickets t JOIN Queues q ON q.id = t.Queue "
        "WHERE t.Status <> 'deleted' AND t.EffectiveId = t.id"
    )
    return {str(number): (subject, status, queue) for number, subject, status, queue in rows}


def mirrored(hall: Desk) -> dict[str, tuple[str, str, str]]:
    return {
        key: (record.get("item_name"), record.get("status"), record.get("office"))
        for key, record in hall.records("cases").items()
    }


def comments(rt: RequestTracker, ticket: str, kind: str = "Comment") -> int:
    where = f"ObjectType = 'RT::Ticket' AND ObjectId = {ticket} AND Type = '{kind}'"
    return int(rt.rows(f"SELECT count(*) FROM Transactions WHERE {where}")[0][0])


# ---- reading


def test_every_ticket_comes_with_its_texts_and_none_that_is_gone(rt: RequestTracker, hall: Desk) -> None:
    assert not hall.collect("queues").incomplete
    collected = hall.collect("cases")
    assert not collected.incomplete and collected.stored.rejected == 0
    assert collected.stored.new == len(rt.tickets) > 150
    assert mirrored(hall) == standing(rt)
    found = hall.records("cases")
    assert {key: found[key].get("applicant_name") for key in found} == {k: row[3] for k, row in rt.tickets.items()}
    assert {str(number) for number in rt.gone}.isdisjoint(found)
    queues = {record.get("name") for record in hall.records("queues").values()}
    assert {record.get("office") for record in found.values()} < queues


def test_nothing_contradicts_the_descriptor(hall: Desk) -> None:
    assert hall.objections() == []


def test_the_next_pull_asks_from_the_last_change_on_in_the_readers_time_zone(
    rt: RequestTracker, front: Proxy, hall: Desk
) -> None:
    hall.collect("cases")
    front.clear()
    for ticket in ("3", "5", "8"):
        rt.rest("PUT", f"ticket/{ticket}", json={"Subject": f"更正 {ticket}"})
    again = hall.collect("cases")
    assert again.stored.changed == 3 and again.stored.new == 0 and mirrored(hall) == standing(rt)
    (newest,) = rt.rows("SELECT max(LastUpdated) FROM Tickets")[0]
    front.clear()
    hall.collect("cases")
    (asked, *_) = front.asked_for("GET", TICKETS)
    here = datetime.fromisoformat(newest + "Z").astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"LastUpdated >= '{here - timedelta(minutes=10):%Y-%m-%d %H:%M:%S}'" in asked
    # That this is how RT understands it: of the last second there is something, of the one after it nothing.
    count = [total(rt, f"LastUpdated >= '{here + timedelta(seconds=later):%Y-%m-%d %H:%M:%S}'") for later in (0, 1)]
    assert count[0] >= 1 and count[1] == 0


def total(rt: RequestTracker, query: str) -> int:
    """How many tickets RT finds for the reader."""
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(
            f"{rt.url}/REST/2.0/tickets", params={"query": query},
            headers={"Authorization": f"token {rt.token}"}, timeout=30,
        )  # fmt: skip
        return int(answer.json()["total"])


def test_a_deleted_ticket_is_withdrawn_and_comes_back_when_it_does(rt: RequestTracker, hall: Desk) -> None:
    hall.collect("cases")
    for ticket in ("11", "13"):
        rt.rest("PUT", f"ticket/{ticket}", json={"Status": "deleted"})
    hall.ahead += 2 * HOUR
    gone = hall.collect("cases")
    assert gone.stored.withdrawn == 2 and not gone.incomplete
    assert mirrored(hall) == standing(rt) and "11" not in mirrored(hall)
    rt.rest("PUT", "ticket/11", json={"Status": "open"})
    hall.ahead += 2 * HOUR
    hall.collect("cases")
    assert mirrored(hall) == standing(rt) and "11" in mirrored(hall)


def test_when_a_queue_closes_at_once_a_person_is_asked_first(rt: RequestTracker, hall: Desk) -> None:
    hall.collect("cases")
    before = mirrored(hall)
    of_one = "WHERE Queue = (SELECT id FROM Queues WHERE Name = '咨询建议') AND EffectiveId = id"
    states = rt.rows(f"SELECT Status, id FROM Tickets {of_one}")
    rt.change([(f"UPDATE Tickets SET Status = 'deleted' {of_one}", ())])
    hall.ahead += 2 * HOUR
    stopped = hall.collect("cases")
    assert "nothing was withdrawn" in stopped.incomplete and "--accept-vanished" in stopped.incomplete
    assert mirrored(hall).keys() == before.keys()
    hall.collect("cases", accept_vanished=True)
    assert mirrored(hall) == standing(rt) and len(standing(rt)) < len(before)
    rt.change([("UPDATE Tickets SET Status = ? WHERE id = ?", row) for row in states])


# ---- a network that fails while reading


@pytest.mark.parametrize("kind", ["reset", "http_503", "html", "truncate", "cut", "lose"])
def test_a_page_that_breaks_is_asked_for_again_and_nothing_is_lost(
    rt: RequestTracker, front: Proxy, hall: Desk, kind: Kind
) -> None:
    fault = front.plan(kind, "GET", TICKETS, nth=2)
    collected = hall.collect("cases")
    assert fault.did == 1 and len(hall.waited) == 1  # one more attempt, and only for the page that broke
    assert not collected.incomplete and collected.stored.new == len(standing(rt))
    assert mirrored(hall) == standing(rt)


@pytest.mark.parametrize(("kind", "seconds"), [("delay", 4.0), ("drip", 0.05)])
def test_a_page_that_takes_too_long_is_given_up_and_asked_for_again(
    rt: RequestTracker, front: Proxy, tmp_path: Path, kind: Kind, seconds: float
) -> None:
    front.clear()
    fault = front.plan(kind, "GET", TICKETS, nth=2, seconds=seconds)
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url, "", rt.token), limits=HASTY) as hall:
        assert not hall.collect("cases").incomplete
        assert fault.did == 1 and hall.waited and mirrored(hall) == standing(rt)


@pytest.mark.parametrize("kind", ["reset", "html", "truncate", "http_503"])
def test_a_page_that_keeps_breaking_ends_the_run_and_the_next_one_takes_up_the_rest(
    rt: RequestTracker, front: Proxy, hall: Desk, kind: Kind
) -> None:
    front.plan(kind, "GET", TICKETS, nth=2, times=4)
    with pytest.raises(RemoteUnavailable):
        hall.collect("cases")
    assert len(mirrored(hall)) == 100  # the page that came
    again = hall.collect("cases")
    assert not again.incomplete and again.stored.new == len(standing(rt)) - 100
    assert mirrored(hall) == standing(rt)


def test_a_token_that_is_not_accepted_is_tried_once(rt: RequestTracker, front: Proxy, tmp_path: Path) -> None:
    front.clear()
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url, "", "1-1-no")) as hall:
        with pytest.raises(LoginRefused, match="connection upstream"):
            hall.collect("cases")
    assert len(front.asked) == 1


# ---- writing back


def test_a_status_is_set_and_one_that_is_none_is_refused_in_rts_words(rt: RequestTracker, hall: Desk) -> None:
    assert "Status changed" in hall.system.write("set_status", {"id": "14", "status": "stalled"}, key="k").message
    hall.system.write("set_status", {"id": "14", "status": "stalled"}, key="k")  # it is so already: nothing to say
    assert standing(rt)["14"][1] == "stalled"
    with pytest.raises(RemoteRefused, match="isn't a valid status"):
        hall.system.write("set_status", {"id": "14", "status": "办结"}, key="k")
    with pytest.raises(RemoteRefused, match="does not exist"):
        hall.system.write("set_status", {"id": "99999", "status": "open"}, key="k")
    hall.collect("cases")
    assert hall.records("cases")["14"].get("status") == "stalled"


def test_the_proxy_shows_what_a_lost_answer_is(rt: RequestTracker, front: Proxy, hall: Desk) -> None:
    values = {"id": "16", "text": "已通知申请人"}
    front.plan("lose", "POST", "/comment$")
    with pytest.raises(OutcomeUnknown):
        hall.system.write("comment", values, key="9f01")
    found = hall.system.find("comment", values, key="9f01")
    assert found is not None and found.remote_id.isdecimal()
    assert hall.system.find("comment", values, key="9f02") is None
    assert hall.system.find("comment", {"id": "17"}, key="9f01") is None
    assert comments(rt, "16") == 1


@pytest.mark.parametrize(
    ("kind", "ticket", "took_effect"),
    [("lose", "21", True), ("truncate", "22", True), ("html", "23", False), ("reset", "24", False)],
)
def test_a_comment_whose_answer_was_lost_is_looked_up_and_stands_once(
    rt: RequestTracker, front: Proxy, hall: Desk, kind: Kind, ticket: str, took_effect: bool
) -> None:
    front.plan(kind, "POST", "/comment$")
    number = hall.write("comment", {"id": ticket, "text": "微信已送达"}, record=f"upstream/cases/{ticket}")
    hall.sync_back()
    assert hall.delivery(number).state == "unknown" and comments(rt, ticket) == took_effect
    hall.sync_back()  # too soon to tell
    assert hall.delivery(number).state == "unknown"
    hall.ahead += timedelta(minutes=2)
    settled = hall.sync_back().settled
    assert settled == ({"confirmed": 1} if took_effect else {"ready": 1})
    assert hall.delivery(number).state == "confirmed"
    assert comments(rt, ticket) == 1
    asked = front.asked_for("POST", f"/ticket/{ticket}/comment$")
    assert len(asked) == (1 if took_effect else 2)


def test_a_comment_that_surely_was_not_sent_waits_without_a_doubt(rt: RequestTracker, tmp_path: Path) -> None:
    nobody = f"http://{HOST}:{free_port()}"
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", nobody, "", rt.token)) as hall:
        number = hall.write("comment", {"id": "25", "text": "微信已送达"}, record="upstream/cases/25")
        hall.sync_back()
        assert hall.delivery(number).state == "ready"  # to be sent as soon as somebody listens
    assert comments(rt, "25") == 0


def test_a_status_whose_answer_was_lost_is_set_again(rt: RequestTracker, front: Proxy, hall: Desk) -> None:
    front.plan("lose", "PUT", "/ticket/26$")
    number = hall.write("set_status", {"id": "26", "status": "stalled"}, record="upstream/cases/26")
    hall.sync_back()
    assert hall.delivery(number).state == "unknown"
    for _ in range(2):
        hall.ahead += timedelta(hours=1)
        hall.sync_back()
    assert hall.delivery(number).state == "confirmed" and standing(rt)["26"][1] == "stalled"


def test_a_reply_whose_answer_was_lost_is_left_to_a_person(rt: RequestTracker, front: Proxy, hall: Desk) -> None:
    front.plan("lose", "POST", "/correspond$")
    number = hall.write("reply", {"id": "27", "text": "您的办件已办结"}, record="upstream/cases/27")
    for _ in range(3):
        hall.sync_back()
        hall.ahead += timedelta(hours=1)
    assert hall.delivery(number).state == "in_doubt"
    assert comments(rt, "27", "Correspond") == 1  # once, and never again by itself
