"""Where a task's connections come from, and that none of their secrets is readable in a log."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from airflow._shared.secrets_masker import DEFAULT_SENSITIVE_FIELDS, SecretsMasker
from airflow.sdk import BaseHook
from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import redact

from ops.airflow_config import settings
from ops.home import Home
from tests.weigov.flow.deployment import Deployment
from weigov.errors import ConfigError
from weigov.flow.collect import collect
from weigov_airflow import credentials
from weigov_airflow.credentials import AirflowCredentials
from weigov_airflow.provider import get_provider_info
from weigov_airflow.work import working


@pytest.fixture
def made_in_the_ui(monkeypatch: pytest.MonkeyPatch) -> dict[str, AirflowConnection]:
    """Airflow's own connections, by id."""
    found: dict[str, AirflowConnection] = {}

    def get_connection(conn_id: str) -> AirflowConnection:
        if conn_id not in found:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")
        return found[conn_id]

    monkeypatch.setattr(BaseHook, "get_connection", get_connection)
    return found


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(credentials, "mask_secret", found.append)
    return found


def secrets(folder: Path, **connections: object) -> Path:
    file = folder / "secrets.json"
    file.write_text(json.dumps(connections), encoding="utf-8")
    return file


def test_a_connection_made_in_the_ui_is_used_by_a_task(
    town: Deployment, made_in_the_ui: dict[str, AirflowConnection]
) -> None:
    file = town.settings.secrets_file
    stored = json.loads(file.read_text())
    qa = stored.pop("qa")
    file.write_text(json.dumps(stored))
    made_in_the_ui["qa"] = AirflowConnection(
        conn_id="qa", conn_type="gov_rest", host=qa["host"], password=qa["password"]
    )
    with working() as ctx:
        assert collect(ctx, "qa", "questions").stored.new > 0


def test_what_the_command_line_reads_comes_first(
    tmp_path: Path, made_in_the_ui: dict[str, AirflowConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in_the_ui["cms"] = AirflowConnection(conn_id="cms", conn_type="gov_rest", host="https://ui.example")
    file = secrets(tmp_path, cms={"conn_type": "gov_rest", "host": "https://file.example"})
    assert AirflowCredentials(file).get("cms").base_url == "https://file.example"
    monkeypatch.setenv(
        "AIRFLOW_CONN_CMS", json.dumps({"conn_type": "gov_rest", "host": "https://environment.example"})
    )
    assert AirflowCredentials(file).get("cms").base_url == "https://environment.example"


def test_every_part_of_a_connection_arrives(tmp_path: Path, made_in_the_ui: dict[str, AirflowConnection]) -> None:
    made_in_the_ui["cases"] = AirflowConnection(
        conn_id="cases",
        conn_type="gov_soap",
        host="http://cases.internal/Service.asmx",
        port=8081,
        login="weixin",
        password="geheim",
        extra=json.dumps({"ca_file": "/etc/ca.pem"}),
    )
    found = AirflowCredentials(tmp_path / "none.json").get("cases")
    assert (found.kind, found.base_url, found.login, found.password, found.extra) == (
        "gov_soap", "http://cases.internal:8081/Service.asmx", "weixin", "geheim", {"ca_file": "/etc/ca.pem"}
    )  # fmt: skip


def test_a_missing_connection_says_where_it_may_be_added(
    tmp_path: Path, made_in_the_ui: dict[str, AirflowConnection]
) -> None:
    with pytest.raises(ConfigError) as error:
        AirflowCredentials(tmp_path / "secrets.json").get("cms")
    said = str(error.value)
    assert "connection cms is missing" in said and "AIRFLOW_CONN_CMS" in said and "Connections" in said
    assert "\n" not in said


def test_a_malformed_file_is_not_taken_for_a_missing_connection(
    tmp_path: Path, made_in_the_ui: dict[str, AirflowConnection]
) -> None:
    made_in_the_ui["cms"] = AirflowConnection(conn_id="cms", conn_type="gov_rest", host="https://ui.example")
    (tmp_path / "secrets.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not JSON"):
        AirflowCredentials(tmp_path / "secrets.json").get("cms")


def test_secrets_are_masked_wherever_they_came_from(
    tmp_path: Path, made_in_the_ui: dict[str, AirflowConnection], masked: list[str]
) -> None:
    extra = {"token": "cb-token", "encoding_aes_key": "k" * 43, "ca_file": "/etc/ca.pem"}
    file = secrets(tmp_path, a={"conn_type": "wechat_account", "login": "wx1", "password": "app", "extra": extra})
    made_in_the_ui["b"] = AirflowConnection(conn_id="b", conn_type="gov_rest", host="https://b", password="pw-of-b")
    for name in "ab":
        AirflowCredentials(file).get(name)
    assert masked == ["app", "cb-token", "k" * 43, "pw-of-b"]


def hidden_fields() -> set[str]:
    """What the forms hide while it is typed."""
    return {
        name
        for form in get_provider_info()["connection-types"]
        for name, field in form["conn-fields"].items()
        if field["schema"].get("format") == "password"
    }


def test_airflow_itself_masks_what_a_task_got_whatever_it_writes(tmp_path: Path) -> None:
    extra = {name: f"canary-in-{name}" for name in ("appsecret", *hidden_fields())}
    connection = {"conn_type": "wechat_account", "login": "wx1", "password": "canary-in-password", "extra": extra}
    AirflowCredentials(secrets(tmp_path, canary=connection)).get("canary")
    written = redact({"line": f"asked {list(extra.values())} of wx1", "trace": ["canary-in-password"]})
    assert "canary" not in str(written) and "of wx1" in str(written)


@pytest.mark.parametrize("where", ["ops", "docker"])
def test_airflow_s_own_pages_mask_every_field_a_form_hides(where: str, tmp_path: Path) -> None:
    if where == "ops":
        ours = settings(Home.from_environ({"WEIGOV_HOME": str(tmp_path)}), keys())["core"]["sensitive_var_conn_names"]
    else:
        compose = (Path(__file__).parents[2] / "docker" / "compose.yaml").read_text(encoding="utf-8")
        (ours,) = re.findall(r"SENSITIVE_VAR_CONN_NAMES: (\S+)", compose)
    masker = SecretsMasker()
    masker.sensitive_variables_fields = [*DEFAULT_SENSITIVE_FIELDS, *ours.split(",")]
    assert len(hidden_fields()) > 5
    for name in ("appsecret", "password", *hidden_fields()):
        assert masker.should_hide_value_for_key(name), name
    assert not masker.should_hide_value_for_key("ca_file")


def keys() -> dict[str, str]:
    return dict.fromkeys(("fernet_key", "secret_key", "jwt_secret"), "x")
