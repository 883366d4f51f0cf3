"""How a system wants to be told who calls: a model for each ``kind``. What they do is in ``adapters.auth``.

Where a signature is made, ``{name}`` is a hole, as in requests, and its names are closed:

    params of signed_params, sealed_body    login, timestamp, nonce
    text of signed_headers                  those, secret, method, path, query, body, body_digest
    headers of signed_headers               login, timestamp, nonce, body_digest, signature
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from adapters import times
from adapters.signing import Algorithm, Case, Digest, Encoding, SecretAt, is_mac
from adapters.template import holes
from adapters.vocabulary.base import Closed, Path_, Text, Zone, known_format, one_or_more
from adapters.vocabulary.request import OutcomeRule, Request

PARAM_HOLES = frozenset({"login", "timestamp", "nonce"})
TEXT_HOLES = PARAM_HOLES | {"secret", "method", "path", "query", "body", "body_digest"}
HEADER_HOLES = PARAM_HOLES | {"body_digest", "signature"}

_Seconds = Annotated[int, Field(ge=1)]


class NoAuth(Closed):
    kind: Literal["none"] = "none"


class BasicAuth(Closed):
    """The connection's login and password, as HTTP Basic."""

    kind: Literal["basic"]


class BearerAuth(Closed):
    """The connection's password as a bearer token."""

    kind: Literal["bearer"]


class _Placed(Closed):
    """Exactly one of the four says where it is sent, and under which name."""

    header: str | None = None
    query: str | None = None
    body: str | None = None
    cookie: str | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.header, self.query, self.body, self.cookie)) != 1:
            raise ValueError("needs one place: header, query, body or cookie")
        return self


class ApiKeyAuth(_Placed):
    """The connection's password (or login) in a header, a query, a cookie or the body."""

    kind: Literal["api_key"]
    part: Literal["password", "login"] = "password"


class BodyParamsAuth(Closed):
    """The connection's login and password as parameters of every call."""

    kind: Literal["body_params"]
    login: str
    password: str


class TimestampRule(Closed):
    """How the moment of a call is written."""

    format: Annotated[str, AfterValidator(known_format)] = "epoch_s"
    zone: Zone = ""

    @model_validator(mode="after")
    def _zoned(self) -> Self:
        if times.needs_zone(self.format) and not self.zone:
            raise ValueError("its format has no offset: which zone is meant? (add zone: Asia/Shanghai)")
        return self


class ExpiryRule(TimestampRule):
    """Where the answer gives the moment a token ends."""

    path: Path_


class NonceRule(Closed):
    """A text that is never used twice."""

    length: Annotated[int, Field(ge=4, le=64)] = 16
    of: Literal["hex", "digits", "alphanumeric"] = "hex"


class LoginTokenAuth(_Placed):
    """Log in, then send the token until it expires or the outcome says ``relogin``."""

    kind: Literal["login_token"]
    request: Request
    token: Path_  # into the answer, ``http.header.NAME`` or ``http.cookie.NAME``
    expires_in: Path_ | None = None  # where the answer says how many seconds
    expires_at: ExpiryRule | None = None  # where it says until when
    expires_in_s: _Seconds = 600  # when it says neither
    outcome: tuple[OutcomeRule, ...] = ()


class OAuth2Auth(Closed):
    """OAuth 2 client credentials (RFC 6749, 4.4); a refresh token is used when one was given."""

    kind: Literal["oauth2"]
    token_url: str  # a path behind the connection's address, or an https address on a host the connection names
    client_auth: Literal["basic", "body"] = "basic"
    scope: str = ""
    params: dict[str, Text] = Field(default_factory=dict)
    expires_in_s: _Seconds = 600  # when the answer does not say

    @field_validator("token_url")
    @classmethod
    def _somewhere(cls, value: str) -> str:
        if not value.startswith(("/", "https://")):
            raise ValueError("is a path beginning with / or an address beginning with https://")
        return value


class _Signed(Closed):
    """What all who sign with a shared secret agree on: the connection's password is the secret."""

    algorithm: Algorithm
    encoding: Encoding = "hex"
    case: Case = "lower"  # of hex digits
    timestamp: TimestampRule = TimestampRule()
    nonce: NonceRule = NonceRule()


class SecretRule(Closed):
    """Where the secret stands in the text that is signed: bare, or as the parameter ``name``."""

    at: SecretAt
    name: str = ""


class SignedParamsAuth(_Signed):
    """A signature over the parameters, sorted by name and joined; itself one more parameter."""

    kind: Literal["signed_params"]
    sign: str  # the name of the signature's parameter
    in_: Literal["query", "body", "header"] = Field("query", alias="in")  # where ``params`` and ``sign`` travel
    params: dict[str, Text] = Field(default_factory=dict)  # ours on every call
    covers: tuple[Literal["query", "body"], ...] = ("query", "body")  # which of the call's own are signed as well
    leave_out: tuple[str, ...] = ()
    pair: str = "="
    between: str = "&"
    empty: Literal["drop", "keep"] = "drop"
    escape: bool = False
    secret: SecretRule | None = None  # bare at the end; with hmac- it is the key and in no text

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _known(self.params, PARAM_HOLES)
        if self.secret is not None and self.secret.at == "none" and not is_mac(self.algorithm):
            raise ValueError("a signature without the secret in it proves nothing: say where it stands")
        if self.secret is not None and self.secret.at == "sorted" and not self.secret.name:
            raise ValueError("a secret sorted among the parameters needs a name")
        return self


class SignedHeadersAuth(_Signed):
    """A signature over a text made of closed words, in headers."""

    kind: Literal["signed_headers"]
    text: str
    headers: dict[str, Text]
    body_digest: Digest | None = None  # the algorithm's own, when none is said
    body_encoding: Encoding = "hex"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _known(self.text, TEXT_HOLES)
        _known(self.headers, HEADER_HOLES)
        if "signature" not in holes(self.headers):
            raise ValueError("no header carries {signature}")
        if "secret" not in holes(self.text) and not is_mac(self.algorithm):
            raise ValueError("a signature without {secret} in its text proves nothing")
        return self


class SealedBodyAuth(Closed):
    """Bodies encrypted with SM4 and signed with SM2, ours and theirs.

    Keys are the connection's: ``sm2_private_key``, ``sm2_public_key`` (theirs), ``sm4_secret_key``, ``sm4_iv``.
    """

    kind: Literal["sealed_body"]
    params: dict[str, Text] = Field(default_factory=dict)
    timestamp: TimestampRule = TimestampRule(format="epoch_ms")
    nonce: NonceRule = NonceRule()
    data: str = "encData"
    sign: str = "signData"
    plain: str = "data"  # what the body is called when it is signed, and where the opened answer has its own
    message: Path_ | None = None  # where an answer that is not signed says why
    cipher: Literal["sm4-ecb", "sm4-cbc"] = "sm4-ecb"
    iv: Literal["connection", "prefix"] = "connection"  # sm4-cbc
    key: Literal["connection", "derived"] = "connection"
    encoding: Encoding = "base64"  # of ``data``
    case: Case = "lower"
    signs: Literal["members", "plain", "sealed"] = "members"
    secret_name: str = "key"
    numbers: Literal["keep", "text"] = "keep"  # whether numbers and flags are sent and signed as texts
    signature_form: Literal["raw", "der"] = "raw"
    signature_encoding: Encoding = "base64"
    user_id: str = "1234567812345678"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _known(self.params, PARAM_HOLES)
        return self


class WssUsernameAuth(Closed):
    """WS-Security UsernameToken (OASIS WSS UsernameToken Profile 1.1): the connection's login and password."""

    kind: Literal["wss_username"]
    password: Literal["text", "digest"] = "text"
    nonce: bool = False  # of ``text``: a digest always has both
    created: bool = False
    timestamp_s: _Seconds | None = None  # adds a Timestamp that lasts so long
    must_understand: bool = True


class WssX509Auth(Closed):
    """WS-Security X.509 signature over Body and Timestamp (OASIS WSS X.509 Token Profile 1.1).

    The connection's ``sign_cert_file`` and ``sign_key_file``, PEM; ``sign_key_passphrase`` when the key has one.
    """

    kind: Literal["wss_x509"]
    algorithm: Literal["rsa-sha256", "rsa-sha1"] = "rsa-sha256"
    timestamp_s: _Seconds = 300
    must_understand: bool = True


Auth = Annotated[
    NoAuth
    | BasicAuth
    | BearerAuth
    | ApiKeyAuth
    | BodyParamsAuth
    | LoginTokenAuth
    | OAuth2Auth
    | SignedParamsAuth
    | SignedHeadersAuth
    | SealedBodyAuth
    | WssUsernameAuth
    | WssX509Auth,
    Field(discriminator="kind"),
]
#: One kind, or several that are applied in order.
Auths = Annotated[tuple[Auth, ...], BeforeValidator(one_or_more)]


def _known(template: Any, names: frozenset[str]) -> None:
    unknown = sorted(holes(template) - names)
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is unknown here (known: {', '.join(sorted(names))})")
