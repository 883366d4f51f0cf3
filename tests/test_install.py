"""The installation: our packages are the ones imported, all of them are listed, and Airflow can find us."""

from __future__ import annotations

import configparser
import importlib
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("name", "place"),
    [("adapters", "adapters"), ("weigov", "weigov"), ("weigov_airflow", "plugins/weigov_airflow")],
)
def test_the_package_imported_from_anywhere_is_ours(name: str, place: str, tmp_path: Path) -> None:
    # A distribution on the package index owns the import name ``adapters``.
    where = subprocess.run(
        [sys.executable, "-c", f"import importlib.util as u; print(u.find_spec('{name}').origin)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert Path(where) == ROOT / place / "__init__.py"


def test_setup_cfg_lists_every_package_there_is() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    there = {
        ".".join(file.parent.relative_to(base).parts)
        for base, name in ((ROOT, "adapters"), (ROOT, "weigov"), (ROOT / "plugins", "weigov_airflow"))
        for file in (base / name).rglob("__init__.py")
    }
    assert listed == there


def test_airflow_finds_our_connection_types_through_the_entry_point() -> None:
    (ours,) = [e for e in entry_points(group="apache_airflow_provider") if e.value.startswith("weigov_airflow")]
    module, function = ours.value.split(":")
    info = getattr(importlib.import_module(module), function)()
    assert {kind["connection-type"] for kind in info["connection-types"]} == {
        "wechat_account",
        "gov_rest",
        "gov_soap",
        "gov_table",
        "gov_files",
        "weigov_alert",
    }


def test_every_locked_package_carries_a_hash_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in lock and "--index" not in lock


def test_every_package_asked_for_is_locked() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)", lock, flags=re.MULTILINE))
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    asked = {match[0] for line in lines if (match := re.match(r"[A-Za-z0-9.-]+", line))}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in asked} <= locked
