"""Layouts: how an article looks, as Jinja templates that can do very little.

A layout gets plain values of one record. Its language is an allow-list of Jinja's own nodes: print, ``if``, ``for``
over a list field, ``include`` of another layout, and the filters below. There is no call, no arithmetic, no
assignment, no ``range``, so the work is bounded by the record's own lists; what comes out is bounded in size. All is
autoescaped; a body of HTML goes in only through ``| safe_html``, which takes nothing but a body.

Layouts reach each other only by name inside their folder: they are read before, and rendering opens no file.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from weigov.errors import WeigovError
from weigov.mapping.times import format_fault, format_time

MAX_OUTPUT_CHARS = 1_000_000  # WeChat takes less than 20,000 in all; this only stops a runaway
MAX_LOOP_DEPTH = 2

ITEM_FIELDS = frozenset({"name", "url"})  # of a list field's entries
LOOP_FIELDS = frozenset({"index", "first", "last", "length"})

_PLAIN_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
)


class LayoutError(WeigovError):
    """A layout could not be rendered for this record."""


@dataclass(frozen=True, slots=True)
class LayoutFault:
    """One thing wrong in a layout file."""

    layout: str
    line: int
    message: str
    unknown: str = ""  # the variable that does not exist, for a did-you-mean


class Body:
    """Stands for a body of converted HTML while a layout is rendered; only ``safe_html`` can print it."""

    __slots__ = ("present", "token")

    def __init__(self, *, present: bool = True) -> None:
        self.present = present
        # Unguessable, so that no upstream text can stand for the body.
        self.token = f"body-{secrets.token_hex(16)}"

    def __bool__(self) -> bool:
        return self.present

    def __str__(self) -> str:
        raise LayoutError("prints a body of HTML without | safe_html")

    __html__ = __str__


class _Extra:
    """``extra.NAME`` in a layout; an absent one prints nothing."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> str | None:
        return self._values.get(name)


def _safe_html(value: Any) -> Markup:
    if not isinstance(value, Body):
        raise LayoutError("uses | safe_html on something that is not a body of HTML")
    return Markup("<section>" + value.token + "</section>") if value else Markup("")


def _format(value: Any, pattern: str) -> str:
    # Times were put into the site's zone before they came here.
    return format_time(value, pattern, getattr(value, "tzinfo", None) or UTC) if isinstance(value, date) else ""


def _printed(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return value.isoformat() if isinstance(value, date) else value


_FILTERS: dict[str, Any] = {"safe_html": _safe_html, "format": _format, "trim": lambda v: str(v or "").strip()}


class Layouts:
    """The layouts of one site, by file name."""

    def __init__(self, sources: Mapping[str, str], folder: Path = Path("layouts")) -> None:
        self.sources = dict(sources)
        self.folder = folder  # only to say where a fault is
        self._walks: dict[str, _Walk] = {}

    @cached_property
    def _env(self) -> SandboxedEnvironment:
        env = SandboxedEnvironment(
            loader=DictLoader(self.sources),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_printed,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        env.globals = {}
        env.filters = dict(_FILTERS)
        env.tests = {}
        return env

    def _walk(self, name: str) -> _Walk:
        if name not in self._walks:
            self._walks[name] = _Walk(self, name)
        return self._walks[name]

    def __contains__(self, name: str) -> bool:
        return name in self.sources

    def closure(self, name: str) -> tuple[str, ...]:
        """``name`` and every layout it includes, that exist, each once."""
        found: dict[str, None] = {}
        todo = [name]
        while todo:
            current = todo.pop()
            if current in found or current not in self.sources:
                continue
            found[current] = None
            todo += [target for target, _ in self._walk(current).includes]
        return tuple(found)

    def reads(self, name: str) -> frozenset[str]:
        """The record fields ``name`` prints or tests, with its includes; ``extra.NAME`` for extras."""
        return frozenset(read for layout in self.closure(name) for read, _ in self._walk(layout).reads)

    def faults(self, name: str, known: Mapping[str, str]) -> list[LayoutFault]:
        """All that is wrong with ``name`` and its includes. ``known`` is field → type (text, html, list, …)."""
        found = [fault for layout in self.closure(name) for fault in self._walk(layout).check(known)]
        return found + self._circles(name)

    def _circles(self, name: str) -> list[LayoutFault]:
        graph = {layout: self._walk(layout).includes for layout in self.closure(name)}
        for start in graph:
            todo, seen = [target for target, _ in graph[start]], set[str]()
            while todo:
                current = todo.pop()
                if current == start:
                    return [LayoutFault(start, graph[start][0][1], "includes itself, directly or in a circle")]
                if current not in seen:
                    seen.add(current)
                    todo += [target for target, _ in graph.get(current, ())]
        return []

    def render(self, name: str, values: Mapping[str, Any], extra: Mapping[str, str]) -> str:
        """The layout's HTML for one record. Times in ``values`` are in the site's zone; bodies are ``Body``.

        Raises LayoutError, in words without the record's values.
        """
        size, parts = 0, []
        try:
            for part in self._env.get_template(name).generate({**values, "extra": _Extra(extra)}):
                size += len(part)
                if size > MAX_OUTPUT_CHARS:
                    raise LayoutError(f"layout {name} grows past {MAX_OUTPUT_CHARS:,} characters")
                parts.append(part)
        except LayoutError as error:
            raise LayoutError(f"layout {name} {error}" if name not in str(error) else str(error)) from None
        except TemplateError as error:
            raise LayoutError(f"layout {name}: {error.message or type(error).__name__}") from None
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            # Their own words may hold values of the record.
            raise LayoutError(f"layout {name} cannot be rendered for this record: {type(error).__name__}") from None
        return "".join(parts)


class _Walk:
    """One layout read node by node: what it includes, what it reads, what is wrong."""

    def __init__(self, layouts: Layouts, name: str) -> None:
        self._name = name
        self._layouts = layouts
        self.includes: list[tuple[str, int]] = []
        self.reads: list[tuple[str, int]] = []
        self._wrong: list[LayoutFault] = []
        self._unprinted: list[tuple[str, int]] = []  # names under | safe_html
        self._loops: list[tuple[str, int]] = []
        self._bare: list[tuple[str, int]] = []  # names printed as they are
        try:
            tree = layouts._env.parse(layouts.sources[name])
        except TemplateSyntaxError as error:
            self._fault(error.lineno, error.message or "cannot be parsed")
            return
        self._visit(tree, frozenset(), depth=0, testing=False)

    def check(self, known: Mapping[str, str]) -> Iterator[LayoutFault]:
        yield from self._wrong
        for target, line in self.includes:
            if target not in self._layouts:
                yield LayoutFault(self._name, line, f"includes {target!r}, which is not in the layouts folder")
        for read, line in self.reads:
            if read not in known and not read.startswith("extra."):
                yield LayoutFault(self._name, line, f"{read!r} is not a field of this stream", unknown=read)
        for name, line in self._unprinted:
            if name in known and known[name] != "html":
                yield LayoutFault(self._name, line, f"{name!r} is no body of HTML: print it without | safe_html")
        for name, line in self._bare:
            if known.get(name) == "html":
                yield LayoutFault(self._name, line, f"{name!r} is HTML: print it as {name} | safe_html")
            if known.get(name) == "list":
                yield LayoutFault(self._name, line, f"{name!r} is a list: go through it with for")
        for name, line in self._loops:
            if name in known and known[name] != "list":
                yield LayoutFault(self._name, line, f"{name!r} is not a list")

    def _fault(self, line: int, message: str) -> None:
        self._wrong.append(LayoutFault(self._name, line, message))

    def _visit(self, node: nodes.Node, scope: frozenset[str], *, depth: int, testing: bool) -> None:
        match node:
            case nodes.Name(name=name):
                if name in scope or name == "loop":
                    self._fault(node.lineno, f"{name!r} has parts: print one of them, as in {name}.name")
                    return
                self.reads.append((name, node.lineno))
                if not testing:
                    self._bare.append((name, node.lineno))
                return
            case nodes.Getattr(node=nodes.Name(name=owner), attr=attr):
                self._part(owner, attr, scope, node.lineno)
                return
            case nodes.Filter(name="safe_html", node=nodes.Name(name=name)):
                self.reads.append((name, node.lineno))
                self._unprinted.append((name, node.lineno))
                return
            case nodes.Filter(name=used):
                self._filter(used, node)
            case nodes.For():
                self._for(node, scope, depth)
                return
            case nodes.Include(template=nodes.Const(value=str() as target)):
                self.includes.append((target, node.lineno))
                return
            case nodes.If():
                self._visit(node.test, scope, depth=depth, testing=True)
                for part in (*node.body, *node.elif_, *node.else_):
                    self._visit(part, scope, depth=depth, testing=False)
                return
            case nodes.CondExpr():
                self._visit(node.test, scope, depth=depth, testing=True)
                for branch in (node.expr1, node.expr2):
                    if branch is not None:
                        self._visit(branch, scope, depth=depth, testing=testing)
                return
            case _ if not isinstance(node, _PLAIN_NODES):
                self._fault(node.lineno, f"{type(node).__name__} is not among what a layout can do")
                return
        for child in node.iter_child_nodes():
            self._visit(child, scope, depth=depth, testing=testing)

    def _part(self, owner: str, attr: str, scope: frozenset[str], line: int) -> None:
        if owner == "extra":
            self.reads.append((f"extra.{attr}", line))
        elif owner in scope:
            if attr not in ITEM_FIELDS:
                self._fault(line, f"{owner}.{attr}: an entry has {', '.join(sorted(ITEM_FIELDS))}")
        elif owner == "loop" and scope:
            if attr not in LOOP_FIELDS:
                self._fault(line, f"loop has {', '.join(sorted(LOOP_FIELDS))}")
        else:
            self._fault(line, f"{owner}.{attr}: only extra and the entries of a list have parts")

    def _filter(self, used: str, node: nodes.Filter) -> None:
        if used not in _FILTERS:
            self._fault(node.lineno, f"there is no filter {used!r}; there are {', '.join(sorted(_FILTERS))}")
        elif used == "safe_html":
            self._fault(node.lineno, "safe_html takes a field, nothing else")
        elif used == "format":
            match node.args:
                case [nodes.Const(value=str() as pattern)]:
                    if fault := format_fault(pattern):
                        self._fault(node.lineno, f"format {pattern!r} {fault}")
                case _:
                    self._fault(node.lineno, 'format takes one text, as in format("YYYY年M月D日")')

    def _for(self, node: nodes.For, scope: frozenset[str], depth: int) -> None:
        if depth >= MAX_LOOP_DEPTH:
            self._fault(node.lineno, f"loops are nested deeper than {MAX_LOOP_DEPTH}")
            return
        if node.recursive or node.test is not None or not isinstance(node.target, nodes.Name):
            self._fault(node.lineno, "write loops as: for entry in attachments")
            return
        if not isinstance(node.iter, nodes.Name) or node.iter.name in scope:
            self._fault(node.lineno, "a loop goes through a list field, nothing else")
            return
        self.reads.append((node.iter.name, node.lineno))
        self._loops.append((node.iter.name, node.lineno))
        inner = scope | {node.target.name}
        for part in node.body:
            self._visit(part, inner, depth=depth + 1, testing=False)
        for part in node.else_:
            self._visit(part, scope, depth=depth, testing=False)
