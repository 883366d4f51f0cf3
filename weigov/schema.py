"""JSON Schemas of the YAML people write, for their editors: a typo is underlined while it is typed.

Made from the pydantic models that also read the files, so a word cannot be in one and not in the other; descriptions
are the models' docstrings and the comments beside their fields. What words must agree with each other (``lint``) and
what a BeforeValidator turns into something else is not in a model: the latter is told here, in ``SHORT_FORMS``.
``schemas/*.schema.json`` is what this makes; a test says when it is out of date.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import textwrap
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from adapters.vocabulary import Descriptor
from weigov.errors import ConfigError
from weigov.mapping.model import CodeList
from weigov.mapping.words import WordBank
from weigov.records import KINDS, Kind
from weigov.site.models import Flow, SiteFile

#: kind of file → the model it is read by.
FILES: Mapping[str, type[BaseModel]] = {
    "descriptor": Descriptor,
    "site": SiteFile,
    "flow": Flow,
    "codes": CodeList,
    "words": WordBank,
}

_DIALECT = "http://json-schema.org/draft-07/schema#"  # what editors know best
_TEXT: JsonSchemaValue = {"type": "string", "minLength": 1}
_NUMBER_OR_TEXT: JsonSchemaValue = {"type": ["string", "number"]}

#: BeforeValidator → what may be written where the model says ``inner``.
SHORT_FORMS: Mapping[str, Callable[[JsonSchemaValue], JsonSchemaValue]] = {
    "listed": lambda inner: {"anyOf": [_TEXT, inner]},
    "one_or_more": lambda inner: {"anyOf": [inner["items"], inner]},
    "_scalars": lambda inner: {"anyOf": [inner["items"], inner]},
    "text_of": lambda inner: _NUMBER_OR_TEXT if set(inner) <= {"type", "maxLength"} else inner,
    "_field": lambda inner: {"anyOf": [_TEXT, inner]},
    "_wsdl": lambda inner: {"anyOf": [_TEXT, inner]},
    "_expected": lambda inner: {"anyOf": [{"enum": _words_of("Expected", "type")}, inner]},
    "_duration": lambda inner: {"type": "string", "pattern": r"^P(?=.)"},
    "_entry": lambda inner: {"anyOf": [_TEXT, inner]},
    "_begin": lambda inner: inner,
    "_quiet_hours": lambda inner: {"type": "string", "pattern": r"^\s*\d\d(:\d\d)*\s*-\s*\d\d(:\d\d)*\s*$"},
}


def schema(kind: str) -> JsonSchemaValue:
    """The JSON Schema of one kind of file. Raises ConfigError naming the kinds."""
    if kind not in FILES:
        raise ConfigError(f"there is no schema {kind}; there are {', '.join(FILES)}")
    model = FILES[kind]
    made = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": _DIALECT, "title": f"Weigov: {kind}"} | {k: v for k, v in made.items() if k != "title"}


def text(kind: str) -> str:
    """The same as the text of its file: stable, so that what changed shows in a diff."""
    return json.dumps(schema(kind), ensure_ascii=False, indent=1) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all of them into ``folder``; returns the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    stale = outdated(folder)
    for path in stale:
        path.write_text(text(path.name.partition(".")[0]), encoding="utf-8")
    return stale


def outdated(folder: Path) -> list[Path]:
    """The files in ``folder`` that are not what the models say now, missing ones included."""
    wanted = {folder / f"{kind}.schema.json": text(kind) for kind in FILES}
    return [path for path, one in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != one]


class _Generator(GenerateJsonSchema):
    """pydantic's, with what people may write shortly, closed names, and comments as descriptions."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        name = getattr(schema["function"]["function"], "__name__", "")
        if name not in SHORT_FORMS:
            raise LookupError(f"weigov.schema.SHORT_FORMS does not say what may be written where {name} reads")
        return SHORT_FORMS[name](self.generate_inner(schema["schema"]))

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            made["additionalProperties"] = False
        if made.get("propertyNames", {}).keys() <= {"maxLength"}:
            made.pop("propertyNames", None)
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        comments = _comments(model)
        for name, field in model.model_fields.items():
            part = made["properties"][field.alias or name]
            part.pop("title", None)
            if name in comments:
                made["properties"][field.alias or name] = _described(part, comments[name])
        made.pop("title", None)
        if {"kind", "fields"} <= set(model.model_fields):
            made["allOf"] = [_fields_of(kind) for kind in KINDS]
        return made


def _described(part: JsonSchemaValue, comment: str) -> JsonSchemaValue:
    # Beside a $ref nothing else is read before draft 2019-09.
    return {"description": comment, "allOf": [part]} if "$ref" in part else part | {"description": comment}


def _fields_of(kind: Kind) -> JsonSchemaValue:
    """A stream of this kind fills fields of this kind."""
    names: JsonSchemaValue = {"anyOf": [{"enum": list(KINDS[kind])}, {"pattern": r"^extra\."}]}
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"properties": {"fields": {"propertyNames": names, "properties": dict.fromkeys(KINDS[kind], True)}}},
    }


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """field → the comment that stands on its line."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if not (isinstance(one, type) and issubclass(one, BaseModel)) or one is BaseModel:
            continue
        source = textwrap.dedent(inspect.getsource(one))
        marks = {
            token.start[0]: token.string.lstrip("# ")
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        for node in ast.parse(source).body[0].body:  # type: ignore[attr-defined]
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                words = [marks[line] for line in lines if line in marks and not marks[line].startswith("fmt:")]
                if words:
                    found[node.target.id] = " ".join(words)
    return found


def _words_of(model: str, field: str) -> list[str]:
    from adapters import vocabulary

    annotation = getattr(vocabulary, model).model_fields[field].annotation
    return list(annotation.__args__)
