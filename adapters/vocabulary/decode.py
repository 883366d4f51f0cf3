"""The steps that turn the bytes of an answer into values and rows. What they do: ``adapters.decode``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adapters.vocabulary.base import Closed


class XmlStep(Closed):
    xml: str


class JsonStep(Closed):
    json_: str = Field(alias="json")


DecodeStep = Literal["soap", "soap_string", "xml", "json"] | XmlStep | JsonStep
Decode = tuple[DecodeStep, ...]
