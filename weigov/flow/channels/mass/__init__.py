"""Mass messages: previewed first, then sent once with our key, which WeChat honours for 24 hours.

A digest is two deliveries of one revision. ``effect`` preview: pictures and covers, the draft, and a preview to each
person of the account's ``preview_to``. When all have it, ``effect`` send is enqueued, in review if the flow needs
that: what people approve is what they were shown. Its one step sends the same draft.

An answer that never came is repeated with the same key after a minute, for not quite 24 hours; afterwards only a
person knows. WeChat says by event, or on asking, what became of it. ``effect`` remove takes one article back.

Steps of preview: image (each), cover:N (each), draft, preview:N (each). Of send: sendall. Of remove: delete.
"""

from weigov.flow.channels.mass.outcome import conclude, join_early, poll, settle_unknown
from weigov.flow.channels.mass.removal import removed_articles, take_back, taken_back
from weigov.flow.channels.mass.standing import record_of, stale
from weigov.flow.channels.mass.steps import allowed, calls, held_by_budget, may_repeat, paths, send
from weigov.flow.channels.mass.transition import discard_drafts, follow_up

__all__ = [
    "allowed",
    "calls",
    "conclude",
    "discard_drafts",
    "follow_up",
    "held_by_budget",
    "join_early",
    "may_repeat",
    "paths",
    "poll",
    "record_of",
    "removed_articles",
    "send",
    "settle_unknown",
    "stale",
    "take_back",
    "taken_back",
]
