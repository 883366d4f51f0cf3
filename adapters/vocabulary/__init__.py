"""The words a system descriptor may use, as pydantic models, a file a part. Closed: anything else is a fault.

Only shape lives here. What words must agree with each other is checked in ``descriptor``; what they do is the
engines' business. ``{name}`` in a request is a hole (see ``template``):

    list requests       page, size, next (paging), cursor (of the last pull), ALIAS.FIELD of the ``for_each`` parent
    detail, attachments key, row.COLUMN of the list row, ALIAS.FIELD
    operations          its params, and idempotency_key
    login               login, password (of the connection)
"""

from __future__ import annotations

from adapters.vocabulary.auth import (
    ApiKeyAuth,
    Auth,
    Auths,
    BasicAuth,
    BearerAuth,
    BodyParamsAuth,
    ExpiryRule,
    LoginTokenAuth,
    NoAuth,
    NonceRule,
    OAuth2Auth,
    SealedBodyAuth,
    SecretRule,
    SignedHeadersAuth,
    SignedParamsAuth,
    TimestampRule,
    WssUsernameAuth,
    WssX509Auth,
)
from adapters.vocabulary.base import Closed, Duration, Formats, Name, Path_, Text, TimeRule, Zone
from adapters.vocabulary.contract import Contract, Drift, Expected
from adapters.vocabulary.decode import (
    BareStep,
    Decode,
    DecodeStep,
    JsonStep,
    MimeStep,
    SoapStringStep,
    TextStep,
    XmlStep,
)
from adapters.vocabulary.files import FilesSource, MoveDone, RenameDone
from adapters.vocabulary.limits import Breaker, CallLimits
from adapters.vocabulary.operation import Operation, Query
from adapters.vocabulary.paging import CursorRule, Paging
from adapters.vocabulary.request import OutcomeRule, Request
from adapters.vocabulary.stream import Attachments, Detail, FieldRule, ForEach, Step, Stream
from adapters.vocabulary.system import Descriptor
from adapters.vocabulary.table import Companion, Sign, TableCursor, TableSource, TableWrite
from adapters.vocabulary.withdrawn import (
    Keys,
    TombstoneList,
    Tombstones,
    Vanished,
    Vanishing,
    Withdrawn,
    WithdrawnRule,
)
from adapters.vocabulary.wsdl import Wsdl

__all__ = [
    "ApiKeyAuth",
    "Attachments",
    "Auth",
    "Auths",
    "BareStep",
    "BasicAuth",
    "BearerAuth",
    "BodyParamsAuth",
    "Breaker",
    "CallLimits",
    "Closed",
    "Companion",
    "Contract",
    "CursorRule",
    "Decode",
    "DecodeStep",
    "Descriptor",
    "Detail",
    "Drift",
    "Duration",
    "Expected",
    "ExpiryRule",
    "FieldRule",
    "FilesSource",
    "ForEach",
    "Formats",
    "JsonStep",
    "Keys",
    "LoginTokenAuth",
    "MimeStep",
    "MoveDone",
    "Name",
    "NoAuth",
    "NonceRule",
    "OAuth2Auth",
    "Operation",
    "OutcomeRule",
    "Paging",
    "Path_",
    "Query",
    "RenameDone",
    "Request",
    "SealedBodyAuth",
    "SecretRule",
    "Sign",
    "SignedHeadersAuth",
    "SignedParamsAuth",
    "SoapStringStep",
    "Step",
    "Stream",
    "TableCursor",
    "TableSource",
    "TableWrite",
    "Text",
    "TextStep",
    "TimeRule",
    "TimestampRule",
    "TombstoneList",
    "Tombstones",
    "Vanished",
    "Vanishing",
    "Withdrawn",
    "WithdrawnRule",
    "Wsdl",
    "WssUsernameAuth",
    "WssX509Auth",
    "XmlStep",
    "Zone",
]
