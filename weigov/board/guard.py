"""Who asks, and what they may: the board asks it of whoever serves it (Airflow, in a deployment)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from weigov.flow.context import Context

#: What a person may be allowed beyond looking.
Permission = Literal["replay", "review", "settle", "pause", "clear_quota", "log"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. ``name`` is what the ledger counts and the audit log keeps."""

    name: str
    user: Any = None  # whatever the guard knows them by


class Guard(Protocol):
    """Brought by whoever serves the board."""

    @property
    def reader(self) -> Callable[..., Any]:
        """A FastAPI dependency: the Person who may look. Raises HTTPException 401 or 403."""
        ...

    def may(self, person: Person, permission: Permission, about: str) -> bool:
        """Whether ``person`` may do this. ``about``: the flow (replay, review, pause) or account it is about."""
        ...

    def log_in(self, back: str) -> str:
        """The address where one logs in, and is led to ``back`` from."""
        ...

    def origins(self) -> Sequence[str]:
        """Further origins (``https://host``) the pages may be served from: a proxy's in front."""
        ...


class Deployment(Protocol):
    """The deployment the board shows."""

    def open(self) -> AbstractContextManager[Context]:
        """Its parts. Raises WeigovError where it cannot work."""
        ...

    def faults(self) -> int:
        """How many faults its YAML has."""
        ...

    def gateway_problem(self) -> str:
        """Why the gateway cannot be reached; '' when it can."""
        ...
