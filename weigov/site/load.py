"""Reads a site's folder: ``site.yaml``, ``flows/*.yaml``, ``codes/*.yaml``, ``layouts/*.j2``, ``words.yaml``.

Every fault of every file is found in one go. ``load_site`` is for people (lint, the CLI): any fault is a ConfigError.
``load_site_parts`` is for DAG parsing: the sound flows work on, whatever is wrong beside them. Systems are known only
by their ``SystemShape``, so nothing here imports an engine, a database or WeChat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from weigov.errors import ConfigError, Fault
from weigov.mapping.layout import Layouts
from weigov.mapping.model import CodeList
from weigov.mapping.words import WordBank
from weigov.ports import SystemShape
from weigov.site.check import check_flow, check_site
from weigov.site.known import Known
from weigov.site.models import Flow, SiteFile, System
from weigov.site.site import Site
from weigov.yamlfile import Loc, YamlFile

Shapes = Callable[[str], SystemShape]  #: descriptor name → what it offers; raises ConfigError when there is no such

_M = TypeVar("_M", bound=BaseModel)
_MENDING_ROUNDS = 5


def load_site(folder: Path, shapes: Shapes) -> Site:
    """The site in ``folder``. Raises ConfigError with every fault of every file."""
    site, faults = load_site_parts(folder, shapes)
    if faults:
        raise ConfigError(faults)
    return site


def load_site_parts(folder: Path, shapes: Shapes) -> tuple[Site, list[Fault]]:
    """What is sound of the site in ``folder``, and every fault. Never raises for what the files hold.

    A system whose descriptor does not load takes only the flows that use it with it. A fault in ``site.yaml`` itself
    leaves a site with nothing in it: what flows may refer to is not known then.
    """
    file, site, faults = _site_file(folder)
    sound = site if not faults else None
    codes, code_faults = _codes(folder)
    layouts, layout_faults = _layouts(folder)
    words, word_faults = _words(folder)
    faults += code_faults + layout_faults + word_faults
    known_shapes: dict[str, SystemShape] = {}
    if file and site:
        known_shapes, shape_faults = _shapes(file, site.systems, shapes)
        faults += shape_faults
    known = Known(site, known_shapes, layouts, codes, frozenset(p.stem for p in _files(folder, "codes", "yaml")))
    flows, flow_faults = _flows(folder, known)
    faults += flow_faults
    if sound is None:
        empty = Site(site=folder.name, time_zone="UTC", zone=ZoneInfo("UTC"), accounts={}, systems={})
        return empty, _once(faults)
    loaded = Site(
        site=sound.site,
        time_zone=sound.time_zone,
        zone=ZoneInfo(sound.time_zone),
        accounts=sound.accounts,
        systems={name: system for name, system in sound.systems.items() if name in known_shapes},
        alerts=sound.alerts,
        shapes=known_shapes,
        flows=flows,
        codes=codes,
        layouts=layouts,
        words=words,
    )
    return loaded, _once(faults)


def _site_file(folder: Path) -> tuple[YamlFile | None, SiteFile | None, list[Fault]]:
    path = folder / "site.yaml"
    if not path.is_file():
        hint = "a site is a folder with a site.yaml" if folder.is_dir() else "there is no such folder"
        return None, None, [Fault(str(path), "is not there", hint=hint)]
    try:
        file = YamlFile(path)
    except ConfigError as error:
        return None, None, list(error.faults)
    site, faults = _read(file, SiteFile)
    return file, site, _beside(faults, check_site(file, site, folder.name) if site else [])


def _shapes(
    file: YamlFile, systems: Mapping[str, System], shapes: Shapes
) -> tuple[dict[str, SystemShape], list[Fault]]:
    found: dict[str, SystemShape] = {}
    faults: list[Fault] = []
    for name, system in systems.items():
        try:
            found[name] = shapes(system.descriptor)
        except ConfigError as error:
            faults += error.faults or [file.fault(("systems", name, "descriptor"), str(error))]
    return found, faults


def _codes(folder: Path) -> tuple[dict[str, CodeList], list[Fault]]:
    found: dict[str, CodeList] = {}
    faults: list[Fault] = []
    for path in _files(folder, "codes", "yaml"):
        try:
            file = YamlFile(path)
        except ConfigError as error:
            faults += error.faults
            continue
        codes, wrong = _read(file, CodeList)
        if codes and codes.name != path.stem:
            wrong.append(file.fault(("name",), f"{codes.name!r} is not the file's name", f"write {path.stem}"))
        if codes and not wrong:
            found[codes.name] = codes
        faults += wrong
    return found, faults


def _words(folder: Path) -> tuple[WordBank, list[Fault]]:
    path = folder / "words.yaml"
    if not path.is_file():
        return WordBank(), []
    try:
        file = YamlFile(path)
    except ConfigError as error:
        return WordBank(), list(error.faults)
    words, faults = _read(file, WordBank)
    return words or WordBank(), faults


def _layouts(folder: Path) -> tuple[Layouts, list[Fault]]:
    sources: dict[str, str] = {}
    faults: list[Fault] = []
    for path in _files(folder, "layouts", "j2"):
        try:
            sources[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            faults.append(Fault(str(path), "cannot be read as UTF-8"))
    return Layouts(sources, folder / "layouts"), faults


def _flows(folder: Path, known: Known) -> tuple[dict[str, Flow], list[Fault]]:
    found: dict[str, Flow] = {}
    faults: list[Fault] = []
    menus: dict[str, str] = {}
    for path in _files(folder, "flows", "yaml"):
        try:
            file = YamlFile(path)
        except ConfigError as error:
            faults += error.faults
            continue
        flow, schema = _read(file, Flow, flow=path.stem, title=path.stem)
        crossed = check_flow(file, flow, known) if flow else []
        wrong = _beside(schema, crossed)
        if flow and flow.to.kind == "menu":
            wrong += _second_menus(file, flow, menus)
        faults += wrong
        if flow and not wrong and all(system in known.shapes for system, _ in flow.streams()):
            found[flow.flow] = flow
    for path in _files(folder, "flows", "yml"):
        faults.append(Fault(str(path), "is not read", hint=f"rename it to {path.stem}.yaml"))
    return found, faults


def _second_menus(file: YamlFile, flow: Flow, menus: dict[str, str]) -> list[Fault]:
    """An account shows one menu: two flows would overwrite each other's. ``menus``: account → its flow's file."""
    faults = []
    for n, account in enumerate(flow.to.accounts):
        first = menus.setdefault(account, file.path.name)
        if first != file.path.name:
            what = f"{account!r} has its menu from {first} already"
            faults.append(file.fault(("to", "accounts", n), what, "one flow a menu"))
    return faults


def _files(folder: Path, kind: str, suffix: str) -> list[Path]:
    return sorted(path for path in (folder / kind).glob(f"*.{suffix}") if path.is_file())


def _read(file: YamlFile, model: type[_M], **stand_ins: Any) -> tuple[_M | None, list[Fault]]:
    """``file`` as ``model``, and its faults.

    With faults, the model is what remains once the faulty parts are taken out, so that what holds between the other
    keys is still checked; it must not be used for work. None when nothing usable remains.
    """
    plain = file.plain()
    faults: list[Fault] = []
    for _ in range(_MENDING_ROUNDS):
        try:
            return model.model_validate(plain), faults
        except ValidationError as error:
            if not faults:
                faults = file.faults(error, model)
            if not any([_mend(plain, one["loc"], one["type"], stand_ins) for one in reversed(error.errors())]):
                break
    return None, faults


def _mend(plain: Any, loc: Loc, kind: str, stand_ins: Mapping[str, Any]) -> bool:
    """Take out of ``plain`` what ``loc`` blames; a missing key takes what should have held it."""
    if kind == "missing":
        if len(loc) == 1:
            if loc[0] not in stand_ins:
                return False
            plain[loc[0]] = stand_ins[str(loc[0])]
            return True
        loc = loc[:-1]
    holder: Any = None
    last: Any = None
    node = plain
    for part in loc:
        there = part in node if isinstance(node, dict) else isinstance(node, list) and part in range(len(node))
        if there:  # parts that are not are the tags of unions
            holder, last = node, part
            node = node[part]
    if holder is None:
        return False
    if isinstance(holder, dict) and last in stand_ins and holder is plain:
        holder[last] = stand_ins[str(last)]
    else:
        del holder[last]
    return True


def _beside(schema: list[Fault], crossed: Iterator[Fault] | list[Fault]) -> list[Fault]:
    """``schema`` and those of ``crossed`` that it does not explain already."""
    paths = [fault.path for fault in schema]
    return schema + [
        fault
        for fault in crossed
        if not any(fault.path == path or path.startswith(f"{fault.path}.") for path in paths if fault.path)
    ]


def _once(faults: list[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))
