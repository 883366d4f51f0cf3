"""The command line by itself: what it says without a deployment, and what a wrong word comes to.

What its verbs bring about is told in tests/weigov/flow (test_story, test_operator, test_kill).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.weigov.command import command

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
VERBS = ["collect", "compose", "review", "deliver", "reconcile", "sync-back"]
OTHERS = ["lint", "migrate", "gateway", "status", "plan", "apply", "quarantine", "bindings"]


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_help_names_every_verb_and_every_other_command() -> None:
    shown = plain(command({}, "--help").good())
    assert all(re.search(rf"^\W*{name}\s", shown, re.MULTILINE) for name in VERBS + OTHERS)


@pytest.mark.parametrize("words", [["delivr"], ["deliver", "--limt", "3"], ["deliver", "--limit", "0"], ["apply"]])
def test_a_wrong_command_line_is_exit_code_2_without_a_trace(words: list[str]) -> None:
    typed = command({}, *words)
    assert typed.code == 2 and "Traceback" not in typed.err and typed.err.strip()


def test_lint_says_what_a_sound_site_holds() -> None:
    assert "5 flows, 3 systems, 1 account: sound" in command({}, "lint", str(DEMO)).good()


def test_lint_says_which_systems_nobody_ever_tried(tmp_path: Path) -> None:
    site = tmp_path / "demo"
    shutil.copytree(DEMO, site)
    text = (site / "site.yaml").read_text(encoding="utf-8")
    letters = "systems:\n  letters: {descriptor: hanweb, connection: letters}\n"
    (site / "site.yaml").write_text(text.replace("systems:\n", letters, 1), encoding="utf-8")
    sound, *unproven = command({}, "lint", str(site)).good().splitlines()
    assert "4 systems" in sound
    assert len(unproven) == 1 and unproven[0].startswith("letters: 未经实证 unproven")


def test_lint_lists_every_fault_with_its_place(tmp_path: Path) -> None:
    site = tmp_path / "demo"
    shutil.copytree(DEMO, site)
    for name, old, new in (
        ("notices", "via: publish", "via: publsh"),
        ("answers", "valid_for: P3D", "valid_for: 3 days"),
        ("menu", "take: 5", "take: 9"),
    ):
        flow = site / "flows" / f"{name}.yaml"
        flow.write_text(flow.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    typed = command({}, "lint", str(site))
    assert typed.code == 1 and typed.out == ""
    places = [re.match(rf"{re.escape(str(site))}/flows/(\w+)\.yaml:\d+: ", line) for line in typed.err.splitlines()]
    assert {place[1] for place in places if place} == {"notices", "answers", "menu"} and all(places)


def test_a_site_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    typed = command({}, "lint", str(tmp_path / "nowhere"))
    assert typed.code == 1 and len(typed.err.splitlines()) == 1 and "nowhere" in typed.err


def test_migrate_makes_a_ledger_and_says_where_it_stands(tmp_path: Path) -> None:
    environ = {"WEIGOV_HOME": str(tmp_path), "WEIGOV_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}
    first = command(environ, "migrate").good()
    assert re.fullmatch(r"ledger at \d{4}\n", first) and (tmp_path / "ledger.db").exists()
    assert command(environ, "migrate").good() == first


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", "postgresql+psycopg2://nobody:s3cret@127.0.0.1:9/x"])
def test_a_ledger_that_cannot_be_had_is_one_line_without_its_password(tmp_path: Path, url: str) -> None:
    typed = command({"WEIGOV_HOME": str(tmp_path), "WEIGOV_LEDGER_URL": url}, "migrate")
    assert typed.code == 1 and len(typed.err.splitlines()) == 1 and "s3cret" not in typed.err
    assert "WEIGOV_LEDGER_URL" in typed.err


def test_a_setting_that_makes_no_sense_is_one_line() -> None:
    typed = command({"WEIGOV_GATEWAY_PORT": "http"}, "gateway")
    assert typed.code == 1 and typed.err.splitlines() == ["WEIGOV_GATEWAY_PORT is 'http'; set it to a port number"]
