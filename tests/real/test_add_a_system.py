"""``docs/guides/add-a-system.md``, followed word for word by somebody with a real Axis and an empty folder.

Every file of the page is written, every command given, every line of their answers compared. Besides, the service is
asked whether what the page says of it is so.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import following
from tests.real.axis_server import Axis, Case
from tests.real.deployment import ROOT
from tests.real.machine import HOST, Say, running

pytestmark = pytest.mark.real

GUIDE = ROOT / "docs/guides/add-a-system.md"
SITE = "mappings/qinghe"
#: What only a deployment of one's own has, as the page names it.
PLACES = {
    "43 letters and digits": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "openssl rand -base64 32": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


@pytest.fixture
def axis(say: Say) -> Iterator[Axis]:
    """One of its own: it is changed, written to and switched off."""
    with running(Axis, say) as system:
        yield system


def test_the_guide_leads_from_a_wsdl_to_a_word_back_and_a_tape(axis: Axis, tmp_path: Path) -> None:
    reader = Reader(tmp_path, axis)
    for step in following.steps(GUIDE.read_text(encoding="utf-8")):
        reader.does(step)
    assert reader.heard == {"120100002026000000003": 1}


class Reader:
    """Who follows the page in ``folder``; ``heard`` is what the service was told before it was switched off."""

    def __init__(self, folder: Path, axis: Axis) -> None:
        self._folder, self._axis = folder, axis
        self._places = {**PLACES, self._address(): axis.url}
        self._said = ""
        self.heard: dict[str, int] = {}
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("WEIGOV_", "AIRFLOW_"))}
        self._environ = {**ours, "NO_PROXY": HOST, "no_proxy": HOST, "COLUMNS": "118"}

    def does(self, step: following.Step) -> None:
        getattr(self, f"_{step.kind}")(step)

    def _file(self, step: following.Step) -> None:
        path = self._path(step.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.at(self._places).text, encoding="utf-8")

    def _change(self, step: following.Step) -> None:
        path = self._path(step.name)
        path.write_text(following.changed(path.read_text(encoding="utf-8"), step.text), encoding="utf-8")

    def _commands(self, step: following.Step) -> None:
        self._said = ""
        for command, ends_with in following.commands(step.at(self._places).text):
            words = shlex.split(command)
            if words[0] == "export":
                self._environ |= dict([words[1].split("=", 1)])
                continue
            if words[0] == "weigov":
                words[0] = str(Path(sys.executable).with_name("weigov"))
            done = subprocess.run(
                words, cwd=self._folder, env=self._environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
            )  # fmt: skip
            self._said += done.stdout
            assert done.returncode == ends_with, f"{command}\n{done.stdout}"

    def _answer(self, step: following.Step) -> None:
        said = self._said.replace(f"{self._folder}/", "").replace(self._axis.url, self._address())
        assert following.is_said(step.text, said), f"the page shows\n{step.text}\nbut it says\n{said}"

    def _meanwhile(self, step: following.Step) -> None:
        if becomes := re.fullmatch(r"(\d+) becomes (\S+)", step.text):
            self._axis.change(*becomes.groups())
            return
        assert step.text == "the system is switched off"
        held: dict[str, Case] = self._axis.ledger()
        self.heard = {key: case.entries for key, case in held.items() if case.entries}
        self._axis.stop()

    def _path(self, name: str) -> Path:
        of_site = re.match(r"(site\.yaml$|(systems|flows|codes|layouts)/)", name)
        return self._folder / SITE / name if of_site else self._folder / name

    @staticmethod
    def _address() -> str:
        (found,) = set(re.findall(r"http://[\d.]+:\d+", GUIDE.read_text(encoding="utf-8")))
        return str(found)
