"""What the real systems share: who listens elsewhere is seen, and whoever was started ends with its children."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.real import machine
from tests.real.machine import HOST, NotHere, RealSystem, install, running


class Page(RealSystem):
    name = "page"
    door = HOST

    def start(self) -> None:
        log = self.folder / "log"
        # A child that serves, as servers with workers have.
        nested = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'http.server', *sys.argv[1:]])"
        server = self.spawn([sys.executable, "-c", nested, str(self.port), "--bind", self.door], log)
        self.until(lambda: self._http.get(f"http://{self.door}:{self.port}", timeout=5).ok, server, log)


class PageElsewhere(Page):
    door = "127.0.0.2"  # another address than ours, and still nobody's but this machine's


class NoPage(RealSystem):
    name = "no-page"

    def start(self) -> None:
        self.run([sys.executable, "-c", "import sys; sys.exit('it has no paper')"])


def said(text: str) -> None:
    pass


def test_a_system_on_loopback_runs_and_leaves_nothing_behind() -> None:
    with running(Page, said) as page:
        (process,) = page._processes
        assert len(machine._members(process.pid)) == 2 and page.folder.exists()
    assert machine._members(process.pid) == [] and not page.folder.exists()


def test_a_system_that_listens_elsewhere_is_found_out() -> None:
    with pytest.raises(AssertionError, match="loopback only"), running(PageElsewhere, said):
        pass


@pytest.mark.parametrize(("ci", "outcome"), [("", "skip"), ("true", "fail")])
def test_a_system_that_cannot_be_had_is_a_skip_and_in_ci_a_failure(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    expected = {"skip": pytest.skip.Exception, "fail": pytest.fail.Exception}[outcome]
    with pytest.raises(expected, match="it has no paper"), running(NoPage, said):
        pass


def test_what_is_missing_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotHere, match=r"paper is missing .* apt-get install paper ink"):
        install(("paper", "ink"), lambda: "paper", said)
    install(("paper",), lambda: "", said)  # all is there: nothing to do


def test_no_test_of_a_real_system_forgets_to_say_so() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        real = "pytestmark = pytest.mark.real" in path.read_text(encoding="utf-8")
        assert real or path.stem in ("test_machine", "test_proxy"), path.name
