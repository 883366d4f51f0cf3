"""Flows that gather, and mass messages: what lint refuses, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weigov.flow.deployment import copy_site
from tests.weigov.flow.mass import WEEKLY
from weigov.wiring import read_site_parts

PREVIEW = "    connection: wechat_city\n    preview_to: [wx_editor]\n"


def said(folder: Path, weekly: str = WEEKLY, account: str = PREVIEW) -> list[str]:
    site = copy_site(folder)
    (site / "flows" / "weekly.yaml").write_text(weekly, encoding="utf-8")
    file = site / "site.yaml"
    file.write_text(file.read_text("utf-8").replace("    connection: wechat_city\n", account), encoding="utf-8")
    return [str(fault).removeprefix(f"{site}/") for fault in read_site_parts(site)[1]]


def test_a_weekly_digest_is_sound(tmp_path: Path) -> None:
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (", audience: all", "", "flows/weekly.yaml:5: to.audience: is missing: a mass message says to whom it goes"),
        ("audience: all", "audience: bound_asker", "'bound_asker' is of a template message"),
        ("audience: all", "audience: everybody", "flows/weekly.yaml:5: to.audience"),
        ("audience: all", "audience: {tag: ''}", "flows/weekly.yaml:5: to.audience.tag"),
        ("audience: all", "audience: {tags: x}", "flows/weekly.yaml:5: to.audience.tags"),
        ("pick: published", "pick: newest", "flows/weekly.yaml:4: gather.pick"),
        ("order: -published_at", "order: -publishd_at", "'publishd_at' is not a field of kind article"),
        ("order: -published_at", "order: html", "'html' is a html: it has no order"),
        ("take: 8", "take: 9", "flows/weekly.yaml:4: gather.take"),
        ('every: "0 9 * * 1"', "every: mondays", "gather.every: 'mondays' is not a cron line"),
        ("stream: articles, where: {column: {under: \"01\"}}", "stream: columns", "only articles can be gathered"),
        ("via: mass, audience: all", "via: publish, audience: all", "to.audience: means nothing for an article"),
        ("via: mass, audience: all", "via: publish", "to.via: publish: what is gathered was published already"),
        ("title: 一周要闻", "title: 一周要闻\nmap: {title: {from: title}}", "map: means nothing for news"),
    ],
)  # fmt: skip
def test_a_digest_that_could_go_wrong_is_a_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert any(fault in line for line in said(tmp_path, WEEKLY.replace(old, new)))


def test_mass_without_gather_would_use_up_the_month(tmp_path: Path) -> None:
    faults = said(tmp_path, "\n".join(line for line in WEEKLY.splitlines() if not line.startswith("gather")))
    assert any("to.via: mass goes with gather only" in line for line in faults)


def test_an_account_whose_messages_nobody_sees_first_is_a_fault(tmp_path: Path) -> None:
    faults = said(tmp_path, account="    connection: wechat_city\n")
    assert faults == [
        "flows/weekly.yaml:5: to.accounts.0: account 'city' names nobody who sees a mass message first"
        " (accounts: city: preview_to: [NAME IN WECHAT])"
    ]


@pytest.mark.parametrize(
    ("kind", "budget", "fault"),
    [
        ("service", "1/day", "counted by the month"),
        ("subscription", "2/day", "may send one"),
        ("service", "4", "mass"),
    ],
)
def test_a_budget_wechat_counts_otherwise_is_a_fault(tmp_path: Path, kind: str, budget: str, fault: str) -> None:
    site = tmp_path / "town"
    (site / "flows").mkdir(parents=True)
    account = f"{{type: {kind}, connection: c, budget: {{mass: {budget}}}}}"
    (site / "site.yaml").write_text(
        f"site: town\ntime_zone: Asia/Shanghai\naccounts: {{city: {account}}}\nsystems: {{}}\n", encoding="utf-8"
    )
    assert any("accounts.city.budget.mass" in str(one) and fault in str(one) for one in read_site_parts(site)[1])
