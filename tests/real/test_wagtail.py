"""Wagtail as the upstream: no cursor, no deletions said, a limit that is an error; through a network that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.descriptor import find_descriptor
from tests.real.desk import HASTY, LIMITS, Desk, desk
from tests.real.machine import Say, running
from tests.real.proxy import Kind, Proxy, proxy
from tests.real.wagtail import Wagtail
from weigov.errors import RemoteUnavailable
from weigov.ports import Connection

pytestmark = pytest.mark.real

DESCRIPTOR = find_descriptor("wagtail")
PAGES = "^/api/v2/pages/"


@pytest.fixture(scope="module")
def wagtail(say: Say) -> Iterator[Wagtail]:
    with running(Wagtail, say) as system:
        yield system


@pytest.fixture(scope="module")
def front(wagtail: Wagtail) -> Iterator[Proxy]:
    with proxy(wagtail.url) as it:
        yield it


@pytest.fixture
def cms(front: Proxy, tmp_path: Path) -> Iterator[Desk]:
    front.clear()
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url)) as it:
        yield it


def mirrored(cms: Desk) -> dict[str, list[str]]:
    return {
        key: [record.get("title"), record.get("summary"), record.get("html")]
        for key, record in cms.records("articles").items()
    }


def test_every_published_page_comes_with_its_text(wagtail: Wagtail, cms: Desk) -> None:
    collected = cms.collect("articles")
    assert not collected.incomplete and collected.stored.new == wagtail.count
    assert mirrored(cms) == wagtail.pages  # and the draft is not among them


def test_nothing_contradicts_the_descriptor(cms: Desk) -> None:
    assert cms.objections() == []


def test_edits_unpublishings_and_deletions_are_followed(wagtail: Wagtail, cms: Desk) -> None:
    cms.collect("articles")
    first, second, third, *_ = sorted(wagtail.pages, key=int)
    wagtail.manage("edit", first, "更正后的标题 & “新”")
    wagtail.manage("unpublish", second)
    wagtail.manage("delete", third)
    again = cms.collect("articles")
    assert not again.incomplete and again.stored.withdrawn == 2 and again.stored.new == 0
    assert mirrored(cms) == wagtail.pages and mirrored(cms)[first][0] == "更正后的标题 & “新”"


@pytest.mark.parametrize("kind", ["reset", "http_503", "html", "truncate", "cut", "lose", "delay", "drip"])
def test_a_page_that_breaks_is_asked_for_again(wagtail: Wagtail, front: Proxy, tmp_path: Path, kind: Kind) -> None:
    front.clear()
    seconds = {"delay": 4.0, "drip": 0.05}.get(kind, 0)
    fault = front.plan(kind, "GET", PAGES, nth=2, seconds=seconds)
    limits = HASTY if seconds else LIMITS
    with desk(tmp_path, DESCRIPTOR, Connection("upstream", "", front.url), limits=limits) as cms:
        assert not cms.collect("articles").incomplete
        assert fault.did == 1 and mirrored(cms) == wagtail.pages


def test_a_reading_that_broke_off_withdraws_nothing(wagtail: Wagtail, front: Proxy, cms: Desk) -> None:
    cms.collect("articles")
    front.plan("reset", "GET", f"{PAGES}.*offset=20", times=4)
    with pytest.raises(RemoteUnavailable):
        cms.collect("articles")
    assert mirrored(cms) == wagtail.pages
