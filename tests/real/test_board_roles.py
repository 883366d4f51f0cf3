"""The board inside a real API server of Airflow: who may see and do what, route by route."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.real.api_server import USERS
from tests.weigov.board.test_routes import ACTS, PAGES, routes
from tests.weigov.board.town import Town

pytestmark = pytest.mark.real
ORDER = ("viewer", "user", "op", "admin")


@pytest.fixture
def town(board_town: Town) -> Town:
    return board_town


@pytest.fixture(scope="module")
def people(airflow: str) -> Iterator[dict[str, requests.Session]]:
    """name → a session with that person's cookie, as a browser has it; '' is nobody."""
    found = {}
    for name in ("", *USERS):
        found[name] = http = requests.Session()
        http.trust_env = False
        if name:
            login = {"username": name, "password": f"{name}-pass"}
            token = http.post(f"{airflow}/auth/token", json=login, timeout=30).json()["access_token"]
            http.cookies.set("_token", token)
    yield found
    for http in found.values():
        http.close()


def address(path: str, town: Town) -> str:
    values = {
        "delivery_id": str(town.published.id), "dag_id": "flow_notices", "form": "jsonl",
        "name": "board.css" if "static" in path else "city" if "account" in path else "notices",
    }  # fmt: skip
    return re.sub(r"{(\w+)}", lambda match: values[match[1]], path)


def test_nobody_sees_anything_without_a_log_in(airflow: str, people: dict[str, requests.Session], town: Town) -> None:
    for path, method in sorted(routes()):
        sent = {"data": {"words": "x"}, "headers": {"Origin": airflow}} if method == "POST" else {}
        answer = people[""].request(method, f"{airflow}/weigov{address(path, town)}", timeout=60, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 401, (path, method)
        assert town.published.title not in answer.text and "通知公告" not in answer.text


@pytest.mark.parametrize("name", USERS)
def test_each_role_sees_and_does_what_the_table_says(
    name: str, airflow: str, people: dict[str, requests.Session], town: Town
) -> None:
    rank = ORDER.index(USERS[name])
    for path, least in PAGES.items():
        answer = people[name].get(f"{airflow}/weigov{address(path, town)}", timeout=60, allow_redirects=False)
        may = rank >= ORDER.index(least)
        assert (answer.status_code in (200, 303)) == may and answer.status_code in (200, 303, 403), path
    form = {"delivery": str(town.published.id), "flow": "notices", "account": "city", "answer": "give_up", "key": "x"}
    for act, least in ACTS.items():
        answer = people[name].post(
            f"{airflow}/weigov/act/{act}", data=form, headers={"Origin": airflow}, timeout=60
        )  # without a reason: who may is told that it lacks, and nothing happens
        assert answer.status_code == (400 if rank >= ORDER.index(least) else 403), act
        for origin in ("https://evil.example", "null"):
            headers = {"Origin": origin}
            refused = people[name].post(f"{airflow}/weigov/act/{act}", data=form, headers=headers, timeout=60)
            assert refused.status_code == 403, (act, origin)


def test_an_action_is_kept_with_the_name_airflow_knows(
    airflow: str, people: dict[str, requests.Session], town: Town
) -> None:
    row = town.in_doubt("在 Airflow 里裁定")
    form = {"delivery": str(row.id), "answer": "give_up", "reason": "对方没有"}
    answer = people["wang"].post(f"{airflow}/weigov/act/settle", data=form, headers={"Origin": airflow}, timeout=60)
    assert answer.status_code == 200 and town.get(row.id).state == "given_up"
    entry = town.log()[-1]
    assert (entry.person, entry.door, entry.reason) == ("wang", "board", "对方没有")


def test_the_board_is_in_airflows_navigation_and_a_tab_of_each_run(
    airflow: str, people: dict[str, requests.Session]
) -> None:
    (plugin,) = (
        p
        for p in people["admin"].get(f"{airflow}/api/v2/plugins", timeout=60).json()["plugins"]
        if p["name"] == "weigov"
    )
    assert {view["destination"] for view in plugin["external_views"]} == {"nav", "dag_run"}
