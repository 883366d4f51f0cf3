"""Every error Weigov raises on purpose. Imports nothing.

The second level is the caller's decision, not the callee's mood:

WeigovError
├── ConfigError             fix the deployment or its YAML; nothing was attempted
├── RecordRejected          quarantine this record, carry on with the rest
├── RemoteError             a remote system is involved
│   ├── RemoteUnavailable     it surely did not act: try again later
│   │   └── RateLimited         it said when: not before ``retry_after_s``
│   ├── RemoteRefused         it said no: trying again gives the same answer
│   └── OutcomeUnknown        it may have acted: reconcile first, never resend
├── LedgerConflict          somebody else moved the row first; nothing of ours was written
├── ReviewRejected          this person may not decide this, or decided on something older
└── CallbackRejected        answer 403; record nothing

Messages are one sentence for the operator at 3 a.m. They name the thing and what to do, and never carry a secret,
an openid or a citizen's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class WeigovError(Exception):
    """Something Weigov can name went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file a person wrote: where it is, what it is, what to do about it."""

    file: str
    message: str
    line: int | None = None
    path: str = ""  # dotted, as in ``map.title.steps.0``
    hint: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [where, f"{self.path}: {self.message}" if self.path else self.message]
        return ": ".join(parts) + (f" ({self.hint})" if self.hint else "")


class ConfigError(WeigovError):
    """The deployment is not right; nothing was attempted."""

    def __init__(self, problem: str | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = () if isinstance(problem, str) else tuple(problem)
        super().__init__(problem if isinstance(problem, str) else "\n".join(str(f) for f in self.faults))


class RecordRejected(WeigovError):
    """This one record cannot be used; the rest goes on."""

    def __init__(self, key: str, *reasons: str) -> None:
        self.key = key
        self.reasons = reasons
        super().__init__(f"record {key}: " + "; ".join(reasons))


class RemoteError(WeigovError):
    """A remote system is involved. ``system`` and ``operation`` say which call; ``code`` is its own code, if any."""

    def __init__(self, system: str, operation: str, message: str, *, code: int | str | None = None) -> None:
        self.system = system
        self.operation = operation
        self.code = code
        super().__init__(f"{system} {operation}: {message}")


class RemoteUnavailable(RemoteError):
    """It surely did not act: try again later."""


class RateLimited(RemoteUnavailable):
    """It asked us to wait."""

    def __init__(
        self,
        system: str,
        operation: str,
        message: str,
        *,
        code: int | str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(system, operation, message, code=code)
        self.retry_after_s = retry_after_s


class RemoteRefused(RemoteError):
    """It said no: trying again gives the same answer."""


class OutcomeUnknown(RemoteError):
    """It may have acted: reconcile first, never resend."""


class LedgerConflict(WeigovError):
    """Somebody else moved the row first; nothing of ours was written."""


class ReviewRejected(WeigovError):
    """This person may not decide this, or decided on something older."""


class CallbackRejected(WeigovError):
    """Not from WeChat, or not for this account: answer 403 and record nothing."""
