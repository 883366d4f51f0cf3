"""Descriptors of exchange tables and folders: a wrong word is said before a row is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.descriptor import load_descriptor
from adapters.exchange.table_words import sortable
from tests.adapters.test_descriptor import faults

TABLE = """
system: it
title: 例
engine: table
time: {format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
streams:
  cases:
    kind: case
    schedule: "*/5 * * * *"
    table:
      name: PRE_APASINFO
      sign: {column: SIGNSTATE}
      version: DATAVER
      with: {DONE: {table: EA_JC_STEP_DONE, on: {PROJID: PROJID}}}
    key: PROJID
    fields: {status: STATE, extra.result: DONE.RESULT}
operations:
  say:
    table: {insert: SAID, values: {ID: "{idempotency_key}", WHAT: "{what}"}}
    params: [what]
    idempotency: key
  set:
    table: {update: CASES, key: {PROJID: "{id}"}, set: {STATE: "{state}"}}
    params: [id, state]
    idempotency: overwrite
"""
FILES = """
system: it
title: 例
engine: files
time: {format: iso}
streams:
  items:
    kind: article
    schedule: "*/5 * * * *"
    files: {pattern: "*.xml", done: {rename: .done}}
    records: //Item
    key: ID
    fields: {title: TITLE}
"""


@pytest.mark.parametrize("text", [TABLE, FILES])
def test_what_is_right_loads(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_descriptor(path).streams


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: PRE_APASINFO", "name: \"PRE; DROP TABLE X\"", "table.name"),
        ("column: SIGNSTATE", "column: \"1=1 OR SIGN\"", "table.sign.column"),
        ("sign: {column: SIGNSTATE}", "sign: {colum: SIGNSTATE}", "did you mean column?"),
        ("sign: {column: SIGNSTATE}", "sign: {column: S, read: 0}", "table.sign.read: 0 is one of `unread`"),
        ("version: DATAVER", "cursor: {column: AT}", "table.cursor: with a `sign` there is nothing for it to do"),
        ("sign: {column: SIGNSTATE}", "cursor: {column: AT, back: 3}", "cursor.back: belongs to `kind: number`"),
        ("sign: {column: SIGNSTATE}", "cursor: {column: N, kind: number, overlap: PT1M}", "belongs to `kind: time`"),
        ("sign: {column: SIGNSTATE}", "cursor: {column: N, kind: number}", "needs `back`: a lower number may be"),
        ("sign: {column: SIGNSTATE}", 'cursor: {column: AT, format: "%d.%m.%Y"}', "do not sort by time"),
        ("with: {DONE:", "with: {PROJID:", "table.with.PROJID: is also the name of a column"),
        ("key: PROJID\n", "key: PROJID\n    paging: {kind: page}\n", "paging: belongs to engines that ask"),
        ("key: PROJID\n", "key: PROJID\n    withdrawn: {vanished: {brake: 5%}}\n", "`vanished` belongs to engines"),
        ("key: PROJID\n", "key: PROJID\n    files: {}\n", "files: belongs to engine files"),
        ("{status: STATE,", "{statsu: STATE,", "did you mean status?"),
        ("*/5 * * * *", "hourly", "is no cron line"),
        ("insert: SAID, values:", "insert: SAID, set:", "table: `insert` needs `values`"),
        ("insert: SAID,", "insert: SAID, update: X,", "needs one of `insert`, `update`, `upsert`"),
        ('WHAT: "{what}"', 'WHAT: "{waht}"', "{waht} is unknown here (did you mean what?)"),
        ('WHAT: "{what}"', 'WHAT: "1"', "params.0: what is not used in `table`"),
        ('ID: "{idempotency_key}"', 'ID: "x{idempotency_key}{what}"', "needs an `insert` with a unique column"),
        ("idempotency: key", "idempotency: overwrite", "an `insert` twice is two rows"),
        ("idempotency: key", "idempotency: query_first", "`query_first` needs `key`"),
        ("engine: table", "engine: rest", "table: belongs to engine table"),
    ],
)  # fmt: skip
def test_a_wrong_word_about_a_table_is_said(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in TABLE
    found = faults(tmp_path, TABLE.replace(old, new, 1))
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('pattern: "*.xml"', "pattern: ../*.xml", "files.pattern"),
        ("done: {rename: .done}", "done: {move: ../elsewhere}", "files.done"),
        ('pattern: "*.xml"', 'pattern: "*"', "the renamed file would fit `pattern`"),
        ("records: //Item", "records: data.items", "is no path into XML"),
        ("key: ID", "key: ID\n    decode: [json]", "is a path into XML, and the files are JSON"),
        ('files: {pattern: "*.xml", done: {rename: .done}}', "", "files: is missing"),
    ],
)
def test_a_wrong_word_about_a_folder_is_said(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in FILES
    found = faults(tmp_path, FILES.replace(old, new, 1))
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("form", "sorts"),
    [
        ("%Y-%m-%d%H:%M:%S", True),
        ("%Y%m%d", True),
        ("epoch_ms", True),
        ("iso", False),
        ("%d.%m.%Y", False),
        ("%Y-%m-%d %I:%M:%S %p", False),
        ("%y-%m-%d", False),
    ],
)
def test_texts_of_some_formats_sort_as_their_times(form: str, sorts: bool) -> None:
    assert sortable(form) is sorts


def test_the_examples_of_the_reference_load(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "exchange.md"
    examples = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    for text in examples:
        path = tmp_path / "it.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_descriptor(path).streams
