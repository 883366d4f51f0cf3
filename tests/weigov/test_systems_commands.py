"""What ``weigov sample`` shows of records, and says of rows that were rejected."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from weigov.commands.records import show
from weigov.commands.systems import _by_reason
from weigov.ports import Rejected
from weigov.records import Record

HTML = "<p>关于进一步规范行政审批服务的通知</p>\n" * 20
ARTICLE = Record("article", "A1", {"title": "通知", "html": HTML, "updated_at": datetime(2026, 1, 1, tzinfo=UTC)})
GONE = Record("article", "A2", {"title": "[公告] 二"}, withdrawn=True)


def shown(width: int, *records: Record) -> list[str]:
    """What a terminal of ``width`` columns shows, a line each."""
    file = io.StringIO()
    console = Console(file=file, width=width, soft_wrap=True, highlight=False, markup=False, emoji=False)
    show(list(records), UTC, console)
    return file.getvalue().splitlines()


def test_a_terminal_too_narrow_for_the_table_gets_a_block_for_each_record() -> None:
    lines = shown(80, ARTICLE, GONE)
    assert [line.partition(": ")[0] for line in lines] == ["key", "title", "html", "updated_at", "", "key", "title"]
    assert lines[3] == "updated_at: 2026-01-01 00:00:00" and lines[5:] == ["key: A2 (withdrawn)", "title: [公告] 二"]
    assert lines[2].startswith("html: <p>关于") and lines[2].endswith("…") and cell_len(lines[2]) <= 80


@pytest.mark.parametrize("width", [200, 300])
def test_a_wide_terminal_gets_a_table(width: int) -> None:
    lines = shown(width, ARTICLE, GONE)
    assert "key" in lines[1] and "updated_at" in lines[1] and len({cell_len(line) for line in lines}) == 1


def test_only_html_is_cut_to_one_line() -> None:
    record = Record("article", "A1", {"title": "很长的标题" * 20, "html": HTML})
    assert "很长的标题" * 20 in "".join(shown(60, record))


def test_rows_that_ail_alike_are_one_line() -> None:
    same = [Rejected(f"A{n}", "column updated: is no time") for n in range(130)]
    other = Rejected("row 2 of page 1", "it has no key")
    assert list(_by_reason([same[0], other, *same[1:]])) == [
        "A0, A1, A2 and 127 more: column updated: is no time",
        "row 2 of page 1: it has no key",
    ]
