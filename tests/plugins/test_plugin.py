"""The one file below plugins/ that Airflow executes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from airflow._shared.module_loading.file_discovery import find_path_from_directory

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own way to read the file
def test_airflow_executes_one_uniquely_named_file_below_plugins() -> None:
    # It would register each under its bare stem: a file called http.py replaces the standard library's.
    found = [Path(path) for path in find_path_from_directory(str(PLUGINS), ".airflowignore")]
    assert [path.name for path in found if path.suffix == ".py"] == ["weigov_plugin.py"]
    assert importlib.util.find_spec("weigov_plugin") is None  # nobody else has the name


def test_what_is_imported_with_the_plugin_is_what_a_task_needs() -> None:
    code = "import sys, runpy; runpy.run_path(sys.argv[1]); import json; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", code, str(PLUGINS / "weigov_plugin.py")],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    for module in ("weigov.wiring", "weigov.flow.deliver", "weigov_airflow.review", "zeep"):
        assert f'"{module}"' in shown, module
