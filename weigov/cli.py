"""``weigov``: the verbs by hand, and what an engineer or operator asks of a deployment.

The DAGs call the same functions. A user's mistake is one line on standard error and exit code 1 (2 for a wrong
command line), never a stack trace.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from weigov.errors import ConfigError, RemoteUnavailable, ReviewRejected, WeigovError
from weigov.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a pretty trace shows local variables, and with them secrets
)
review = typer.Typer(no_args_is_help=True, help="held deliveries → people → released or refused")
quarantine = typer.Typer(no_args_is_help=True, help="records that could not be mapped")
bindings = typer.Typer(no_args_is_help=True, help="which citizen follows which case")
app.add_typer(review, name="review")
app.add_typer(quarantine, name="quarantine")
app.add_typer(bindings, name="bindings")

# Titles and reasons are other people's words: square brackets and colons in them are no markup.
out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


@contextmanager
def _context(*, whole_site: bool = False) -> Iterator[Any]:
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


@app.command()
def lint(
    site: Annotated[Path | None, typer.Argument(help="the site's folder; WEIGOV_SITE when not given")] = None,
) -> None:
    """Check a site's YAML against what its systems offer; every fault at once, with file, line and path."""
    from weigov.wiring import read_site_parts

    folder = site or Settings.from_environ().site
    found, faults = read_site_parts(folder)
    if faults:
        raise ConfigError(faults)
    out.print(
        f"{folder}: {len(found.flows)} flows, {len(found.systems)} systems, {len(found.accounts)} accounts: sound"
    )


@app.command()
def migrate() -> None:
    """Make the ledger's tables, or bring them up to date."""
    from weigov.ledger.migrate import migrate as to_head

    out.print(f"ledger at {to_head(Settings.from_environ().ledger_url)}")


@app.command()
def gateway() -> None:
    """Serve WeChat's callbacks; refuses to start when a connection it needs is missing."""
    import uvicorn

    from weigov.gateway.app import create_app
    from weigov.gateway.build import build

    settings = Settings.from_environ()
    parts, close = build(settings)
    try:
        _require_free(settings.gateway_host, settings.gateway_port)
        uvicorn.run(
            create_app(parts),
            host=settings.gateway_host,
            port=settings.gateway_port,
            log_level="info",
            timeout_graceful_shutdown=5,
        )
    finally:
        close()


@app.command()
def collect(
    system: Annotated[str | None, typer.Argument(help="one system; all when not given")] = None,
    stream: Annotated[str | None, typer.Argument(help="one of its streams; all when not given")] = None,
) -> None:
    """system → mirror."""
    from weigov.flow.collect import collect as verb

    with _context(whole_site=True) as ctx:
        wanted = [
            (name, each)
            for name in _names(ctx.site.systems, system, "system")
            for each in _names(_streams_in_order(ctx.site.shapes[name].streams), stream if system else None, "stream")
        ]
        gone: set[str] = set()

        def pull(pair: tuple[str, str]) -> Any:
            if pair[0] in gone:
                return None  # said once is enough, and trying again takes its time
            try:
                return verb(ctx, *pair)
            except RemoteUnavailable:
                gone.add(pair[0])
                raise

        _each(wanted, pull, lambda pair: "/".join(pair))


@app.command()
def compose(flow: Annotated[str | None, typer.Argument(help="one flow; all when not given")] = None) -> None:
    """mirror → deliveries."""
    from weigov.flow.compose import compose as verb

    with _context(whole_site=True) as ctx:
        _each(_names(ctx.site.flows, flow, "flow"), lambda name: verb(ctx, name))


@app.command()
def deliver(
    account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="at most so many deliveries")] = None,
) -> None:
    """outbox → WeChat, under quota."""
    from weigov.flow.deliver import deliver as verb

    with _context(whole_site=True) as ctx:
        _each(_names(ctx.site.accounts, account, "account"), lambda name: verb(ctx, name, limit=limit))


@app.command()
def reconcile(account: Annotated[str | None, typer.Argument(help="one account; all when not given")] = None) -> None:
    """whatever is not certain → certain."""
    from weigov.flow.reconcile import reconcile as verb

    with _context(whole_site=True) as ctx:
        _each(_names(ctx.site.accounts, account, "account"), lambda name: verb(ctx, name))


@app.command("sync-back")
def sync_back(system: Annotated[str | None, typer.Argument(help="one system; all when not given")] = None) -> None:
    """receipts → the system a record came from."""
    from weigov.flow.sync_back import sync_back as verb

    with _context(whole_site=True) as ctx:
        _each(_names(ctx.site.systems, system, "system"), lambda name: verb(ctx, name))


@app.command()
def status(as_json: Json = False) -> None:
    """What waits, what stands still and why, and what is due now."""
    from weigov.flow.plan import held_flows
    from weigov.flow.reconcile import JOB_EVENTS
    from weigov.ledger import reports

    with _context() as ctx:
        with ctx.ledger.read() as connection:
            found = reports.status(connection, ctx.site.site, now=ctx.now())
            found["due"] = reports.due_by_kind(connection, ctx.site.site, now=ctx.now(), events=JOB_EVENTS)
        found["held"] = held_flows(ctx)
        zone = ctx.site.zone
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str, indent=2))
        return
    _show_status(found, zone)


@app.command()
def plan(flow: Annotated[str | None, typer.Argument(help="one flow; all when not given")] = None) -> None:
    """What the next compose would deliver, and what applying a changed mapping would deliver again. Sends nothing."""
    from weigov.flow.plan import plan as look

    with _context() as ctx:
        for name in _names(ctx.site.flows, flow, "flow"):
            found = look(ctx, name)
            composed = found.composed
            out.print(f"{name}  {ctx.site.flows[name].title}", style="bold")
            if found.changed:
                out.print(f"  the mapping changed: apply would deliver {len(found.again)} published records again")
                for reason in found.rejected:
                    out.print(f"  could no longer be mapped: {reason}")
            if composed.held:
                out.print(f"  {composed.held}")
            else:
                out.print(f"  next compose: {_plain(asdict(composed), skip=('flow', 'held'))}")


@app.command()
def apply(
    flow: str,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Take a flow's changed mapping over, after saying how many published records are delivered again."""
    from weigov.flow.plan import apply as take_over
    from weigov.flow.plan import plan as look

    with _context() as ctx:
        (name,) = _names(ctx.site.flows, flow, "flow")
        found = look(ctx, name)
        if not found.changed:
            out.print(f"{name}: nothing to apply")
            return
        if not yes:
            typer.confirm(f"{name}: {len(found.again)} published records will be delivered again. Apply?", abort=True)
        out.print(f"{name}: applied; {take_over(ctx, name)} records go before compose again")


@review.command("list")
def review_list(as_json: Json = False) -> None:
    """What waits for review."""
    from weigov.flow.review import held

    with _context() as ctx:
        rows = held(ctx)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str, indent=2))
        return
    table = Table("id", "flow", "title", "approvals", "by", "digest", "since")
    for row in rows:
        table.add_row(
            str(row.id),
            row.flow_title,
            row.title,
            f"{row.approvals}/{row.needed}",
            ", ".join(row.people),
            row.digest[:12],
            f"{row.since:%Y-%m-%d %H:%M}",
        )
    out.print(table if rows else "nothing waits for review")


Deliveries = Annotated[list[int], typer.Argument(metavar="DELIVERY...", help="their ids, as review list shows them")]
As = Annotated[str, typer.Option("--as", help="who decides")]
Digest = Annotated[
    str | None,
    typer.Option("--digest", help="of what was looked at (at least 8 digits); refused when it changed since"),
]


@review.command("approve")
def review_approve(deliveries: Deliveries, person: As, digest: Digest = None) -> None:
    """Count an approval by one person."""
    _decide(deliveries, person, "approve", digest, "")


@review.command("refuse")
def review_refuse(
    deliveries: Deliveries,
    person: As,
    comment: Annotated[str, typer.Option("--comment", help="why, for the author")] = "",
    digest: Digest = None,
) -> None:
    """Refuse a delivery; it never leaves."""
    _decide(deliveries, person, "refuse", digest, comment)


@quarantine.command("list")
def quarantine_list(
    flow: Annotated[str | None, typer.Option("--flow")] = None,
    as_json: Json = False,
) -> None:
    """Records that could not be mapped, and why."""
    from weigov.ledger import revisions

    with _context() as ctx, ctx.ledger.read() as connection:
        rows = [dict(row._mapping) for row in revisions.quarantined(connection, ctx.site.site, flow)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=str, indent=2))
        return
    table = Table("flow", "record", "reason", "since")
    for row in rows:
        name = f"{row['system']}/{row['stream']}/{row['key']}"
        table.add_row(row["flow"], name, row["reason"], f"{row['created_at']:%Y-%m-%d %H:%M}")
    out.print(table if rows else "nothing is quarantined")


@quarantine.command("replay")
def quarantine_replay(
    flow: str,
    keys: Annotated[list[str] | None, typer.Argument(help="record keys; all of the flow when none is given")] = None,
) -> None:
    """Put quarantined records, as they are upstream now, before compose again."""
    from weigov.flow.plan import replay
    from weigov.ledger import revisions

    with _context() as ctx:
        (name,) = _names(ctx.site.flows, flow, "flow")
        if not keys:
            with ctx.ledger.read() as connection:
                keys = [row.key for row in revisions.quarantined(connection, ctx.site.site, name)]
        done = sum(replay(ctx, name, key) for key in keys)
        out.print(f"{name}: {done} of {len(keys)} records go before compose again")


@bindings.command("import")
def bindings_import(
    file: Annotated[Path, typer.Argument(help="CSV with the columns openid, system, and identity or case")],
    account: Annotated[str | None, typer.Option(help="the account the openids belong to")] = None,
) -> None:
    """Bind citizens to their cases or identities."""
    from weigov.ledger import bindings as table

    with _context() as ctx:
        names = _names(ctx.site.accounts, account, "account")
        if len(names) != 1:
            raise ConfigError(f"the site has several accounts ({', '.join(names)}): say which with --account")
        appid = ctx.account(names[0]).account.appid
        with ctx.ledger.begin() as connection:
            added, known = table.import_csv(
                connection, ctx.sealer, appid, file, now=ctx.now(), systems=ctx.site.systems
            )
    out.print(f"{added} bindings added, {known} were known")


def main() -> None:
    """The command. One line for a user's mistake, a stack trace only for ours."""
    try:
        code = app(standalone_mode=False)  # typer.Exit comes back as its code
    except WeigovError as error:
        for line in str(error).splitlines():
            print(line, file=sys.stderr)
        sys.exit(1)
    except typer.Abort:
        sys.exit(1)
    except typer._click.exceptions.ClickException as error:
        error.show()
        sys.exit(2)
    except Exception as error:
        database = sys.modules.get("sqlalchemy.exc")  # --help need not import it
        if database is None or not isinstance(error, database.OperationalError):
            raise
        from weigov.ledger.migrate import unusable

        print(unusable(error), file=sys.stderr)  # in the midst of work: the disk is full, the server went away
        sys.exit(1)
    sys.exit(code)


def _decide(deliveries: list[int], person: str, decision: Any, digest: str | None, comment: str) -> None:
    from weigov.flow.review import decide, held

    if digest is not None and len(deliveries) > 1:
        raise ConfigError("--digest names what was seen of one delivery; decide on several without it, or one by one")
    with _context() as ctx:
        digests = {row.id: row.digest for row in held(ctx)}

        def one(delivery: int) -> str:
            shown = digests.get(delivery, "")
            wanted = shown if digest is None or (len(digest) >= 8 and shown.startswith(digest)) else digest
            return decide(ctx, delivery, digest=wanted, person=person, decision=decision, comment=comment)

        failed = 0
        for delivery in deliveries:
            try:
                out.print(f"delivery {delivery}: {one(delivery)}")
            except ReviewRejected as error:
                failed += 1
                print(error, file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _require_free(host: str, port: int) -> None:
    """uvicorn would say it in five lines, between others that look like success."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(
            f"the gateway cannot listen on {host} port {port}: {reason}; set WEIGOV_GATEWAY_HOST, WEIGOV_GATEWAY_PORT"
        ) from None


def _names(known: Any, wanted: str | None, what: str) -> list[str]:
    if wanted is None:
        return list(known)
    if wanted not in known:
        raise ConfigError(f"there is no sound {what} {wanted}; there are {', '.join(sorted(known))}")
    return [wanted]


def _streams_in_order(streams: Any) -> list[str]:
    """Partitions before what is read by them."""
    return sorted(
        streams, key=lambda name: (streams[name].for_each is not None, streams[name].kind != "column", name)
    )


def _each(wanted: list[Any], call: Callable[[Any], Any], name: Callable[[Any], str] = str) -> None:
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
        skip = ("flow", "account", "system", "stream", "target", "stopped")
        out.print(f"{name(each)}: {_plain(asdict(found), skip)}")
        stopped = getattr(found, "stopped", "") or getattr(getattr(found, "drained", None), "stopped", "")
        if stopped:
            print(f"{name(each)}: {stopped}", file=sys.stderr)
            said.add(stopped)
    if said:
        raise typer.Exit(1)


def _plain(values: dict[str, Any], skip: tuple[str, ...] = ()) -> str:
    """``a 3, b {x 1}``: what is not nothing."""
    shown = []
    for name, value in values.items():
        if name in skip or not value:
            continue
        if isinstance(value, dict):
            inner = _plain(value, skip)
            if inner != "nothing":
                shown.append(inner if name in ("stored", "states", "drained") else f"{name} {{{inner}}}")
        else:
            shown.append(f"{name} {value}")
    return ", ".join(shown) or "nothing"


def _show_status(found: dict[str, Any], zone: tzinfo) -> None:
    def shown(value: Any) -> str:
        return f"{value.astimezone(zone):%F %T}" if isinstance(value, datetime) else str(value)

    flows = Table(
        # Folded, not cut: a flow's name and a state are what one looks for.
        *(
            Column(name, overflow="fold")
            for name in ("flow", "pending", "quarantined", "deliveries", "write-backs", "skipped")
        ),
        title=f"{found['site']} at {shown(found['at'])}",
    )
    for name, flow in found["flows"].items():
        deliveries = ", ".join(f"{state} {count}" for state, count in flow["deliveries"].items())
        skipped = ", ".join(f"{reason} {count}" for reason, count in flow["skipped"].items())
        written = ", ".join(f"{state} {count}" for state, count in flow["write_backs"].items())
        revisions = flow["revisions"]
        flows.add_row(name, str(revisions["pending"]), str(revisions["quarantined"]), deliveries, written, skipped)
    out.print(flows)
    for name in found["held"]:
        out.print(f"held: the YAML of {name} changed: see `weigov plan {name}`, then `weigov apply {name}`")
    for title in ("deferred", "unknown", "in_doubt", "waiting_review", "quarantine", "unreadable"):
        if found[title]:
            out.print(title.replace("_", " "), style="bold")
            for item in found[title]:
                out.print("  " + _plain({k: shown(v) for k, v in item.items() if v}))
    problems = [s for s in found["streams"] if s["problem"]]
    for stream in problems:
        out.print(f"stopped: {stream['system']}/{stream['stream']}: {stream['problem']}")
    due = _plain(found["due"])
    out.print(f"due now: {due}; next: {shown(found['next_due_at'] or 'nothing waits')}")
