"""How a system wants to be told who calls: a model for each ``kind``. What they do is in ``adapters.auth``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adapters.vocabulary.base import Closed, Path_
from adapters.vocabulary.request import OutcomeRule, Request


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
