"""The example site for WordPress is sound, checked against the real descriptor."""

from __future__ import annotations

from pathlib import Path

from adapters.descriptor import find_descriptor, load_descriptor, shape
from weigov.site.load import load_site

FOLDER = Path(__file__).parents[3] / "mappings" / "wordpress"


def test_the_wordpress_site_has_no_fault_and_takes_every_post() -> None:
    site = load_site(FOLDER, lambda name: shape(load_descriptor(find_descriptor(name))))
    flow = site.flows["posts"]
    assert flow.begin == "all" and flow.from_ is not None and not flow.from_.where
    assert site.reads("posts") == {"title", "summary", "html", "url", "cover", "published_at"}
