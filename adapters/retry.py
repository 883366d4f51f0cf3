"""The one policy by which reads are repeated. Writes never are: nothing here is used for them."""

from __future__ import annotations

from collections.abc import Callable

import tenacity

from weigov.errors import RateLimited, RemoteUnavailable


class Spent(RemoteUnavailable):
    """All its attempts were made already: a log-in's, within a read."""


_ATTEMPTS = 4
_DEADLINE_S = 300  # of all attempts together: a run has other things to read
_MAX_WAIT_S = 60  # an upstream that wants us away for longer gets its way: the next run asks again
_BACKOFF = tenacity.wait_exponential_jitter(multiplier=0.5, max=10, jitter=0.3)


def reads(sleep: Callable[[float], None]) -> tenacity.Retrying:
    """Four attempts in all, half a second and doubling between them with some jitter, or as Retry-After says; five
    minutes at most. Then the last error.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, RemoteUnavailable) and not isinstance(error, Spent)
        ),
        stop=_Enough(),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )


class _Enough(tenacity.stop.stop_base):
    def __call__(self, state: tenacity.RetryCallState) -> bool:
        asked = _asked_to_wait_s(state)
        too_long = asked is not None and asked > _MAX_WAIT_S
        too_late = (state.seconds_since_start or 0) + (asked or 0) > _DEADLINE_S
        return state.attempt_number >= _ATTEMPTS or too_long or too_late


def _wait(state: tenacity.RetryCallState) -> float:
    asked = _asked_to_wait_s(state)
    return _BACKOFF(state) if asked is None else asked


def _asked_to_wait_s(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, RateLimited) else None
