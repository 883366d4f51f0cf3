"""The words a system descriptor may use, as pydantic models, a file a part. Closed: anything else is a fault.

Only shape lives here. What words must agree with each other is checked in ``descriptor``; what they do is the
engines' business. ``{name}`` in a request is a hole (see ``template``):

    list requests       page, size, next (paging), cursor (of the last pull), ALIAS.FIELD of the ``for_each`` parent
    detail, attachments key, row.COLUMN of the list row, ALIAS.FIELD
    operations          its params, and idempotency_key
    login               login, password (of the connection)
"""

from __future__ import annotations

from adapters.vocabulary.auth import ApiKeyAuth, Auth, BasicAuth, BodyParamsAuth, LoginTokenAuth, NoAuth
from adapters.vocabulary.base import Closed, Duration, Formats, Name, Path_, Text, TimeRule, Zone
from adapters.vocabulary.decode import Decode, DecodeStep, JsonStep, XmlStep
from adapters.vocabulary.operation import Operation
from adapters.vocabulary.request import OutcomeRule, Request
from adapters.vocabulary.stream import (
    Attachments,
    CursorRule,
    Detail,
    FieldRule,
    ForEach,
    Paging,
    Step,
    Stream,
    Withdrawn,
)
from adapters.vocabulary.system import Descriptor

__all__ = [
    "ApiKeyAuth",
    "Attachments",
    "Auth",
    "BasicAuth",
    "BodyParamsAuth",
    "Closed",
    "CursorRule",
    "Decode",
    "DecodeStep",
    "Descriptor",
    "Detail",
    "Duration",
    "FieldRule",
    "ForEach",
    "Formats",
    "JsonStep",
    "LoginTokenAuth",
    "Name",
    "NoAuth",
    "Operation",
    "OutcomeRule",
    "Paging",
    "Path_",
    "Request",
    "Step",
    "Stream",
    "Text",
    "TimeRule",
    "Withdrawn",
    "XmlStep",
    "Zone",
]
