"""The compose file, as far as it can be checked without containers: its YAML and the names it uses."""

from __future__ import annotations

import re
import runpy
import sysconfig
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))


def test_every_airflow_setting_in_it_is_one_airflow_knows() -> None:
    # Read beside Airflow, not through it: importing it would make a home directory and a database.
    installed = Path(sysconfig.get_path("purelib")) / "airflow"
    known = yaml.safe_load((installed / "config_templates" / "config.yml").read_text(encoding="utf-8"))
    for provider in ("celery", "fab"):
        told = runpy.run_path(str(installed / "providers" / provider / "get_provider_info.py"))
        known |= told["get_provider_info"]()["config"]
    unknown = []
    for name in COMPOSE["x-weigov"]["environment"]:
        if not name.startswith("AIRFLOW__"):
            continue
        section, option = name.removeprefix("AIRFLOW__").split("__")
        if option.lower() not in known.get(section.lower(), {}).get("options", {}):
            unknown.append(name)
    assert unknown == []


def test_nothing_is_published_beyond_loopback() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_what_a_service_waits_for_is_there_and_can_be_waited_for() -> None:
    for service in COMPOSE["services"].values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in COMPOSE["services"]
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][name]


def test_every_variable_it_demands_is_explained() -> None:
    text = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    explained = (ROOT / "docker" / ".env.example").read_text(encoding="utf-8")
    demanded = set(re.findall(r"\$\{(\w+):\?", text))
    assert demanded and all(f"{name}=" in explained for name in demanded)
