"""The data files beside this module: read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


@cache
def load(name: str) -> Any:
    """``words/NAME.yaml``."""
    return YAML(typ="safe").load(files(__package__).joinpath("words", f"{name}.yaml").read_text(encoding="utf-8"))
