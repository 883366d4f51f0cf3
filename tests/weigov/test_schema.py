"""The JSON Schemas editors check by: up to date, true to the YAML there is, and strict where the models are."""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel, field_validator

from tests.weigov.command import command
from weigov import schema
from weigov.yamlfile import YamlFile

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"


def yaml_files() -> Iterator[tuple[str, Path]]:
    """kind of file → each file of the tree of that kind."""
    yield from (("descriptor", path) for path in sorted((ROOT / "adapters/systems").rglob("*.yaml")))
    for path in sorted((ROOT / "mappings").rglob("*.yaml")):
        kinds = {"flows": "flow", "codes": "codes"}
        yield kinds.get(path.parent.name, "words" if path.name == "words.yaml" else "site"), path


FILES = [pytest.param(kind, path, id=str(path.relative_to(ROOT))) for kind, path in yaml_files()]


def as_an_editor_sees_it(value: Any) -> Any:
    """YAML 1.2 knows no dates: to an editor they are texts."""
    if isinstance(value, dict):
        return {key: as_an_editor_sees_it(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_an_editor_sees_it(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def content(path: Path) -> Any:
    return as_an_editor_sees_it(YamlFile(path).plain())


@functools.cache
def validator(kind: str) -> Draft7Validator:
    return Draft7Validator(schema.schema(kind))


def faults(kind: str, value: Any) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(value)]


def test_the_schemas_in_the_tree_are_what_the_models_say() -> None:
    assert [path.name for path in schema.outdated(SCHEMAS)] == [], "run weigov schema --into schemas"
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{kind}.schema.json" for kind in schema.FILES}


@pytest.mark.parametrize("kind", schema.FILES)
def test_each_is_a_schema_and_says_what_things_are_for(kind: str) -> None:
    made = json.loads(schema.text(kind))
    Draft7Validator.check_schema(made)
    assert made["description"] and schema.text(kind) == schema.text(kind)


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_every_file_of_the_tree_fits(kind: str, path: Path) -> None:
    assert faults(kind, content(path)) == []


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_every_file_tells_editors_its_schema(kind: str, path: Path) -> None:
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text(encoding="utf-8"))
    assert named, "its first line must be # yaml-language-server: $schema=…"
    assert Path(os.path.normpath(path.parent / named[1])) == SCHEMAS / f"{kind}.schema.json"


def changed(value: Any, loc: tuple[str, ...], new: Any) -> Any:
    """``value`` with ``new`` at ``loc``."""
    made = copy.deepcopy(value)
    inner = made
    for part in loc[:-1]:
        inner = inner[part]
    inner[loc[-1]] = new
    return made


CMS = content(ROOT / "adapters/systems/demo/cms.yaml")
NOTICES = content(ROOT / "mappings/demo/flows/notices.yaml")
SITE = content(ROOT / "mappings/demo/site.yaml")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("descriptor", changed(CMS, ("titel",), "x")),
        ("descriptor", changed(CMS, ("engine",), "rset")),
        ("descriptor", changed(CMS, ("auth", "kind"), "bearr")),
        ("descriptor", changed(CMS, ("streams", "articles", "pagign"), {})),
        ("descriptor", changed(CMS, ("streams", "articles", "paging", "szie"), 5)),
        ("descriptor", changed(CMS, ("streams", "articles", "fields", "titel"), "title")),
        ("descriptor", changed(CMS, ("streams", "articles", "fields", "title"), {"form": "title"})),
        ("descriptor", changed(CMS, ("streams", "articles", "kind"), "artikel")),
        ("descriptor", changed(CMS, ("streams", "Articles"), CMS["streams"]["articles"])),
        ("flow", changed(NOTICES, ("to", "via"), "publsh")),
        ("flow", changed(NOTICES, ("map", "title", "steps"), ["stripp"])),
        ("flow", changed(NOTICES, ("begin",), 3)),
        ("flow", changed(NOTICES, ("valid_for",), "3 days")),
        ("flow", changed(NOTICES, ("quiet_hours",), {"start": "21:00", "end": "08:00"})),
        ("site", changed(SITE, ("accounts", "city", "type"), "servise")),
        ("site", changed(SITE, ("time_zone",), None)),
        ("codes", {"name": "x", "versions": {"1": {"a": 1}}}),
    ],
)
def test_a_typo_is_refused(kind: str, value: Any) -> None:
    assert faults(kind, value) != []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("descriptor", changed(CMS, ("time", "format"), ["iso", "epoch_ms"])),
        ("descriptor", changed(CMS, ("streams", "articles", "fields", "extra.region"), "region")),
        ("descriptor", changed(CMS, ("streams", "articles", "withdrawn"), [{"field": "a", "values": ["0", 1]}])),
        ("flow", changed(NOTICES, ("begin",), "2026-01-31")),
        ("flow", changed(NOTICES, ("valid_for",), "P2D")),
        ("flow", changed(NOTICES, ("quiet_hours",), "21:00-08:00")),
    ],
)
def test_what_may_be_written_shortly_fits_too(kind: str, value: Any) -> None:
    assert faults(kind, value) == []


def test_a_field_is_described_by_the_comment_beside_it() -> None:
    paging = schema.schema("descriptor")["$defs"]["Paging"]
    assert paging["properties"]["total"]["description"] == "how many rows there are in all"


def test_a_reader_nobody_told_the_schema_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def _trimmed(value: Any) -> Any:
        return value

    class Odd(BaseModel):
        word: str

        _short = field_validator("word", mode="before")(_trimmed)

    monkeypatch.setitem(schema.FILES, "odd", Odd)  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="_trimmed"):
        schema.schema("odd")


def test_the_command_prints_writes_and_compares(tmp_path: Path) -> None:
    assert json.loads(command({}, "schema", "flow").good()) == schema.schema("flow")
    old = command({}, "schema", "--check", str(tmp_path))
    assert old.code == 1 and len(old.err.splitlines()) == 1 and "weigov schema --into" in old.err
    assert len(command({}, "schema", "--into", str(tmp_path)).good().splitlines()) == len(schema.FILES)
    assert command({}, "schema", "--check", str(tmp_path)).good() == ""
    assert command({}, "schema", "--into", str(tmp_path)).good() == ""


@pytest.mark.parametrize("words", [[], ["flwo"], ["flow", "--check", "x"]])
def test_a_wrong_choice_is_one_line_that_lists_the_kinds(words: list[str]) -> None:
    typed = command({}, "schema", *words)
    assert typed.code == 1 and len(typed.err.splitlines()) == 1 and "descriptor, site, flow, codes" in typed.err
