"""The documents say what is: every command in them exists, every link leads somewhere, every word of a site and of a
descriptor is explained, and every example loads.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import typer.main
from pydantic import BaseModel

from adapters import vocabulary
from adapters.outcome import Meaning
from adapters.soap.patches import PATCHES
from tests import following
from weigov import settings
from weigov.cli import app
from weigov.mapping.layout import _FILTERS as LAYOUT_FILTERS
from weigov.mapping.model import NEWS_FIELDS, NEWSPIC_FIELDS, CodeList
from weigov.mapping.model import Step as MappingStep
from weigov.ports import Idempotency
from weigov.records import KINDS
from weigov.site.models import FIGURE_SOURCES, SYNC_SOURCES, Flow, SiteFile, SyncState
from weigov.wiring import read_site, read_site_parts

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "mappings" / "demo"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PAGES = [*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n\n)((?: {4}\S.*\n?)+)")
_CODE = re.compile(r"`([^`\n]+)`")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_in(page: Path) -> Iterator[str]:
    """Every line of code a page shows, in the text or standing by itself; not the YAML and JSON."""
    text = text_of(page)
    prose = _FENCE.sub("", text)
    for _, body in (match for match in _FENCE.findall(text) if match[0] in ("", "sh", "bash", "console")):
        yield from body.splitlines()
    for block in _INDENTED.findall(prose):
        yield from (line.strip() for line in block.splitlines())
    yield from _CODE.findall(_INDENTED.sub("\n", prose))


# ---- commands


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text_of(ROOT / "Makefile"), re.MULTILINE))


@functools.cache
def cli_commands() -> dict[str, Any]:
    """``review list`` → its command, for every command there is."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        if hasattr(command, "commands"):
            for part, inner in command.commands.items():
                yield from walk(inner, f"{name} {part}".strip())
        else:
            yield name, command

    return dict(walk(typer.main.get_command(app), ""))


def words_after(line: str, program: str) -> list[str] | None:
    """The words behind ``program`` when ``line`` calls it."""
    command = line.split("#", 1)[0].strip()
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if not words or words[0].removeprefix(".venv/bin/") != program:
        return None
    return words[1:]


@pytest.mark.parametrize("page", SHOWN)
def test_every_make_target_named_exists(page: Path) -> None:
    named = {words[0] for line in code_in(page) if (words := words_after(line, "make"))}
    assert named - make_targets() == set()


@pytest.mark.parametrize("page", SHOWN)
def test_every_weigov_command_named_exists_with_its_options(page: Path) -> None:
    wrong = []
    for line in code_in(page):
        words = words_after(line, "weigov")
        if not words:
            continue
        found = next((c for n in (2, 1) if (c := cli_commands().get(" ".join(words[:n])))), None)
        options = {option for p in found.params for option in p.opts} if found else set()
        if found is None or {word for word in words if word.startswith("--")} - options:
            wrong.append(line)
    assert wrong == []


def test_the_readme_opens_with_the_two_commands() -> None:
    for page in READMES:
        first_screen = text_of(page).split("\n## ", 1)[0]
        assert re.findall(r"^    (make \S+)", first_screen, re.MULTILINE) == ["make demo", "make test"]


def test_the_command_reference_lists_every_command_and_every_option() -> None:
    page = text_of(ROOT / "docs/reference/cli.md")
    rows = dict(re.findall(r"^\| `weigov ([^`\[]+?)(?: [\[A-Z][^`]*)?` \|(.*)$", page, re.MULTILINE))
    commands = cli_commands()
    assert set(rows) == set(commands)
    for name, command in commands.items():
        options = {opt for p in command.params for opt in p.opts if opt.startswith("--")}
        assert options == set(re.findall(r"--[a-z-]+", rows[name])), name


def test_the_make_targets_are_listed() -> None:
    page = text_of(ROOT / "docs/reference/cli.md")
    assert set(re.findall(r"`make ([a-z-]+)", page)) >= make_targets() - {"help", "bench"}


# ---- links and pictures


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", SHOWN)
def test_every_link_and_picture_is_there(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text_of(page))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            missing.append(target)
    assert missing == []


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_place_in_the_where_is_table_is_there(page: Path) -> None:
    table = text_of(page).split("\n## ")[1]
    places = [name for row in table.splitlines() if row.startswith("| ") for name in _CODE.findall(row.split("|")[2])]
    assert len(places) > 10
    assert [name for name in places if not list(ROOT.glob(name.rstrip("/")))] == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\]\((\d{4}[^)]+)\)", text_of(folder / "README.md")))
    assert listed == {page.name for page in folder.glob("[0-9]*.md")}


@pytest.mark.parametrize("picture", sorted((ROOT / "docs/pictures").iterdir()), ids=lambda path: path.name)
def test_every_picture_is_shown_and_light_enough(picture: Path) -> None:
    assert any(picture.name in text_of(page) for page in PAGES)
    assert picture.stat().st_size < 300 * 1024


def test_both_readmes_have_the_same_parts() -> None:
    english, chinese = (text_of(page) for page in READMES)
    english = english.replace("-en.png", "-zh.png")  # each shows its own language
    for pattern in (r"\]\((?!README)([^)\s]+)\)", r"`(WEIGOV_\w+)`", r"^(?:## |    make )", r"^```(\w+)$"):
        wanted = set(re.findall(pattern, english, re.MULTILINE))
        assert wanted <= set(re.findall(pattern, chinese, re.MULTILINE)), pattern
    assert english.count("\n## ") == chinese.count("\n## ")


# ---- words


def models_in(*roots: type[BaseModel]) -> set[type[BaseModel]]:
    """Every model that can stand inside ``roots``, themselves included."""
    found: set[type[BaseModel]] = set()
    todo: list[Any] = list(roots)
    while todo:
        one = todo.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            if one not in found:
                found.add(one)
                todo += [field.annotation for field in one.model_fields.values()]
        elif get_origin(one) in (Union, UnionType, tuple, dict) or get_args(one):
            todo += get_args(one)
    return found


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def tables() -> dict[str, set[str]]:
    """model → the keys its table in docs/reference lists."""
    found = {}
    for page in sorted((ROOT / "docs/reference").glob("*.md")):
        for name, table in re.findall(r"<!-- model: ([\w.]+) -->\n\n((?:\|.*\n)+)", text_of(page)):
            found[name] = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    return found


#: Written as one text, or as another model's: their keys are nobody's to write.
UNWRITTEN = {"QuietHours", "MenuLeaf", "NoAuth"}
WORDS = sorted(models_in(SiteFile, Flow, CodeList, vocabulary.Descriptor), key=lambda model: model.__qualname__)


@pytest.mark.parametrize("model", [m for m in WORDS if m.__name__ not in UNWRITTEN], ids=lambda m: m.__name__)
def test_the_reference_lists_exactly_the_keys_there_are(model: type[BaseModel]) -> None:
    # A descriptor's words are the package's, whichever of its files they stand in.
    module = "adapters.vocabulary" if model.__module__.startswith("adapters.vocabulary.") else model.__module__
    assert tables().get(f"{module}.{model.__name__}") == keys_of(model)


def test_the_reference_describes_no_model_that_is_gone() -> None:
    for name in tables():
        module, _, cls = name.rpartition(".")
        assert hasattr(importlib.import_module(module), cls), name


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("flow.md", get_args(MappingStep)),
        ("flow.md", (*NEWS_FIELDS, *NEWSPIC_FIELDS)),
        ("flow.md", get_args(SyncState)),
        ("flow.md", SYNC_SOURCES),
        ("flow.md", FIGURE_SOURCES),
        ("flow.md", tuple(KINDS)),
        ("flow.md", tuple(name.split("(")[0] for name in LAYOUT_FILTERS)),
        ("descriptor.md", get_args(vocabulary.Step)),
        ("descriptor.md", get_args(vocabulary.BareStep)),
        ("descriptor.md", get_args(Meaning)),
        ("descriptor.md", get_args(Idempotency)),
        ("descriptor.md", tuple(PATCHES)),
        ("descriptor.md", tuple(KINDS)),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_every_closed_list_of_words_is_spelled_out(page: str, words: tuple[str, ...]) -> None:
    shown = " ".join(_CODE.findall(text_of(ROOT / "docs/reference" / page)))
    assert [word for word in words if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", shown)] == []


def test_every_field_of_every_kind_is_listed() -> None:
    page = text_of(ROOT / "docs/reference/flow.md").split("## Kinds of records", 1)[1]
    rows = {row.split("`")[1]: _CODE.findall(row)[1:] for row in page.splitlines() if row.startswith("| `")}
    assert rows == {kind: list(fields) for kind, fields in KINDS.items()}


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs/guides/run-it.md"], ids=lambda page: page.name)
def test_every_setting_is_explained_with_its_default(page: Path) -> None:
    assert settings.__doc__ is not None
    defaults = dict(re.findall(r"^(WEIGOV_\w+)\s.*?\s{2,}(\S+)$", settings.__doc__, re.MULTILINE))
    assert len(defaults) == len(settings.Settings.__dataclass_fields__)
    rows = [row for row in text_of(page).splitlines() if row.startswith("| `WEIGOV_")]
    for name, default in defaults.items():
        (row,) = [row for row in rows if f"`{name}`" in row]
        assert f"`{default}`" in row, name


def test_every_state_and_arrow_is_explained() -> None:
    from weigov.ledger.states import ARROWS, STATES

    page = text_of(ROOT / "docs/decisions/0002-delivery-states.md")
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", page, re.MULTILINE))
    dropped = {
        (a, b) for a in ("waiting_review", "ready", "deferred") for b in ("superseded", "withdrawn", "expired")
    }
    assert drawn | dropped == ARROWS
    guide = text_of(ROOT / "docs/guides/when-something-is-wrong.md")
    rows = re.findall(r"^\| (`[^|]+`) \|", guide.split("## What each state means")[1].split("\n## ")[0], re.MULTILINE)
    assert {state for row in rows for state in _CODE.findall(row)} == set(STATES)


# ---- examples


_NAMED = re.compile(
    r"\A(?:# |\{# )(?:adapters/)?((?:site|(?:flows|codes|systems)/[\w/]+)\.yaml|layouts/\w+\.html\.j2)"
)


def examples(page: Path) -> list[tuple[str, str]]:
    """(file, content) of every YAML or layout example of a page, in order."""
    found = []
    for language, body in _FENCE.findall(text_of(page)):
        if language in ("yaml", "jinja"):
            named = _NAMED.match(body)
            assert named, f"an example says in its first line which file it is: {body.splitlines()[0]!r}"
            found.append((named[1], body))
    return found


def changed_by(page: Path, files: Mapping[str, str]) -> dict[str, str]:
    """The examples that the page changes further down, as they are in the end."""
    found: dict[str, str] = {}
    for step in following.steps(text_of(page)) if "```diff" in text_of(page) else ():
        if step.kind == "change":
            found[step.name] = following.changed(found.get(step.name, files[step.name]), step.text)
    return found


@pytest.mark.parametrize("page", [p for p in SHOWN if "```yaml" in text_of(p.values[0])])  # type: ignore[arg-type]
def test_every_example_loads(page: Path, tmp_path: Path) -> None:
    files = dict(examples(page))
    assert len(files) == len(examples(page)), "two examples are the same file"
    site = files.get("site.yaml", text_of(DEMO / "site.yaml"))
    folder = tmp_path / re.findall(r"^site: (\w+)", site, re.MULTILINE)[0]
    if "site.yaml" in files:
        folder.mkdir()
    else:
        shutil.copytree(DEMO, folder)
    for name, body in (files | changed_by(page, files)).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
        for bundle, wsdl in re.findall(r"^wsdl: {file: (\w+)/(\S+),", body, re.MULTILINE):  # the doctor's to write
            (file.parent / bundle).mkdir()
            for beside in (wsdl, "manifest.json"):
                (file.parent / bundle / beside).touch()
    loaded = read_site(folder)  # a fault raises, and its message names the line
    assert {Path(name).stem for name in files if name.startswith("flows/")} <= set(loaded.flows)


@pytest.mark.parametrize("page", [p for p in SHOWN if "```json" in text_of(p.values[0])])  # type: ignore[arg-type]
def test_the_connections_shown_are_ones_the_program_takes(page: Path) -> None:
    from weigov.credentials import connection_from_json

    for body in (body for language, body in _FENCE.findall(text_of(page)) if language == "json"):
        shown: Mapping[str, Any] = json.loads(body)
        found = [connection_from_json(name, value) for name, value in shown.items()]
        assert {one.kind for one in found} <= {"wechat_account", "gov_rest", "gov_soap", "generic"}
        assert all(one.base_url.startswith(("https://", "http://10.")) for one in found if one.kind[:4] == "gov_")


def test_the_fault_the_guide_shows_is_the_one_that_comes(tmp_path: Path) -> None:
    guide = ROOT / "docs/guides/add-a-flow.md"
    (shown,) = [line.strip() for line in text_of(guide).splitlines() if "map.titel" in line]
    _, line, _, _ = shown.split(":", 3)
    files = dict(examples(guide))
    at = next(n for n, text in enumerate(files["flows/notices.yaml"].splitlines(), 1) if "title:  " in text)
    assert int(line) == at
    folder = tmp_path / "qinghe"
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body.replace("  title:  ", "  titel:  "), encoding="utf-8")
    said = [str(fault).removeprefix(f"{folder}/") for fault in read_site_parts(folder)[1]]
    assert shown in said
