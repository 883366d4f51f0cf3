"""How much a system may be asked. What the words do is in ``adapters.limits``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from adapters.vocabulary.base import Closed, Duration


class Breaker(Closed):
    """After so many failed reads in a row the system is left alone for a while."""

    failures: Annotated[int, Field(ge=1)] = 5
    pause: Duration = "PT5M"


class CallLimits(Closed):
    """What holds for all calls of one system together, details and log-ins included."""

    rate: Annotated[str, StringConstraints(pattern=r"^[1-9]\d*/(s|min)$")] | None = None
    daily: Annotated[int, Field(ge=1)] | None = None  # calls a day, in the site's time zone, by all workers
    breaker: Breaker = Breaker()
