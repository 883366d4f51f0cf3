from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

KEY = {"X-Api-Key": "demo-qa-key"}


def get(base: str, path: str, **query: Any) -> Any:
    answer = requests.get(f"{base}/qa/api{path}", params=query, headers=KEY, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(base: str, path: str, body: Any, key: str | None = None) -> requests.Response:
    headers = KEY | ({"Idempotency-Key": key} if key else {})
    return requests.post(f"{base}/qa/api{path}", json=body, headers=headers, timeout=5)


def act(base: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.request(method, f"{base}/_sandbox/qa{path}", json=body, timeout=5)
    answer.raise_for_status()
    return answer.json()


def follow(base: str, path: str, cursor: str = "", limit: int = 7) -> tuple[list[dict[str, Any]], str]:
    """Everything after the cursor, and the cursor to continue with."""
    found: list[dict[str, Any]] = []
    while True:
        page = get(base, path, cursor=cursor, limit=limit)
        found += page["items"]
        cursor = page["next_cursor"] or cursor
        if not page["has_more"]:
            return found, cursor


def test_a_wrong_key_is_refused(base: str) -> None:
    answer = requests.get(f"{base}/qa/api/answers", headers={"X-Api-Key": "x"}, timeout=5)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(("path", "by"), [("/answers", "answered_at"), ("/questions", "asked_at")])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_following_the_cursor_gives_everything_once_in_order(base: str, path: str, by: str, limit: int) -> None:
    found, _ = follow(base, path, limit=limit)
    assert len(found) == len({item["id"] for item in found}) >= 100
    order = [(item[by], item["id"]) for item in found]
    assert order == sorted(order)


def test_some_answers_share_their_second(base: str) -> None:
    stamps = [item["answered_at"] for item in follow(base, "/answers")[0]]
    assert max(map(stamps.count, stamps)) >= 4


def test_times_are_in_the_past_and_carry_their_zone(base: str) -> None:
    now = datetime.fromisoformat(requests.get(f"{base}/_sandbox/clock", timeout=5).json()["now"])
    for item in follow(base, "/answers", limit=100)[0]:
        asked, answered = datetime.fromisoformat(item["asked_at"]), datetime.fromisoformat(item["answered_at"])
        assert asked < answered <= now + timedelta(seconds=1)
        assert item["answered_at"].endswith("+08:00")


def test_a_short_question_stands_in_where_the_question_is_long(base: str) -> None:
    for item in follow(base, "/answers", limit=100)[0]:
        assert len(item["short_question"] or item["question"]) <= 20


def test_an_old_cursor_continues_with_what_was_answered_since(base: str) -> None:
    _, cursor = follow(base, "/answers")
    nothing = get(base, "/answers", cursor=cursor)
    assert nothing == {"items": [], "next_cursor": None, "has_more": False}
    answered = act(base, "POST", "/answer", {"count": 5})
    found, later = follow(base, "/answers", cursor, limit=2)
    assert [item["id"] for item in found] == [item["id"] for item in answered]
    assert len({item["answered_at"] for item in found}) == 5
    assert follow(base, "/answers", later)[0] == []
    status = {item["id"]: item["status"] for item in follow(base, "/questions")[0]}
    assert all(status[item["id"]] == "answered" for item in answered)


def test_the_oldest_open_questions_are_answered_first_with_the_answer_written_for_them(base: str) -> None:
    opened = [q for q in follow(base, "/questions")[0] if q["status"] == "open"]
    assert len(opened) >= 7
    answered = act(base, "POST", "/answer", {"count": 2})
    assert [item["id"] for item in answered] == [q["id"] for q in opened[:2]]
    assert all("您好" in item["answer"] for item in answered)


def test_a_corrected_answer_comes_again(base: str) -> None:
    found, cursor = follow(base, "/answers")
    act(base, "POST", f"/questions/{found[3]['id']}/answer", {"answer": "<p>更正</p>"})
    again, _ = follow(base, "/answers", cursor)
    assert [(item["id"], item["answer"]) for item in again] == [(found[3]["id"], "<p>更正</p>")]


def test_an_answer_taken_back_is_gone(base: str) -> None:
    found, _ = follow(base, "/answers")
    gone = found[5]["id"]
    act(base, "POST", f"/questions/{gone}/withdraw")
    assert gone not in {item["id"] for item in follow(base, "/answers")[0]}
    assert requests.get(f"{base}/qa/api/answers/{gone}", headers=KEY, timeout=5).status_code == 404


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "nonsense"}])
def test_a_wrong_query_is_refused(base: str, query: dict[str, Any]) -> None:
    answer = requests.get(f"{base}/qa/api/answers", params=query, headers=KEY, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_a_question_asked_twice_with_one_key_is_one_question(base: str) -> None:
    body = {"asker": "P0001", "text": "公交卡丢失如何挂失？", "source": "wechat"}
    first, again = post(base, "/questions", body, "key-1"), post(base, "/questions", body, "key-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = post(base, "/questions", {**body, "text": "别的问题"}, "key-1")
    assert other.status_code == 409
    mine = [q for q in follow(base, "/questions")[0] if q["question"] == body["text"]]
    assert [(q["id"], q["status"], q["source"]) for q in mine] == [(first.json()["id"], "open", "wechat")]


@pytest.mark.parametrize(("body", "key"), [({"asker": "P0001", "text": "x"}, None), ({"text": "x"}, "key-2")])
def test_a_question_without_key_or_asker_is_refused(base: str, body: dict[str, str], key: str | None) -> None:
    assert post(base, "/questions", body, key).status_code == 400


def test_what_is_written_back_is_seen_once_for_each_key(base: str) -> None:
    answer_id = follow(base, "/answers")[0][0]["id"]
    path = f"/answers/{answer_id}/deliveries"
    body = {"state": "confirmed", "detail": "2026-01-05T09:00:00+08:00"}
    before = len(act(base, "GET", "/write-backs"))
    assert post(base, path, body, "w-1").json() == {"ok": True}
    assert post(base, path, body, "w-1").json() == {"ok": True}
    kept = act(base, "GET", "/write-backs")[before:]
    assert [(k["answer_id"], k["state"], k["detail"]) for k in kept] == [(answer_id, *body.values())]


def test_nothing_is_written_back_about_an_open_question(base: str) -> None:
    opened = next(q for q in follow(base, "/questions")[0] if q["status"] == "open")
    assert post(base, f"/answers/{opened['id']}/deliveries", {"state": "x"}).status_code == 404
