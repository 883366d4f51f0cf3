"""The steps that turn the bytes of an answer into values and rows. What they do: ``adapters.decode``."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from adapters import paths
from adapters.vocabulary.base import Closed, Path_


def _known_charset(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"nobody knows the charset {name!r}") from None
    return name


def _slashed(path: str) -> str:
    paths.slashed(path)
    return path


def _of_either(path: str) -> str:
    return _slashed(path) if path.startswith("/") else path


Charset = Annotated[str, AfterValidator(_known_charset)]


class XmlStep(Closed):
    xml: Charset


class JsonStep(Closed):
    json_: Charset = Field(alias="json")


class SoapStringStep(Closed):
    soap_string: Annotated[Path_, AfterValidator(_slashed)]


class TextStep(Closed):
    text: Annotated[Path_, AfterValidator(_of_either)]


class MimeStep(Closed):
    mime: str


BareStep = Literal["soap", "soap_string", "xml", "json", "jsonp", "base64", "gzip", "multiref", "dataset", "mime"]
DecodeStep = BareStep | XmlStep | JsonStep | SoapStringStep | TextStep | MimeStep

_READS_ROWS = ("soap", "xml", "json")


def _ends_with_rows(steps: tuple[DecodeStep, ...]) -> tuple[DecodeStep, ...]:
    readers = [step in _READS_ROWS or isinstance(step, (XmlStep, JsonStep)) for step in steps]
    if steps and (not readers[-1] or any(readers[:-1])):
        raise ValueError("a decode chain ends with the step that reads rows, and has one: soap, xml or json")
    return steps


Decode = Annotated[tuple[DecodeStep, ...], AfterValidator(_ends_with_rows)]
