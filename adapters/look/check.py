"""Is a descriptor right about the system in front of it? One page of each stream, and what it shows.

Nothing is stored, nothing acknowledged, nothing written. What is asked is in ``observe``, what follows from it in
``findings``; here every stream has its turn, parents before what is read by them, and each contradiction gets the
line of the descriptor it is about. Exchange tables and files have no pages: of them the first batch is taken, and of
tables it is also seen whether those an operation writes to are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from adapters.auth import LoginRefused
from adapters.descriptor import UNPROVEN
from adapters.engine import Engine
from adapters.exchange.table import TableSystem
from adapters.look.batch import by_batch
from adapters.look.findings import judge
from adapters.look.found import Findings
from adapters.look.observe import observe
from adapters.look.unstored import Look
from adapters.rows import RowPlan
from adapters.vocabulary import Descriptor, Stream
from weigov.errors import ConfigError, RemoteError, RemoteRefused, RemoteUnavailable, WeigovError
from weigov.ports import SourceSystem
from weigov.records import Record
from weigov.yamlfile import YamlFile


@dataclass(slots=True)
class Checked:
    """What is to be said of one stream; of exchange tables also of each operation."""

    stream: str  # or the operation's name
    facts: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)  # one line each, with the descriptor's line
    problem: str = ""  # why it could not be read
    operation: bool = False

    @property
    def sound(self) -> bool:
        return not self.contradictions and not self.problem


def is_unproven(descriptor: Descriptor) -> bool:
    """Whether it was written from documents only."""
    return UNPROVEN in descriptor.file.parts


def check(
    system: SourceSystem, descriptor: Descriptor, base_url: str, now: datetime, *, streams: Sequence[str] = ()
) -> Iterator[Checked]:
    """Look at each stream, or at those named and the parents they need.

    Ends with the first that shows that no other could be read: a refused log-in, a system that does not answer.
    Raises ConfigError for a stream there is none of.
    """
    unknown = sorted(set(streams) - set(descriptor.streams))
    if unknown:
        raise ConfigError(
            f"{system.name} has no stream {', '.join(unknown)}; it has {', '.join(sorted(descriptor.streams))}"
        )
    look = Look(system, now)
    parents: dict[str, list[Record]] = {}
    for name in _in_order(descriptor.streams, streams):
        checked = Checked(name)
        try:
            if isinstance(system, Engine):
                found = _by_pages(system, descriptor, name, base_url, parents, now)
            else:
                found = by_batch(look, descriptor.streams[name], name)
        except RemoteError as error:
            checked.problem = str(error)
            yield checked
            if isinstance(error, (LoginRefused, RemoteUnavailable)):
                return
            continue
        except WeigovError as error:
            checked.problem = str(error)
            yield checked
            continue
        checked.facts = found.facts
        checked.contradictions = _lines(system.name, descriptor, name, found)
        yield checked
    if isinstance(system, TableSystem) and not streams:
        yield from _operations(system, descriptor)


def summary(system: str, descriptor: Descriptor, checked: Sequence[Checked]) -> tuple[bool, str]:
    """(is everything sound, one line in Chinese and English): the same as a person pressing a button reads."""
    label = "未经实证 unproven；" if is_unproven(descriptor) else ""
    lines = [line for one in checked for line in (*([one.problem] if one.problem else []), *one.contradictions)]
    if lines:
        more = (
            f"；另有 {len(lines) - 1} 处 and {len(lines) - 1} more: weigov check {system}" if len(lines) > 1 else ""
        )
        return False, f"{label}{lines[0]}{more}"
    streams = sum(not one.operation for one in checked)
    said = f"已连通并登录，{streams} 个数据流与描述相符"
    are = "1 stream is" if streams == 1 else f"{streams} streams are"
    return True, f"{label}{said} reached, and {are} as {descriptor.system} says"


def _in_order(streams: dict[str, Stream], wanted: Sequence[str]) -> list[str]:
    """Parents first, whether they were asked for or not."""
    names = set(wanted or streams)
    names |= {each.stream for name in names if (each := streams[name].for_each)}
    return sorted(names, key=lambda name: (streams[name].for_each is not None, name))


def _by_pages(
    engine: Engine, descriptor: Descriptor, name: str, base_url: str, parents: dict[str, list[Record]], now: datetime
) -> Findings:
    stream = descriptor.streams[name]
    of = (
        [record for record in parents.get(stream.for_each.stream, []) if not record.withdrawn]
        if stream.for_each
        else []
    )
    if stream.for_each and not of:
        return Findings({"rows": f"not asked: no {stream.for_each.stream} to read it for"})
    seen = observe(engine, descriptor, name, base_url, of, now)
    parents[name] = seen.records
    return judge(seen, descriptor, name, RowPlan(stream, descriptor).used)


def _operations(system: TableSystem, descriptor: Descriptor) -> Iterator[Checked]:
    """Whether the tables that are written to are there: nothing else of a write can be tried."""
    for name in descriptor.operations:
        found = Findings()
        checked = Checked(name, operation=True)
        try:
            found.facts["writes"] = system.columns_of(name)
        except (RemoteRefused, ConfigError) as error:
            said = str(error).removeprefix(f"{system.name} {name}: ")
            found.no(("operations", name, "table"), said)
        except RemoteError as error:
            checked.problem = str(error)
        checked.facts = found.facts
        checked.contradictions = _lines(system.name, descriptor, name, found)
        yield checked


def _lines(system: str, descriptor: Descriptor, name: str, found: Findings) -> list[str]:
    """``cms articles: … (adapters/systems/x.yaml:42 streams.articles.paging.size; what to do)``"""
    if not found.contradictions:
        return []
    file = YamlFile(descriptor.file)
    shown = _shown(descriptor.file)
    return [
        f"{system} {name}: {one.message} (descriptor: {shown}:{file.line(one.loc)} {'.'.join(one.loc)}"
        f"{'; ' * bool(one.hint)}{one.hint})"
        for one in found.contradictions
    ]


def _shown(path: Path) -> Path:
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
