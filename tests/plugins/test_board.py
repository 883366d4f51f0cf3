"""The board inside a real API server of Airflow: who may see and do what, route by route, by each auth manager."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.api_server import ASKED, FAB_USERS, FLOW, USERS, Manager, api_server
from tests.plugins.test_review import Question
from tests.weigov.board.test_routes import ACTS, FAB, PAGES, routes
from tests.weigov.board.town import Town, made
from tests.weigov.flow.deployment import OtherSide
from weigov.flow.review import held
from weigov_airflow.review import APPROVE

pytestmark = pytest.mark.real
ORDER = ("viewer", "user", "op", "admin")


@dataclass
class Served:
    """One API server, and everybody's session there, with their cookie as a browser has it; '' is nobody."""

    base: str
    manager: Manager
    people: dict[str, requests.Session]

    def get(self, name: str, path: str) -> requests.Response:
        return self.people[name].get(f"{self.base}{path}", timeout=60, allow_redirects=False)

    def act(self, name: str, act: str, origin: str = "", **form: object) -> requests.Response:
        headers = {"Origin": origin or self.base}
        return self.people[name].post(f"{self.base}/weigov/act/{act}", data=form, headers=headers, timeout=60)

    def answer(self, name: str) -> requests.Response:
        """Approve what this person is asked in Airflow."""
        asked = f"review_{FLOW}/dagRuns/{ASKED.format(name)}/taskInstances/review_1/-1/hitlDetails"
        answer = {"chosen_options": [APPROVE], "params_input": {}}
        return self.people[name].patch(f"{self.base}/api/v2/dags/{asked}", json=answer, timeout=60)


@pytest.fixture(scope="module")
def busy(sandbox_running: OtherSide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with made(sandbox_running, tmp_path_factory.mktemp("board")) as town:
        yield town


#: What `make up` has, and what production has.
@pytest.fixture(scope="module", params=["simple", "fab"])
def served(request: pytest.FixtureRequest, busy: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    manager: Manager = request.param
    with api_server(tmp_path_factory.mktemp("airflow"), busy.it.environ, manager) as base:
        names = ["", *USERS, *(FAB_USERS if manager == "fab" else ())]
        found = Served(base, manager, {name: requests.Session() for name in names})
        for name, http in found.people.items():
            http.trust_env = False
            if name:
                login = {"username": name, "password": f"{name}-pass"}
                token = http.post(f"{base}/auth/token", json=login, timeout=30).json()["access_token"]
                http.cookies.set("_token", token)
        yield found
        for http in found.people.values():
            http.close()


of_fab = pytest.mark.parametrize("served", ["fab"], indirect=True)


@pytest.fixture
def environ(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's environment describes that deployment, as a task's does."""
    for name, value in busy.it.environ.items():
        monkeypatch.setenv(name, value)


def address(path: str, town: Town) -> str:
    values = {
        "delivery_id": str(town.published.id), "dag_id": "flow_notices", "form": "jsonl",
        "name": "board.css" if "static" in path else "city" if "account" in path else "notices",
    }  # fmt: skip
    return "/weigov" + re.sub(r"{(\w+)}", lambda match: values[match[1]], path)


def test_nobody_sees_anything_without_a_log_in(served: Served, busy: Town) -> None:
    for path, method in sorted(routes()):
        sent = {"data": {"words": "x"}, "headers": {"Origin": served.base}} if method == "POST" else {}
        url = f"{served.base}{address(path, busy)}"
        answer = served.people[""].request(method, url, timeout=60, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 401, (path, method)
        assert busy.published.title not in answer.text and "通知公告" not in answer.text


@pytest.mark.parametrize("name", USERS)
def test_each_role_sees_and_does_what_the_table_says(name: str, served: Served, busy: Town) -> None:
    rank = ORDER.index(USERS[name])
    for path, least in {**PAGES, **(FAB if served.manager == "fab" else {})}.items():
        answer = served.get(name, address(path, busy))
        may = rank >= ORDER.index(least)
        assert (answer.status_code in (200, 303)) == may and answer.status_code in (200, 303, 403), path
    assert ("/log" in served.get(name, "/weigov/codes").text) == (served.get(name, "/weigov/log").status_code == 200)
    form: dict[str, Any] = {
        "delivery": busy.published.id, "flow": "notices", "account": "city", "answer": "give_up", "key": "x",
    }  # fmt: skip
    for act, least in ACTS.items():
        answer = served.act(name, act, **form)
        # without a reason: who may is told that it lacks, and nothing happens
        assert answer.status_code == (400 if rank >= ORDER.index(least) else 403), act
        for origin in ("https://evil.example", "null"):
            assert served.act(name, act, origin, **form).status_code == 403, (act, origin)


def test_an_action_is_kept_with_the_name_airflow_knows(served: Served, busy: Town) -> None:
    row = busy.in_doubt(f"在 Airflow 里裁定 {served.manager}")
    answer = served.act("wang", "settle", delivery=row.id, answer="give_up", reason="对方没有")
    assert answer.status_code == 200 and busy.get(row.id).state == "given_up"
    entry = busy.log()[-1]
    assert re.fullmatch(r"wang" if served.manager == "simple" else r"wang \(\d+\)", entry.person)
    assert (entry.door, entry.reason) == ("board", "对方没有")


def test_who_may_answer_a_review_in_airflow_may_on_the_board_and_is_one_person_for_both(
    served: Served, busy: Town, environ: None
) -> None:
    row = busy.enqueue(f"两处审核 {served.manager}", approvals_needed=3)
    item = next(one for one in held(busy.it.ctx) if one.id == row.id)
    approve: dict[str, Any] = {"delivery": row.id, "digest": row.digest, "decision": "approve"}
    assert served.answer("viewer").status_code == 403 and served.act("viewer", "review", **approve).status_code == 403
    for n, name in enumerate(("bianji", "wang"), start=1):
        said = served.answer(name)
        assert said.status_code == 200, said.text
        user = said.json()["responded_by"]
        assert Question(n, item).answer(user, APPROVE)["state"] == "waiting_review"
        again = served.act(name, "review", **approve)
        assert again.status_code == 409 and "须由另一人审" in again.text
    assert served.act("shenhe", "review", **approve).status_code == 200 and busy.get(row.id).state == "ready"


def test_the_board_is_in_airflows_navigation_and_a_tab_of_each_run(served: Served) -> None:
    found = served.get("admin", "/api/v2/plugins").json()["plugins"]
    (plugin,) = (one for one in found if one["name"] == "weigov")
    assert {view["destination"] for view in plugin["external_views"]} == {"nav", "dag_run"}


@of_fab
def test_fabs_editors_find_board_and_reviews_in_the_menu_with_the_role_of_the_guide(served: Served) -> None:
    for name, may in (("bianji", False), ("zhou", True)):
        assert (served.get(name, "/api/v2/plugins").status_code == 200) == may
        assert ("Required Actions" in served.get(name, "/ui/auth/menus").json()["authorized_menu_items"]) == may
        assert served.get(name, "/weigov/").status_code == 200


@of_fab
def test_whose_dags_are_anothers_sees_nothing_and_whose_is_one_flow_acts_on_that_alone(
    served: Served, busy: Town
) -> None:
    assert {served.get("linju", address(path, busy)).status_code for path in PAGES} == {403}
    assert {served.act("linju", act, flow="notices").status_code for act in ACTS} == {403}
    assert served.get("keyuan", "/weigov/").status_code == 200
    other = busy.enqueue("别科的", flow="policies", approvals_needed=1)
    for flow, delivery, status in (("notices", busy.published.id, 400), ("policies", other.id, 403)):
        for act in ("quarantine", "review"):
            assert served.act("keyuan", act, flow=flow, delivery=delivery).status_code == status, (act, flow)
        assert served.act("keyuan", "settle", delivery=delivery).status_code == 403
    assert served.act("paidan", "quarantine", flow="notices").status_code == 400
    assert served.act("paidan", "review", delivery=busy.published.id).status_code == 403
    listed = served.get("keyuan", "/api/v2/dags/~/dagRuns/~/hitlDetails").json()["hitl_details"]
    assert {one["task_instance"]["dag_id"] for one in listed} == {f"review_{FLOW}"}
    assert served.answer("keyuan").status_code == 200 and served.answer("paidan").status_code == 403


@of_fab
def test_nobody_answers_a_review_without_a_log_in_however_open_airflow_is(served: Served) -> None:
    assert served.answer("").status_code >= 400
    asked = served.get("admin", f"/api/v2/dags/review_{FLOW}/dagRuns/{ASKED.format('')}/hitlDetails").json()
    assert [one["response_received"] for one in asked["hitl_details"]] == [False]


@of_fab
def test_who_has_not_logged_in_is_led_to_fabs_log_in_and_back(served: Served) -> None:
    page = f"{served.base}/weigov/deliveries?state=confirmed"
    with requests.Session() as http:
        http.trust_env = False
        asked = http.get(page, timeout=60)
        (link,) = re.findall(r'<a href="([^"]+)" target="_top">', asked.text)
        form = http.get(link.replace("&amp;", "&"), timeout=60)
        (token,) = re.findall(r'name="csrf_token" type="hidden" value="([^"]+)"', form.text)
        login = {"csrf_token": token, "username": "viewer", "password": "viewer-pass"}
        back = http.post(form.url, data=login, timeout=60)
        assert (asked.status_code, back.status_code, back.url) == (401, 200, page)
