"""Every benchmark runs, does the whole work and leaves figures of one shape. How fast it was is not looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import convert, deliver, ledger, pull_rest, pull_soap
from bench.harness import report
from bench.pages import ending, pages
from bench.upstream.articles import BYTES, article, json_page

FIGURES = {"cpu_ms", "cpu_s", "wall_s", "rss_mb"}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(report, "VAR", tmp_path)
    return tmp_path


def check(found: dict[str, Any], file: Path) -> None:
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(json.dumps(found))
    assert set(found["ours"]) == {"first", "unchanged", "changed"}
    for steps in (found["ours"], found["floor"]):
        assert all(set(figures) == FIGURES and min(figures.values()) > 0 for figures in steps.values())
    assert found["peers"] == {} and set(found["ratios"]) == {"floor"}
    assert found["ratios"]["floor"] > 0


@pytest.mark.real
def test_pull_rest_leaves_its_figures(elsewhere: Path) -> None:
    found = pull_rest.main(["-n", "250", "--rounds", "1", "--no-peers"])
    check(found, elsewhere / "pull_rest.json")
    assert found["n"] == 250 and set(found["by_100"]["ratios"]) == {"floor"}


@pytest.mark.real
def test_pull_soap_leaves_its_figures(elsewhere: Path) -> None:
    found = pull_soap.main(["-n", "120", "--rounds", "1", "--no-peers", "--few", "20", "--many", "200"])
    check(found, elsewhere / "pull_soap.json")
    assert set(found["memory_mb"]["ours"]) == {"20", "200"} and set(found["memory_ratios"]) == {"ours", "floor"}


def test_convert_leaves_its_figures(elsewhere: Path) -> None:
    found = convert.main(["-n", "10", "--rounds", "1", "--no-peers"])
    assert json.loads((elsewhere / "convert.json").read_text(encoding="utf-8")) == json.loads(json.dumps(found))
    kinds = {"plain", "word", "table", "long"}
    assert set(found["ours"]) == set(found["floor"]) == {"first", *kinds}
    assert all(set(figures) == FIGURES and min(figures.values()) > 0 for figures in found["ours"].values())
    assert found["peers"] == {} and set(found["ratios"]) == {"floor"}
    assert set(found["by_kind"]) == kinds


def test_pages_are_the_same_every_time_and_say_which_they_are() -> None:
    once = pages(20)
    assert once == pages(20) and len(set(once)) == 20
    assert all(ending(number) in page for number, page in enumerate(once))


@pytest.mark.real
def test_ledger_leaves_its_figures(elsewhere: Path) -> None:
    found = ledger.main(["-n", "21", "--rounds", "1", "--pending", "50", "200", "--claims", "2", "--no-postgres"])
    assert json.loads((elsewhere / "ledger.json").read_text(encoding="utf-8")) == json.loads(json.dumps(found))
    for steps in (found["ours"], found["peers"]["commit_each"], found["floor"]):
        assert set(steps["first"]) == FIGURES | {"per_s"} and min(steps["first"].values()) > 0
    assert set(found["ratios"]) == set(found["cpu_ratios"]) == {"commit_each", "floor"}
    assert set(found["claims"]["sqlite"]) == {"50", "200"} and found["on"] == {}


@pytest.mark.real
def test_deliver_leaves_its_figures(elsewhere: Path) -> None:
    found = deliver.main(["-n", "70", "--rounds", "1", "--latency-ms", "1", "--no-peers"])
    assert json.loads((elsewhere / "deliver.json").read_text(encoding="utf-8")) == json.loads(json.dumps(found))
    assert set(found["ours"]["first"]) == FIGURES | {"per_s"} and set(found["by_latency_ms"]) == {"1"}


def test_an_article_is_a_kilobyte_and_one_in_a_hundred_is_edited() -> None:
    before = [article(number) for number in range(200)]
    after = [article(number, 1) for number in range(200)]
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 2
    rows = json.loads(json_page(range(200), 200, 0))["rows"]
    assert rows == before
    sizes = [len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) for row in rows]
    assert all(BYTES - 4 < size <= BYTES for size in sizes)
