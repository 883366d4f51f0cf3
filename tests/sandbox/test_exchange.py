"""The exchanges that need no server: what they leave behind has the shape that such exchanges have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sandbox.exchange.cases import DONE, Exchange
from sandbox.exchange.wcm import Outbox


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    it = Exchange(f"sqlite:///{tmp_path / 'exchange.db'}")
    it.create()
    yield it
    it.close()


def test_cases_begin_unread_at_version_one_with_a_time_that_lacks_its_space(exchange: Exchange) -> None:
    exchange.seed(12)
    rows = exchange.rows()
    assert {row["SIGNSTATE"] for row in rows} == {None, "0"} and {row["DATAVER"] for row in rows} == {1}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d\d\d:\d\d:\d\d", row["CREATE_TIME"]) for row in rows)
    finished = {row["PROJID"] for row in rows if row["PROJECTSTATE"] == "4"}
    assert {row["PROJID"] for row in exchange.rows(DONE)} == finished and finished


def test_a_new_report_raises_the_version_and_takes_the_sign_back(exchange: Exchange) -> None:
    number, other = exchange.seed(2)
    exchange.report(number, SIGNSTATE="1")
    exchange.finish(number, "0")
    row = next(row for row in exchange.rows() if row["PROJID"] == number)
    assert (row["DATAVER"], row["SIGNSTATE"], row["PROJECTSTATE"]) == (3, "0", "4")
    assert next(row for row in exchange.rows() if row["PROJID"] == other)["DATAVER"] == 1


def test_an_article_is_one_file_with_its_picture_and_attachment_beside_it(tmp_path: Path) -> None:
    path = Outbox(tmp_path, whole=True).publish(7)
    properties = ElementTree.parse(path).getroot().find("WCMDOCUMENT/PROPERTIES")
    assert properties is not None and properties.findtext("DOCID") == "7"
    picture = re.findall(r'src="([^"]+)"', properties.findtext("DOCHTMLCON") or "")[0]
    attached = properties.findtext("WCMAPPENDIXS/WCMAPPENDIX/APPFILE") or ""
    assert (tmp_path / picture).is_file() and (tmp_path / attached).is_file()
    assert path.with_name(path.name + ".ok").is_file()
