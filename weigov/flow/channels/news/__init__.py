"""Articles: pictures, cover, draft, submit; then WeChat says by event or on asking what became of it.

WeChat honours no key here. Our marker, a fragment in the article's source address, is how a draft or a published
article is found again after an answer that never came. Replacing is publishing the new one and, once it is confirmed,
deleting the old one (``effect`` remove).

Steps of publish: image (each), cover, draft, submit. Step of remove: delete.
"""

from weigov.flow.channels.news.marking import find_draft, find_published, marker
from weigov.flow.channels.news.outcome import confirm, kept_status, poll
from weigov.flow.channels.news.removal import DELETE, REPLACEMENT, WITHDRAWAL, keep, mark_removed, remove_published
from weigov.flow.channels.news.settling import settle_unknown
from weigov.flow.channels.news.steps import article, paths, send
from weigov.flow.channels.news.uploads import uploaded, with_images

__all__ = [
    "DELETE",
    "REPLACEMENT",
    "WITHDRAWAL",
    "article",
    "confirm",
    "find_draft",
    "find_published",
    "keep",
    "kept_status",
    "mark_removed",
    "marker",
    "paths",
    "poll",
    "remove_published",
    "send",
    "settle_unknown",
    "uploaded",
    "with_images",
]
