"""A Wagtail of its own for a test: from PyPI into an environment of its own, with a site of one kind of page.

The environment is kept below ``var/``: it is the only part that costs a download.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import requests

from ops.home import Home
from tests.real.machine import HOST, NotHere, RealSystem, Say, last_line

REQUIREMENT = "wagtail==8.0.1"
SITE = Path(__file__).with_name("wagtail_site")


class Wagtail(RealSystem):
    """``pages`` are the published ones: number → title, summary and body, as the site itself tells them."""

    name = "wagtail"
    count = 45

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, list[str]] = {}
        self._site = self.folder / "site"
        self._environ = {"WAGTAIL_FOLDER": str(self.folder), "WAGTAIL_SECRET": secrets.token_hex(20)}

    @classmethod
    def install(cls, say: Say) -> None:
        if _python().exists():
            return
        say(f"pip install {REQUIREMENT}")
        making = _environment().with_name("wagtail.part")
        shutil.rmtree(making, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(making)],
            [str(making / "bin" / "python"), "-m", "pip", "install", "-q", REQUIREMENT],
        ):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotHere(f"{REQUIREMENT} cannot be installed: {last_line(done.stderr or done.stdout)}")
        making.rename(_environment())

    def start(self) -> None:
        shutil.copytree(SITE, self._site)
        self.manage("make", str(self.count))
        log = self.folder / "web.log"
        serving = ["-m", "django", "runserver", "--noreload", "--settings", "settings", f"{HOST}:{self.port}"]
        environ = {**self._environ, "PYTHONPATH": str(self._site)}
        server = self.spawn([str(_python()), *serving], log, environ)
        self.until(lambda: self.api().ok, server, log)

    def manage(self, *command: str) -> None:
        """What an editor does: ``edit ID TITLE``, ``unpublish ID``, ``delete ID``."""
        said = self.run([str(_python()), "manage.py", *command], self._environ, cwd=self._site)
        self.pages = json.loads(said.splitlines()[-1])

    def api(self, **query: str) -> requests.Response:
        """The list of pages, past any proxy."""
        return self._http.get(f"{self.url}/api/v2/pages/", params=query, timeout=30)


def _environment() -> Path:
    folder: Path = Home.from_environ().var
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "wagtail"


def _python() -> Path:
    return _environment() / "bin" / "python"
