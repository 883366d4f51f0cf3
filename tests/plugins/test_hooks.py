"""The three types of connection: their forms, and what pressing Test says."""

from __future__ import annotations

import importlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk import Connection as AirflowConnection
from fastapi import FastAPI

from tests.weigov.flow.deployment import OtherSide
from tests.weigov.serving import Web, serve
from weigov_airflow.hooks import GovRestHook, GovSoapHook, WeChatAccountHook
from weigov_airflow.provider import get_provider_info

FORMS: dict[str, dict[str, Any]] = {c["connection-type"]: c for c in get_provider_info()["connection-types"]}


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The connection under test, as Airflow hands it over; no system of a site uses it."""
    monkeypatch.setenv("WEIGOV_SITE", "/nowhere")
    parts: dict[str, Any] = {}
    monkeypatch.setattr(BaseHook, "get_connection", lambda conn_id: AirflowConnection(conn_id=conn_id, **parts))
    return parts


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    app = FastAPI()

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("always")

    with serve(app) as web:
        yield web


def test_each_form_belongs_to_a_hook_of_its_type() -> None:
    for kind, form in FORMS.items():
        module, name = form["hook-class-name"].rsplit(".", 1)
        hook = getattr(importlib.import_module(module), name)
        assert (hook.conn_type, hook.hook_name) == (kind, form["hook-name"])
        assert hook(**{hook.conn_name_attr: "any"}).conn_id == "any"


def test_every_secret_field_is_hidden_while_it_is_typed() -> None:
    fields = FORMS["wechat_account"]["conn-fields"]
    assert set(fields) == {"token", "encoding_aes_key", "previous_encoding_aes_key"}
    assert {field["schema"]["format"] for field in fields.values()} == {"password"}


def test_every_part_a_log_in_may_need_can_be_filled_in_and_keys_are_hidden() -> None:
    page = Path(__file__).parents[2] / "docs/reference/descriptor.md"
    table = page.read_text(encoding="utf-8").split("### What the connection holds")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    needed = {part for row in rows for part in re.findall(r"`(\w+)`", row)}
    fields = FORMS["gov_rest"]["conn-fields"] | FORMS["gov_soap"]["conn-fields"]
    assert needed == set(fields) - {"ca_file"}
    hidden = {name for name, field in fields.items() if field["schema"].get("format") == "password"}
    assert hidden == {"sm2_private_key", "sm4_secret_key", "sm4_iv", "sign_key_passphrase"}


def test_every_form_speaks_chinese() -> None:
    for form in FORMS.values():
        labels = [form["hook-name"], form["ui-field-behaviour"]["relabeling"]["host"]]
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in label) for label in labels)


def test_an_account_is_tried_by_asking_for_a_token(sandbox_running: OtherSide, stored: dict[str, Any]) -> None:
    account = {"host": sandbox_running.base_url, "login": sandbox_running.appid}
    stored |= {"conn_type": "wechat_account", "password": sandbox_running.secret, **account}
    good, said = WeChatAccountHook("x").test_connection()
    assert good and sandbox_running.appid in said and "no callback keys" in said


def test_a_wrong_secret_is_one_line_without_the_secret(sandbox_running: OtherSide, stored: dict[str, Any]) -> None:
    account = {"host": sandbox_running.base_url, "login": sandbox_running.appid}
    stored |= {"conn_type": "wechat_account", "password": "f" * 32, **account}
    good, said = WeChatAccountHook("x").test_connection()
    assert not good and "AppSecret" in said
    assert "\n" not in said and "f" * 32 not in said


def test_an_incomplete_account_says_what_is_missing_and_not_under_which_passing_name(stored: dict[str, Any]) -> None:
    stored |= {"conn_type": "wechat_account"}
    assert WeChatAccountHook("abc_transient").test_connection() == (
        False, "login (appid) is missing; password (AppSecret) is missing"
    )  # fmt: skip


def test_a_system_that_answers_is_reached_and_its_log_in_was_not_tried(web: Web, stored: dict[str, Any]) -> None:
    stored |= {"conn_type": "gov_rest", "host": f"{web.base_url}/api", "login": "u", "password": "geheim"}
    good, said = GovRestHook("x").test_connection()
    assert good and "HTTP 404" in said and "log-in not tried" in said and "geheim" not in said


def test_a_system_that_is_broken_or_away_does_not_work(web: Web, stored: dict[str, Any]) -> None:
    stored |= {"conn_type": "gov_soap", "host": f"{web.base_url}/broken"}
    assert GovSoapHook("x").test_connection()[0] is False
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        stored |= {"host": f"http://127.0.0.1:{taken.getsockname()[1]}/Service.asmx"}
        good, said = GovSoapHook("x").test_connection()
    assert not good and "cannot be reached" in said and "\n" not in said


def test_a_system_without_an_address_is_told_to_have_one(stored: dict[str, Any]) -> None:
    stored |= {"conn_type": "gov_rest"}
    good, said = GovRestHook("x").test_connection()
    assert not good and "https://" in said
