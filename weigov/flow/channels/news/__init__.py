"""Articles: pictures, cover, draft, a look at what WeChat kept, submit; then it says what became of it, or is asked.

WeChat honours no key here. Our marker, a fragment in the article's source address, is how a draft or a published
article is found again after an answer that never came. Replacing is publishing the new one and, once it is confirmed,
deleting the old one (``effect`` remove).

Steps of publish: image (each) and cover, or picture (each) of a newspic; draft, compare, submit. Step of remove:
delete.
"""

from weigov.flow.channels.news.kept import compare
from weigov.flow.channels.news.marking import find_draft, find_published, marker
from weigov.flow.channels.news.outcome import PLAIN, confirm, kept_status, poll
from weigov.flow.channels.news.removal import (
    DELETE,
    REPLACEMENT,
    WITHDRAWAL,
    keep,
    mark_removed,
    remove_left_drafts,
    remove_published,
)
from weigov.flow.channels.news.settling import known_as_others, settle_unknown
from weigov.flow.channels.news.steps import article, paths, send
from weigov.flow.channels.news.uploads import uploaded, with_images
from weigov.flow.channels.news.watching import take_down, watch

__all__ = [
    "DELETE",
    "PLAIN",
    "REPLACEMENT",
    "WITHDRAWAL",
    "article",
    "compare",
    "confirm",
    "find_draft",
    "find_published",
    "keep",
    "kept_status",
    "known_as_others",
    "mark_removed",
    "marker",
    "paths",
    "poll",
    "remove_left_drafts",
    "remove_published",
    "send",
    "settle_unknown",
    "take_down",
    "uploaded",
    "watch",
    "with_images",
]
