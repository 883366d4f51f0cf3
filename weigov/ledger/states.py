"""The states of a delivery and the arrows between them. Pure; ``outbox.move`` is the only writer.

See the diagram in docs/decisions/0002-delivery-states.md for the reasons.
"""

from __future__ import annotations

from typing import Literal, get_args

State = Literal[
    "waiting_review",  # frozen, held for people
    "ready",  # may be claimed when due
    "deferred",  # quota or quiet hours: until when and why is on the row
    "claimed",  # leased by a worker, nothing sent for this step
    "sending",  # intent committed: the call may be under way
    "unknown",  # the call was made or may have been; no answer
    "accepted",  # WeChat took it; the outcome comes later
    "confirmed",  # it is there
    "rejected",  # it said no
    "refused",  # a reviewer said no
    "superseded",  # a newer revision made it pointless before it left
    "withdrawn",  # withdrawn upstream before it left
    "expired",  # nobody wants it any more
    "in_doubt",  # nothing more can be learnt: a person decides
    "given_up",  # a person decided not to repeat it
    "removed",  # was there, is gone
]
STATES: tuple[State, ...] = get_args(State)

#: Channels whose deliveries each go to one citizen.
TO_CITIZENS = ("template", "subscribe", "customer_service")

UNSENT: frozenset[State] = frozenset({"waiting_review", "ready", "deferred"})
UNCERTAIN: frozenset[State] = frozenset({"claimed", "sending", "unknown"})
_DROPPED: tuple[State, ...] = ("superseded", "withdrawn", "expired")
_UNFINISHED: tuple[State, ...] = ("waiting_review", "ready", "deferred", "claimed", "sending")

ARROWS: frozenset[tuple[State, State]] = frozenset(
    [(unsent, dropped) for unsent in ("waiting_review", "ready", "deferred") for dropped in _DROPPED]
    + [
        ("waiting_review", "ready"),
        ("waiting_review", "refused"),
        ("ready", "deferred"),
        ("deferred", "ready"),
        ("ready", "claimed"),
        ("claimed", "ready"),  # lease over, or given back
        ("claimed", "deferred"),  # quota or quiet hours, seen with the claim
        ("claimed", "waiting_review"),  # what would be read is not what was approved
        ("claimed", "rejected"),  # breaks WeChat's rules: seen before any call
        ("claimed", "sending"),  # intent committed
        ("sending", "claimed"),  # this step is certain, the next one follows
        ("sending", "ready"),  # surely unsent
        ("sending", "deferred"),  # surely unsent, and not before
        ("sending", "accepted"),
        ("sending", "rejected"),
        ("sending", "unknown"),  # no answer, or the lease ran out with the call under way
        ("accepted", "confirmed"),
        ("accepted", "rejected"),
        ("accepted", "in_doubt"),
        ("confirmed", "removed"),
        ("unknown", "accepted"),
        ("unknown", "confirmed"),
        ("unknown", "rejected"),
        ("unknown", "ready"),  # proved absent, or the channel overwrites
        ("unknown", "sending"),  # the same key again, inside its window
        ("unknown", "in_doubt"),
        ("in_doubt", "accepted"),
        ("in_doubt", "confirmed"),
        ("in_doubt", "rejected"),
        ("in_doubt", "given_up"),
        ("in_doubt", "ready"),
        ("in_doubt", "waiting_review"),  # not sent, and not approved either
        *((unfinished, "in_doubt") for unfinished in _UNFINISHED),  # recovered: it may have been sent
        ("rejected", "waiting_review"),
        ("rejected", "ready"),
    ]
)


def in_flight(channel: str, state: State) -> bool:
    """Whether a delivery in ``state`` keeps others with its flight key waiting.

    An article stays in flight until it is certain: its successor replaces it. A message that WeChat took, or that a
    person must judge, does not hold up the next message to that citizen.
    """
    if state in UNCERTAIN:
        return True
    return channel == "news" and state in ("accepted", "in_doubt")
