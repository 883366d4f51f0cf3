"""A system descriptor: read, cross-checked, and turned into what the core may know of it.

``load_descriptor`` gathers every fault of a file before it raises. The words themselves are in ``vocabulary``.
Nothing here opens a connection or a WSDL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from adapters import times
from adapters.consistency import faults_of
from adapters.sound import Sound, unexplained
from adapters.template import holes
from adapters.vocabulary import Descriptor
from weigov.errors import ConfigError, Fault
from weigov.ports import OperationShape, StreamShape, SystemShape
from weigov.yamlfile import YamlFile, did_you_mean

SYSTEMS = Path(__file__).parent / "systems"
UNPROVEN = "unproven"


def load_descriptor(path: Path) -> Descriptor:
    """Read one descriptor. Raises ConfigError with every fault in it, each with its line."""
    file = YamlFile(Path(path))
    raw = file.plain()
    faults: list[Fault] = []
    descriptor: Descriptor | None = None
    try:
        descriptor = Descriptor.model_validate(raw)
    except ValidationError as error:
        faults += file.faults(error, Descriptor)
    place = next((folder for folder in file.path.parents if folder.name == SYSTEMS.name), None)
    expected = _name(file.path, place) if place else None
    sound = Sound(raw)
    crossed = faults_of(descriptor or sound, file.path, expected, sound.all_streams)
    faults += unexplained((file.fault(*fault) for fault in crossed if descriptor or sound.holds(fault[0])), faults)
    if descriptor is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: fault.line or 0))
    descriptor._file = file.path
    return descriptor


def find_descriptor(name: str, *places: Path) -> Path:
    """The file of the system called ``name``: its path under a place joined by ``_``, ``unproven`` left out.

    The first place that has it wins; with none given, it is one of the known systems. Raises ConfigError naming the
    near ones.
    """
    known: dict[str, Path] = {}
    for place in places or (SYSTEMS,):
        known |= {found: path for found, path in all_descriptors(place) if found not in known}
    if name not in known:
        raise ConfigError(f"no system descriptor is called {name!r} ({did_you_mean(name, known)})")
    return known[name]


def places_of(site: Path) -> tuple[Path, Path]:
    """Where the descriptors of a site's systems are looked for: its own folder, then the known systems."""
    return site / SYSTEMS.name, SYSTEMS


def all_descriptors(systems: Path = SYSTEMS) -> Iterator[tuple[str, Path]]:
    """Every descriptor under ``systems``, by name."""
    for path in sorted(systems.rglob("*.yaml")):
        yield _name(path, systems), path


def shape(descriptor: Descriptor) -> SystemShape:
    """What a site's flows may rely on."""
    streams = {
        name: StreamShape(
            kind=stream.kind,
            schedule=stream.schedule,
            fields=frozenset(field for field in stream.fields if "." not in field)
            | (frozenset({"attachments"}) if stream.attachments else frozenset()),
            for_each=stream.for_each.stream if stream.for_each else None,
        )
        for name, stream in descriptor.streams.items()
    }
    operations = {
        name: OperationShape(
            frozenset(operation.params),
            operation.idempotency,
            int(times.duration(operation.query.settle).total_seconds()) if operation.query else 0,
        )
        for name, operation in descriptor.operations.items()
    }
    unproven = UNPROVEN in descriptor.file.parts
    return SystemShape(descriptor.system, streams, operations, unproven=unproven, file=descriptor.file)


def has_end(descriptor: Descriptor, stream: str) -> bool:
    """Whether a stretch of ``stream`` can be asked for up to a moment: else it is read from its beginning to now."""
    called = descriptor.engine in ("rest", "soap")  # a table's own condition has both ends
    return not called or "until" in holes(descriptor.streams[stream].request.model_dump())


def _name(path: Path, systems: Path) -> str:
    parts = [part for part in path.relative_to(systems).with_suffix("").parts if part != UNPROVEN]
    return "_".join(parts)
