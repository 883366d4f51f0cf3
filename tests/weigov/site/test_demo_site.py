"""The demo's own files are sound, checked against the real descriptors of its three systems."""

from __future__ import annotations

from pathlib import Path

from adapters.descriptor import find_descriptor, load_descriptor, shape
from weigov.site.load import load_site
from weigov.site.site import Site

FOLDER = Path(__file__).parents[3] / "mappings" / "demo"


def demo() -> Site:
    return load_site(FOLDER, lambda name: shape(load_descriptor(find_descriptor(name))))


def test_the_demo_site_has_no_fault() -> None:
    assert sorted(demo().flows) == ["answers", "case_progress", "menu", "notices", "policies"]


def test_articles_begin_with_everything_and_messages_with_nothing() -> None:
    begins = {name: flow.begin for name, flow in demo().flows.items() if flow.to.kind != "menu"}
    assert begins == {"notices": "all", "policies": "all", "case_progress": "now", "answers": "now"}


def test_a_case_moves_only_by_its_status() -> None:
    assert demo().reads("case_progress") == {"status"}


def test_every_status_of_the_demo_fits_a_phrase() -> None:
    versions = demo().codes["case_status"].versions
    assert all(0 < len(meaning) <= 5 for codes in versions.values() for meaning in codes.values())
