"""What pressing Test says of a connection that a system of the site uses: the same as ``weigov check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.exceptions import AirflowNotFoundException

from tests.weigov.flow.deployment import SYSTEMS, Deployment, OtherSide
from weigov_airflow.hooks import GovFilesHook, GovRestHook, GovSoapHook, GovTableHook


class Stored:
    """The demo's connections as Airflow has them, and the one that is being typed into a form."""

    def __init__(self, file: Path) -> None:
        self.connections: dict[str, Any] = {
            name: parts for name, parts in json.loads(file.read_text()).items() if name in SYSTEMS
        }

    def get(self, conn_id: str) -> AirflowConnection:
        if conn_id not in self.connections:
            raise AirflowNotFoundException(conn_id)
        parts = {name: value for name, value in self.connections[conn_id].items() if value}
        return AirflowConnection(conn_id=conn_id, **parts)

    def typed(self, name: str, **changes: Any) -> None:
        """As Airflow does on Test: what stands in the form, under a name of its own."""
        self.connections["passing_name"] = self.connections[name] | changes


@pytest.fixture
def stored(sandbox_running: OtherSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    town = Deployment.prepare(sandbox_running, tmp_path / "home", f"sqlite:///{tmp_path / 'ledger.db'}")
    made = Stored(town.settings.secrets_file)
    environ = town.environ | {"WEIGOV_SECRETS_FILE": str(tmp_path / "none.json")}
    (tmp_path / "none.json").write_text("{}")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(BaseHook, "get_connection", made.get)
    return made


@pytest.mark.parametrize(("hook", "name"), [(GovRestHook, "cms"), (GovSoapHook, "cases")])
def test_a_system_of_the_site_is_logged_into_and_looked_at(hook: Any, name: str, stored: Stored) -> None:
    good, said = hook(name).test_connection()
    assert good and f" as demo_{name} says" in said and "已连通并登录" in said and "\n" not in said


def test_what_is_typed_into_a_form_is_known_by_its_address_and_log_in(stored: Stored) -> None:
    stored.typed("cms")
    assert "demo_cms" in GovRestHook("passing_name").test_connection()[1]


def test_a_wrong_password_is_one_line_that_says_what_to_check(stored: Stored) -> None:
    stored.typed("cms", password="not-the-one")
    good, said = GovRestHook("passing_name").test_connection()
    assert not good and "cms log-in" in said and "check login and password" in said
    assert "\n" not in said and "not-the-one" not in said and "passing_name" not in said


def test_the_first_connection_of_its_kind_is_the_one_that_is_missing(stored: Stored) -> None:
    stored.typed("cases")
    del stored.connections["cases"]
    assert "demo_cases" in GovSoapHook("passing_name").test_connection()[1]


def test_a_system_that_answers_nonsense_is_said_in_one_line(stored: Stored, sandbox_running: OtherSide) -> None:
    sandbox_running.fault("html_200", "/cms/api/articles", times=50)
    try:
        good, said = GovRestHook("cms").test_connection()
    finally:
        sandbox_running.mend()
    assert not good and said.startswith("cms articles: ") and "\n" not in said


def test_a_connection_no_system_uses_is_only_reached(stored: Stored) -> None:
    stored.typed("cms", host=stored.connections["cms"]["host"] + "/elsewhere")
    good, said = GovRestHook("passing_name").test_connection()
    assert good and "log-in not tried" in said


@pytest.mark.parametrize("hook", [GovTableHook, GovFilesHook])
def test_an_exchange_no_system_uses_is_not_tried(hook: Any, stored: Stored) -> None:
    stored.connections["front"] = {"conn_type": hook.conn_type, "extra": json.dumps({"url": "sqlite:///x.db"})}
    assert hook("front").test_connection() == (
        False, "站点中没有系统使用此连接，未测试 not tried: no system of the site uses this connection"
    )  # fmt: skip


def test_a_site_that_cannot_be_read_leaves_the_address_to_be_tried(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGOV_SITE", "/nowhere")
    good, said = GovRestHook("cms").test_connection()
    assert good and "log-in not tried" in said
