"""The site's YAML for DAG parsing: light, and never raising.

Every 15 seconds the DAG processor reads it: neither an engine, a database nor WeChat may come with it.
"""

from __future__ import annotations

from adapters.descriptor import find_descriptor, load_descriptor, places_of, shape
from weigov.errors import ConfigError, Fault
from weigov.settings import Settings
from weigov.site.load import load_site_parts
from weigov.site.site import Site


def read_site() -> tuple[Site | None, list[Fault]]:
    """What is sound of the site that WEIGOV_SITE names, and every fault. None when the settings make no sense."""
    try:
        folder = Settings.from_environ().site
    except ConfigError as error:
        return None, [Fault("environment", str(error))]
    places = places_of(folder)
    return load_site_parts(folder, lambda name: shape(load_descriptor(find_descriptor(name, *places))))
