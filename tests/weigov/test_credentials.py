"""Connections in Airflow's form, from the environment or one file; what is malformed is named, not shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weigov.credentials import FileCredentials, connection_from_json
from weigov.errors import ConfigError

CMS = {"conn_type": "gov_rest", "host": "https://cms.example", "login": "weigov", "password": "s3cret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"cms": CMS}), encoding="utf-8")
    return path


def test_a_connection_is_read_from_the_file(file: Path) -> None:
    found = FileCredentials(file, {}).get("cms")
    assert (found.name, found.kind, found.base_url) == ("cms", "gov_rest", "https://cms.example")
    assert (found.login, found.password) == ("weigov", "s3cret")
    assert FileCredentials(file, {}).names() == ["cms"]


def test_the_environment_goes_before_the_file(file: Path) -> None:
    environ = {"AIRFLOW_CONN_CMS": json.dumps(CMS | {"password": "newer"})}
    assert FileCredentials(file, environ).get("cms").password == "newer"


def test_no_secret_shows_in_a_repr(file: Path) -> None:
    found = FileCredentials(file, {}).get("cms")
    assert "s3cret" not in repr(found) and "weigov" not in repr(found)


@pytest.mark.parametrize("there", [True, False])
def test_a_missing_connection_says_where_it_was_looked_for(file: Path, there: bool) -> None:
    if not there:
        file.unlink()
    with pytest.raises(ConfigError) as caught:
        FileCredentials(file, {}).get("qa")
    assert str(caught.value) == f"connection qa is missing: set AIRFLOW_CONN_QA or add it to {file}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON: line 1, column"),
        ("[]", "is not a JSON object"),
        ('{"cms": "https://s3cret@x"}', "JSON form"),
    ],
)
def test_a_malformed_file_is_named_and_not_shown(file: Path, text: str, said: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        FileCredentials(file, {}).get("cms")
    assert said in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_malformed_variable_is_named_and_not_shown(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        FileCredentials(file, {"AIRFLOW_CONN_CMS": "http://u:s3cret@h"}).get("cms")
    assert "AIRFLOW_CONN_CMS" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"host": "https://a.example/"}, "https://a.example"),
        ({"host": "a.example"}, "https://a.example"),
        ({"host": "a.example", "schema": "http"}, "http://a.example"),
        ({"host": "a.example", "port": 8443}, "https://a.example:8443"),
        ({"host": "a.example", "port": 443}, "https://a.example"),
        ({"host": "http://a.example/ws/x", "port": "8080"}, "http://a.example:8080/ws/x"),
        ({"host": "http://a.example:81/x", "port": 8080}, "http://a.example:81/x"),
        ({"host": "a.example", "extra": {"base_url": "https://b.example/api/"}}, "https://b.example/api"),
        ({}, ""),
    ],
)
def test_host_port_and_schema_make_the_address(parts: dict[str, object], url: str) -> None:
    assert connection_from_json("x", parts).base_url == url


@pytest.mark.parametrize("extra", [{"token": "t"}, '{"token": "t"}'])
def test_the_extra_may_be_an_object_or_its_text(extra: object) -> None:
    assert connection_from_json("x", {"extra": extra}).extra == {"token": "t"}
