"""What an engineer asks of a system that is not yet trusted: is the descriptor right, and what comes out of it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from weigov.commands.by_hand import one_system
from weigov.commands.console import UNPROVEN, Json, names, out
from weigov.commands.records import show
from weigov.errors import WeigovError

#: Rows shown for each reason they were rejected for.
_NAMED = 3

if TYPE_CHECKING:
    from adapters.look.check import Checked
    from weigov.ports import Batch, Rejected
    from weigov.records import Record


def check(
    system: Annotated[str, typer.Argument(help="one system of the site")],
    stream: Annotated[list[str] | None, typer.Option("--stream", help="only this one; may be repeated")] = None,
    as_json: Json = False,
) -> None:
    """Read one page of each stream and show what contradicts the descriptor. Stores and acknowledges nothing."""
    from adapters.look import check as checks

    found: list[Checked] = []
    with one_system(system) as it:
        unproven = checks.is_unproven(it.descriptor)
        base_url = it.connection.base_url.rstrip("/")
        if not as_json:
            out.print(f"{system}  {it.descriptor.title}", style="bold")
            out.print(f"descriptor {it.descriptor.system}, connection {it.connection.name}")
            if unproven:
                out.print(UNPROVEN)
        for one in checks.check(it.system, it.descriptor, base_url, it.now, streams=stream or ()):
            found.append(one)
            if not as_json:
                _show(one)
    if as_json:
        shown = {"system": system, "unproven": unproven, "streams": [asdict(one) for one in found]}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    for one in found:
        for line in (*one.contradictions, *([one.problem] if one.problem else [])):
            print(line, file=sys.stderr)
    if not all(one.sound for one in found):
        raise typer.Exit(1)
    if not as_json:
        said = "nothing contradicts the descriptor"
        out.print(said if found else "it has no streams: nothing was asked, and no log-in tried")


def _show(one: Checked) -> None:
    out.print(f"{one.stream}{' (operation)' * one.operation}", style="bold")
    for about, said in one.facts.items():
        out.print(f"  {about:<13} {said}")


def sample(
    system: Annotated[str, typer.Argument(help="one system of the site")],
    stream: Annotated[str, typer.Argument(help="one of its streams")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="at most so many records")] = 10,
    as_json: Json = False,
    clear: Annotated[bool, typer.Option("--clear", help="show people's names and numbers too")] = False,
) -> None:
    """Show the first records of a stream as they would be mirrored. Stores and acknowledges nothing."""
    from adapters.look.personal import masked
    from adapters.look.total import Total
    from adapters.look.unstored import Look
    from weigov.records import dump

    with one_system(system) as it:
        names(it.descriptor.streams, stream, "stream")
        total = Total(it.system, it.descriptor, stream)
        records, rejected, error = _first(Look(it.system, it.now).batches(stream), limit)
        shown = [record if clear else masked(record) for record in records]
        if as_json:
            for record in shown:
                head = {"key": record.key, "partition": record.partition, "withdrawn": record.withdrawn}
                typer.echo(json.dumps(head | json.loads(dump(record)), ensure_ascii=False))
        elif shown:
            show(shown, it.zone, out)
        # On standard error, so that what is piped on is records only.
        if records or rejected or error is None:
            print(_how_many(len(records), total.said(), len(rejected)), file=sys.stderr)
        for line in _by_reason(rejected):
            print(line, file=sys.stderr)
    if error is not None:
        raise error


def _first(batches: Iterator[Batch], limit: int) -> tuple[list[Record], list[Rejected], WeigovError | None]:
    """The first records, and what was rejected on the way; an error in the midst takes nothing away."""
    records: list[Record] = []
    rejected: list[Rejected] = []
    try:
        for batch in batches:
            rejected += batch.rejected
            records += islice(batch.records, limit - len(records))
            if len(records) >= limit:
                break
    except WeigovError as error:
        return records, rejected, error
    return records, rejected, None


def _how_many(count: int, total: str, rejected: int) -> str:
    said = f"first {count} of {total}" if total else f"first {count}; the system does not say how many there are"
    return said + (f"; {rejected} rejected:" if rejected else "")


def _by_reason(rejected: list[Rejected]) -> Iterator[str]:
    """One line for each reason, with the first of its rows: a wrong word in a descriptor ails all of them alike."""
    keys: dict[str, list[str]] = {}
    for one in rejected:
        keys.setdefault(one.reason, []).append(one.key)
    for reason, ill in keys.items():
        more = f" and {len(ill) - _NAMED} more" if len(ill) > _NAMED else ""
        yield f"{', '.join(ill[:_NAMED])}{more}: {reason}"
