"""Tapes: a real system's answers without its people, and running a descriptor and mappings against them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weigov.commands.by_hand import one_system
from weigov.commands.console import names, out
from weigov.errors import ConfigError, RecordRejected

if TYPE_CHECKING:
    from adapters.tape.tape import Tape
    from weigov.records import Record
    from weigov.site.models import Flow
    from weigov.site.site import Site

app = typer.Typer(no_args_is_help=True, help="a system's answers, recorded and played again")


@app.command("record")
def tape_record(
    system: Annotated[str, typer.Argument(help="one system of the site")],
    file: Annotated[Path, typer.Argument(help="the tape; an old one is replaced")],
    streams: Annotated[str, typer.Option("--streams", help="names joined by commas; all when not given")] = "",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="at most so many pages of each")] = None,
) -> None:
    """Record what a system answers, with secrets and people replaced. Read it before you pass it on."""
    from adapters.tape.recorder import record
    from adapters.tape.tape import save

    with one_system(system) as it:
        wanted = [name for name in (part.strip() for part in streams.split(",")) if name]
        tape = record(it.system, it.descriptor, it.connection, it.now, streams=wanted, pages=limit)
    save(tape, file)
    _show(tape)
    out.print(
        f"{file}: {len(tape.exchanges)} answers; read it before you pass it on: a name in a text is still there"
    )


@app.command("play")
def tape_play(
    file: Annotated[Path, typer.Argument(help="a tape")],
    flows: Annotated[list[str] | None, typer.Argument(help="flows of the site to map the records by")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="keep what comes now as what should come")] = False,
) -> None:
    """Run a descriptor against a tape, without the system. Fails with a diff when other records come than then."""
    from adapters.descriptor import find_descriptor, load_descriptor, places_of
    from adapters.tape.player import differences, play
    from adapters.tape.tape import load, save
    from weigov.settings import Settings

    tape = load(file)
    places = places_of(Settings.from_environ().site)
    played = play(tape, load_descriptor(find_descriptor(tape.system, *places)))
    said = list(differences(tape.outcomes, played.outcomes))
    if accept and said:
        tape.outcomes = played.outcomes
        save(tape, file)
    for line in said:
        typer.echo(line)
    for name in flows or ():
        _map(name, tape, played.records)
    if not said:
        _show(tape)
    elif accept:
        out.print(f"{file}: accepted")
    else:
        print(f"{file}: other records came than are on the tape; --accept keeps them", file=sys.stderr)
        raise typer.Exit(1)


def _show(tape: Tape) -> None:
    for stream, outcome in tape.outcomes.items():
        parts = [f"{len(outcome.records)} records"]
        parts += [f"{len(outcome.rejected)} rejected"] if outcome.rejected else []
        parts += [f"ended with {outcome.ended}"] if outcome.ended else []
        out.print(f"{tape.system} {stream}: {', '.join(parts)}")


def _map(name: str, tape: Tape, records: Mapping[str, Sequence[Record]]) -> None:
    """What a flow makes of the tape's records, and which it could not map. Pictures are not fetched."""
    from weigov.settings import Settings
    from weigov.wiring import usable_site

    site, faults = usable_site(Settings.from_environ().site)
    for fault in faults:
        print(fault, file=sys.stderr)
    names(site.flows, name, "flow")
    flow = site.flows[name]
    if flow.from_ is None or site.systems[flow.from_.system].descriptor != tape.system:
        raise ConfigError(f"{name} does not read {tape.system}, which this tape is of")
    if flow.from_.stream not in records:
        raise ConfigError(f"{name} reads {flow.from_.stream}, which is not on this tape ({', '.join(records)} are)")
    taken = _taken(site, flow, records)
    rejected = []
    for record in taken:
        try:
            _mapped(site, flow, record)
        except RecordRejected as error:
            rejected.append(f"{error.key}: {'; '.join(error.reasons)}")
    of = len(records[flow.from_.stream])
    out.print(f"{name}: takes {len(taken)} of {of} records, {len(taken) - len(rejected)} mapped")
    for line in rejected:
        out.print(f"  would be quarantined: {line}")


def _taken(site: Site, flow: Flow, records: Mapping[str, Sequence[Record]]) -> list[Record]:
    from weigov.flow.where import matches

    assert flow.from_ is not None
    shapes = site.shapes[flow.from_.system].streams
    tree = {
        record.key: str(record.get("parent") or "")
        for stream, found in records.items()
        if stream in shapes and shapes[stream].kind == "column"
        for record in found
    }
    return [
        record
        for record in records[flow.from_.stream]
        if not record.withdrawn and matches(flow.from_.where, record, tree, site.zone)
    ]


def _mapped(site: Site, flow: Flow, record: Record) -> Any:
    from weigov.mapping import apply

    context = apply.context(site, lambda source: source)
    if flow.to.kind == "news":
        mapped = apply.map_pictures if flow.to.as_ else apply.map_article
        return mapped(flow, record, context)
    return apply.map_template(flow, record, context), apply.map_link(flow, record, context)
