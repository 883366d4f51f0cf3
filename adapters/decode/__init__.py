"""Answers, from bytes to values and rows: the decode chain. Pure; no network, no schema.

A chain is read left to right, each step in the file of its name or theme: ``mime`` takes the root part of a
multipart, ``multiref`` resolves references, ``soap_string`` and ``text`` take a text out of a document, ``base64``
and ``gzip`` unpack it, ``dataset`` says that rows stand in a diffgram; ``soap``, ``xml`` and ``json`` read rows.
Nothing is chosen where several would fit, and nothing is dropped in silence: Undecodable says what is there instead.

The rules come from answers recorded of Axis 1, .NET, PHP and node-soap services.
"""

from adapters.decode.answer import Answer, Row, Undecodable
from adapters.decode.chain import read
from adapters.decode.json import JsonAnswer
from adapters.decode.repair import repair_escapes, repair_references
from adapters.decode.xml import XmlAnswer

__all__ = ["Answer", "JsonAnswer", "Row", "Undecodable", "XmlAnswer", "read", "repair_escapes", "repair_references"]
