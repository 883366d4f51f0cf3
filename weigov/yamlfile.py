"""A YAML file a person wrote, checked against a pydantic model: every fault at once, each with its line and a hint.

Holds the reading of lines (ruamel.yaml), the translation of pydantic's errors into ``Fault`` and the did-you-mean.
It knows nothing about what the file means. Imports nothing of ours but ``errors``, so that every layer may use it.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from weigov.errors import ConfigError, Fault

Loc = Sequence[str | int]

#: What a hole outside quotes makes: YAML takes {page} for a mapping, and {{page}} for one that is a key.
_NO_KEY = "has a mapping where a key belongs"
_IN_QUOTES = "put {…} in quotes"


class YamlFile:
    """The parsed file and where each of its parts stands.

    Raises ConfigError when it cannot be read, is not YAML, repeats a key or is not a mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError([Fault(str(path), f"cannot be read: {error.strerror}")]) from None
        except UnicodeDecodeError:
            raise ConfigError([Fault(str(path), "is not UTF-8", hint="save it as UTF-8")]) from None
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = None if mark is None else mark.line + 1
            problem = " ".join((error.problem or "is not YAML").split())
            hint = "indent with spaces" if r"'\t'" in problem else ""
            raise ConfigError([Fault(str(path), problem, line, hint=hint)]) from None
        except TypeError:  # it could not even be read as one
            raise ConfigError([Fault(str(path), _NO_KEY, hint=_IN_QUOTES)]) from None
        except (YAMLError, ValueError) as error:  # a ValueError is a value that looks like a date and is none
            raise ConfigError([Fault(str(path), f"is not YAML: {' '.join(str(error).split())}")]) from None
        except RecursionError:
            raise ConfigError([Fault(str(path), "is nested too deeply")]) from None
        if not isinstance(document, CommentedMap):
            raise ConfigError([Fault(str(path), "holds no mapping of keys to values", 1)])
        if (line := _line_of_a_mapping_as_key(document)) is not None:
            raise ConfigError([Fault(str(path), _NO_KEY, line, hint=_IN_QUOTES)])
        self._document = document

    def plain(self) -> dict[str, Any]:
        """The content as ordinary dicts, lists and scalars."""
        plain: dict[str, Any] = _plain(self._document)
        return plain

    def line(self, loc: Loc) -> int:
        """The line of ``loc``, or of the nearest thing around it that exists."""
        node: Any = self._document
        line = 1
        for part in loc:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = node.lc.item(part)[0] + 1
            else:
                continue  # pydantic names union members that are not in the file
            node = node[part]
        return int(line)

    def fault(self, loc: Loc, message: str, hint: str = "") -> Fault:
        """A fault at ``loc``; parts of ``loc`` that are not in the file only show when they are the last."""
        shown = [str(p) for i, p in enumerate(loc) if i == len(loc) - 1 or self._has(loc[: i + 1])]
        return Fault(str(self.path), message, self.line(loc), ".".join(shown), hint)

    def faults(self, error: ValidationError, model: type[BaseModel], at: Loc = ()) -> list[Fault]:
        """``error``, raised by ``model`` for what stands at ``at``, as faults."""
        faults = []
        for one in self._meant(error.errors(include_url=False), at):
            loc = (*at, *one["loc"])
            while one["type"] != "missing" and loc and not self._has(loc):
                loc = loc[:-1]  # the name of a shape, which nobody wrote
            if one["type"].startswith("union_tag"):
                loc = (*loc, "kind")  # the word that chooses, not the mapping it stands in
            message, hint = _say(one, model)
            fault = self.fault(loc, message, hint)
            if fault not in faults:
                faults.append(fault)
        return faults

    def _meant(self, errors: Sequence[Any], at: Loc) -> list[Any]:
        """``errors`` without those of shapes a value may have and was not meant to: each of them complains."""
        choices: dict[Any, dict[Any, list[Any]]] = {}
        for one in errors:
            loc = (*at, *one["loc"])
            tag = next((i for i in range(len(loc)) if not self._has(loc[: i + 1])), len(loc))
            certain = tag == len(loc) or (tag == len(loc) - 1 and one["type"] == "missing")
            choices.setdefault(loc[:tag], {}).setdefault(None if certain else loc[tag : tag + 1], []).append(one)
        return [one for found in choices.values() for one in _one_shape(found)]

    def _has(self, loc: Loc) -> bool:
        node: Any = self._document
        for i, part in enumerate(loc):
            inside = (isinstance(node, CommentedMap) and part in node) or (
                isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node)
            )
            if inside:
                node = node[part]
            elif i == len(loc) - 1:
                return False
        return True


def _one_shape(found: Mapping[Any, list[Any]]) -> list[Any]:
    """Of several shapes a value may have, the complaints of the one it comes nearest to."""
    shapes = [errors for shape, errors in found.items() if shape]
    if len(shapes) < 2:
        return [one for errors in found.values() for one in errors]
    words = [errors for errors in shapes if errors[0]["type"] == "literal_error"]
    if words and isinstance(words[0][0]["input"], str):
        return words[0]
    shapes = [errors for errors in shapes if errors not in words]
    lacking = [one["loc"][-1] for errors in shapes for one in errors if one["type"] == "missing"]
    strange = next((one for one in shapes[0] if one["type"] == "extra_forbidden"), None)
    if strange and len(lacking) == len(shapes):  # it comes near to none of them
        return [{**strange, "ctx": {"known": lacking}}]
    return min(shapes, key=lambda errors: sum(one["type"] in ("missing", "extra_forbidden") for one in errors))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X?``, or the known words when none is near."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return "known: " + ", ".join(names) if names else ""


def in_quotes(hole: str) -> str:
    """What to do about a hole that YAML took for a mapping."""
    return f'write "{{{hole}}}" in quotes'


def _line_of_a_mapping_as_key(node: Any) -> int | None:
    inner = node.values() if isinstance(node, CommentedMap) else node if isinstance(node, CommentedSeq) else ()
    if isinstance(node, CommentedMap) and any(isinstance(key, Mapping) for key in node):
        return int(node.lc.line) + 1
    return next((line for one in inner if (line := _line_of_a_mapping_as_key(one)) is not None), None)


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, str):
        return str(node)
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return node


def _say(one: Any, model: type[BaseModel]) -> tuple[str, str]:
    kind, loc = one["type"], one["loc"]
    if kind == "extra_forbidden":
        known = one.get("ctx", {}).get("known") or words_at(model, loc[:-1])
        return "is not a word here", did_you_mean(str(loc[-1]), known)
    if kind == "missing":
        return "is missing", ""
    if kind in ("literal_error", "union_tag_invalid"):
        context = one.get("ctx", {})
        words = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags", "")))
        given = context.get("tag", one.get("input"))
        return f"{given!r} is not a word here", did_you_mean(str(given), words)
    if kind == "union_tag_not_found":
        return "has no kind", ""
    if kind == "value_error":
        return str(one["ctx"]["error"]), ""
    given = one.get("input")
    if kind == "string_type" and isinstance(given, dict) and list(given.values()) == [None]:
        return "is a mapping", in_quotes(next(iter(given)))
    message = str(one["msg"])
    quoted = kind == "string_type" and isinstance(one.get("input"), int | float | date)
    return message[:1].lower() + message[1:], "put it in quotes" if quoted else ""


def words_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The names ``model`` allows in the mapping at ``loc``."""
    found: list[Any] = [model]
    for part in loc:
        # A part that leads nowhere is the tag of a union, which pydantic puts into the location.
        found = [inner for one in found for inner in _inside(one, part)] or found
    return [
        field.alias or name
        for one in found
        if isinstance(one, type) and issubclass(one, BaseModel)
        for name, field in one.model_fields.items()
    ]


def _inside(one: Any, part: str | int) -> list[Any]:
    """The types that stand at ``part`` inside a value of type ``one`` (a model, or an annotation)."""
    if isinstance(one, type) and issubclass(one, BaseModel):
        for name, field in one.model_fields.items():
            if part in (name, field.alias):
                return _members(field.annotation)
        kind = one.model_fields.get("kind")
        if kind is not None and part in get_args(kind.annotation):
            return [one]  # a discriminator's tag: pydantic puts it into the location
        return [one] if part == one.__name__ else []
    origin = get_origin(one)
    if origin in (list, tuple) and isinstance(part, int):
        return [member for arg in get_args(one) if arg is not Ellipsis for member in _members(arg)]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _members(get_args(one)[1])
    return []


def _members(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [member for arg in get_args(annotation) for member in _members(arg)]
    return [annotation]
