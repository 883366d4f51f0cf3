"""What commands share: the console they print on, the deployment they work with, how they say what came of it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

from weigov.errors import ConfigError, WeigovError
from weigov.settings import Settings

# Titles and reasons are other people's words: square brackets and colons in them are no markup.
out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
UNPROVEN = "未经实证 unproven: this descriptor was written from documents, never against the system itself"
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


@contextmanager
def context(*, whole_site: bool = False) -> Iterator[Any]:
    """The deployment, without what is broken of its site; each fault is said first.

    ``whole_site``: the command is about all there is, so it fails in the end when something was left out.
    """
    from weigov.wiring import opened, usable_site  # the engines take a second to import; --help need not

    settings = Settings.from_environ()
    site, faults = usable_site(settings.site)
    for fault in faults:
        print(fault, file=sys.stderr)
    with opened(settings, site=site) as ctx:
        yield ctx
    if whole_site and faults:
        raise typer.Exit(1)


def log_in() -> str:
    """Who types, by the log-in. Raises ConfigError where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        raise ConfigError("say who decides: --as NAME") from None


def names(known: Any, wanted: str | None, what: str) -> list[str]:
    if wanted is None:
        return list(known)
    if wanted not in known:
        raise ConfigError(f"there is no sound {what} {wanted}; there are {', '.join(sorted(known))}")
    return [wanted]


def each(wanted: list[Any], call: Callable[[Any], Any], name: Callable[[Any], str] = str) -> None:
    """Do every one; say what each came to; fail at the end if any could not work, after the rest had its turn."""
    said: set[str] = set()
    for each in wanted:
        try:
            found = call(each)
        except WeigovError as error:
            if str(error) not in said:
                print(f"{name(each)}: {error}", file=sys.stderr)
            said.add(str(error))
            continue
        if found is None:
            continue
        skip = ("flow", "account", "system", "stream", "target", "stopped", "notes")
        out.print(f"{name(each)}: {plain(asdict(found), skip)}")
        for note in getattr(found, "notes", ()):
            out.print(f"{name(each)}: note: {note}")
        stopped = getattr(found, "stopped", "") or getattr(getattr(found, "drained", None), "stopped", "")
        if stopped:
            print(f"{name(each)}: {stopped}", file=sys.stderr)
            said.add(stopped)
    if said:
        raise typer.Exit(1)


def one_by_one(deliveries: list[int], decide: Callable[[int], Any]) -> None:
    """Decide each; say what it came to, or why not, and fail in the end if one could not be decided."""
    failed = 0
    for delivery in deliveries:
        try:
            out.print(f"delivery {delivery}: {decide(delivery)}")
        except WeigovError as error:
            failed += 1
            print(error, file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def counted(n: int, thing: str) -> str:
    """``1 flow``, ``2 flows``."""
    return f"{n} {thing}{'s' * (n != 1)}"


def plain(values: dict[str, Any], skip: tuple[str, ...] = ()) -> str:
    """``a 3, b {x 1}``: what is not nothing."""
    shown = []
    for name, value in values.items():
        if name in skip or not value:
            continue
        if isinstance(value, dict):
            inner = plain(value, skip)
            if inner != "nothing":
                shown.append(inner if name in ("stored", "states", "drained") else f"{name} {{{inner}}}")
        else:
            shown.append(f"{name} {value}")
    return ", ".join(shown) or "nothing"
