"""The words a system descriptor may use, as pydantic models. Closed: anything else is a fault.

Only shape lives here. What words must agree with each other is checked in ``descriptor``; what they do is the
engines' business. ``{name}`` in a request is a hole (see ``template``):

    list requests       page, size, next (paging), cursor (of the last pull), ALIAS.FIELD of the ``for_each`` parent
    detail, attachments key, row.COLUMN of the list row, ALIAS.FIELD
    operations          its params, and idempotency_key
    login               login, password (of the connection)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    field_validator,
)

from adapters import outcome, times
from weigov.ports import Idempotency
from weigov.records import Kind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Path_ = Annotated[str, StringConstraints(min_length=1)]  # into an answer or a row
Step = Literal["strip", "unescape", "text_only", "absolute_url", "parent_code_2", "zero_is_none"]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, str_max_length=2000)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _format(value: str) -> str:
    times.check_format(value)
    return value


def _zone(value: str) -> str:
    if value:
        times.zone_of(value)
    return value


def _duration(value: str) -> str:
    times.duration(value)
    return value


Formats = Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], BeforeValidator(_listed)]
Zone = Annotated[str, AfterValidator(_zone)]
Duration = Annotated[str, AfterValidator(_duration)]
Text = Annotated[str, BeforeValidator(_text)]


class TimeRule(Closed):
    """How this system writes times."""

    format: Formats
    zone: Zone = ""


class Request(Closed):
    """One call: ``path`` and friends for REST, ``op`` for SOAP; ``body`` for both.

    In a body, ``{xml: {ROOT: {…}}, declared: GBK}`` is a string that holds an XML document.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str = ""
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    op: str = ""
    body: dict[str, Any] = {}
    encode: Literal["json", "form"] = "json"


class OutcomeRule(Closed):
    """What an answer means: ``when`` is ``PATH == 'x'``, ``PATH != 'x'`` or ``PATH`` (there and not empty).

    PATH is into the answer, ``http.status`` or ``http.header.NAME``. The first rule that fits decides.
    """

    when: str
    is_: outcome.Meaning = Field(alias="is")
    message: Path_ | None = None

    @field_validator("when")
    @classmethod
    def _readable(cls, value: str) -> str:
        outcome.parse(value)
        return value


class NoAuth(Closed):
    kind: Literal["none"] = "none"


class BasicAuth(Closed):
    """The connection's login and password, as HTTP Basic."""

    kind: Literal["basic"]


class ApiKeyAuth(Closed):
    """The connection's password in a header of its own."""

    kind: Literal["api_key"]
    header: str
    prefix: str = ""


class LoginTokenAuth(Closed):
    """Log in, then send the token in a header until it expires or the outcome says ``relogin``."""

    kind: Literal["login_token"]
    request: Request
    token: Path_
    header: str
    prefix: str = ""
    expires_in: Path_ | None = None  # where the answer says how many seconds
    expires_in_s: Annotated[int, Field(ge=1)] = 600  # when it does not
    outcome: tuple[OutcomeRule, ...] = ()


class BodyParamsAuth(Closed):
    """The connection's login and password as parameters of every call."""

    kind: Literal["body_params"]
    login: str
    password: str


Auth = Annotated[NoAuth | BasicAuth | ApiKeyAuth | LoginTokenAuth | BodyParamsAuth, Field(discriminator="kind")]


class XmlStep(Closed):
    xml: str


class JsonStep(Closed):
    json_: str = Field(alias="json")


DecodeStep = Literal["soap", "soap_string", "xml", "json"] | XmlStep | JsonStep
Decode = tuple[DecodeStep, ...]


class Paging(Closed):
    """How the list goes on. Without a stop rule it goes on until an empty page (``until: short``: a short one)."""

    kind: Literal["page", "cursor"]
    size: Annotated[int, Field(ge=1, le=10_000)] = 100
    first: int = 1
    next: Path_ | None = None  # kind cursor: where the answer gives the next token
    total: Path_ | None = None  # how many rows there are in all
    total_header: str | None = None
    pages_header: str | None = None  # how many pages there are in all
    has_more: Path_ | None = None
    until: Literal["empty", "short"] = "empty"
    max_pages: Annotated[int, Field(ge=1)] = 10_000


class CursorRule(Closed):
    """Up to where a stream was read. ``time``: the highest value of ``field``; ``opaque``: the token of ``paging``.

    Asked again from ``overlap`` before it. ``bound`` says whether the system's filter includes the instant itself.
    """

    kind: Literal["time", "opaque"] = "time"
    field: Path_ | None = None
    format: Formats = ()
    zone: Zone = ""
    send: Annotated[str, AfterValidator(_format)] | None = None  # when requests want another format
    overlap: Duration = "PT10M"
    bound: Literal["inclusive", "exclusive"] = "inclusive"


class ForEach(Closed):
    stream: Name
    as_: Name = Field(alias="as")


class FieldRule(Closed):
    """Where a canonical field comes from. A bare path is short for ``{from: PATH}``."""

    from_: Path_ | None = Field(None, alias="from")
    parent: str | None = None  # instead: ``key`` or a field of the ``for_each`` parent
    steps: tuple[Step, ...] = ()
    format: Formats = ()
    zone: Zone = ""
    name: str = "name"  # of lists: the columns of an item
    url: str = "url"


def _field(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class Detail(Closed):
    """A second call for a row that changed; what it answers is laid over the list row."""

    request: Request
    record: Path_ = "."
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()


class Attachments(Closed):
    """A further call for a row that changed, listing its files."""

    request: Request
    records: Path_
    name: str = "name"
    url: str = "url"
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()


class Withdrawn(Closed):
    """Withdrawn when ``field`` of the row has one of ``values``; of several such rules one is enough."""

    field: Path_
    values: Annotated[tuple[Text, ...], Field(min_length=1)]


class Stream(Closed):
    """A kind of record the system offers."""

    kind: Kind
    schedule: str
    request: Request
    records: Path_
    key: Path_
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_field)]]
    decode: Decode = ()
    paging: Paging | None = None
    cursor: CursorRule | None = None
    time: TimeRule | None = None
    for_each: ForEach | None = None
    detail: Detail | None = None
    attachments: Attachments | None = None
    withdrawn: Annotated[tuple[Withdrawn, ...], BeforeValidator(_one_or_more)] = ()
    outcome: tuple[OutcomeRule, ...] = ()


class Operation(Closed):
    """A write the system accepts. ``params`` that a call leaves out are sent as empty texts."""

    request: Request
    params: Annotated[tuple[Name, ...], Field(min_length=1)]
    idempotency: Idempotency = "none"
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    success: str | None = None  # a condition as in ``when``; an answer it does not fit is a refusal
    remote_id: Path_ | None = None
    message: Path_ | None = None

    @field_validator("success")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            outcome.parse(value)
        return value


class Descriptor(Closed):
    """One system: how it is spoken to, what it offers, what it accepts."""

    system: Name
    title: str
    engine: Literal["rest", "soap"]
    wsdl: str | None = None  # SOAP: a file beside the descriptor
    auth: Auth = NoAuth()
    time: TimeRule | None = None
    decode: Decode = ()
    outcome: tuple[OutcomeRule, ...] = ()
    streams: dict[Name, Stream] = {}
    operations: dict[Name, Operation] = {}

    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._file
