"""The words of a flow's ``map:``, ``link:`` and of a code list, as typed models.

Only shapes: nothing here converts, renders or reads files, and nothing heavy is imported, because DAG parsing loads
it. ``weigov.site`` builds flows out of these; ``apply`` carries them out. The vocabulary is closed: a new need is a
new named step with a test, never an expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

#: The named steps; ``steps.STEPS`` holds what each does.
Step = Literal[
    "strip",
    "collapse_space",
    "first_line",
    "plain_text",
    "require_http",
    "require_https",
    "mask_name",
    "mask_id",
]

#: What a ``news`` target may map. Those in REQUIRED_NEWS_FIELDS must come out non-empty:
#: government text leads back to where it was first published (阅读原文).
NEWS_FIELDS = ("title", "author", "digest", "content", "source_url", "cover")
REQUIRED_NEWS_FIELDS = frozenset({"title", "content", "source_url"})
#: What it may map ``as: newspic`` (图片消息), all of it required: up to 20 pictures and a plain text.
NEWSPIC_FIELDS = ("title", "content", "images", "source_url")


#: form of a customer-service message → (what it may map, what it cannot do without).
CUSTOM_FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "text": (frozenset({"content"}), frozenset({"content"})),
    "news": (frozenset({"title", "description", "url", "picture"}), frozenset({"title", "url"})),
    "article": (frozenset({"article_id"}), frozenset({"article_id"})),
    "menu": (
        frozenset({"head", "tail", *(f"choice{n}" for n in range(1, 6))}),
        frozenset({"head", "choice1"}),
    ),
}


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FieldRule(Strict):
    """How one field of the target is filled: from a field, a layout, or a fixed text.

    ``max`` counts characters and never cuts: a longer value falls back to the field named by ``or`` (the short
    form), and rejects the record when that does not fit either.
    """

    from_: str | None = Field(default=None, alias="from")
    layout: str | None = None
    value: str | None = Field(default=None, min_length=1)
    or_: str | None = Field(default=None, alias="or")
    steps: tuple[Step, ...] = ()
    max: PositiveInt | None = None
    code: str | None = None
    version_from: str | None = None
    format: str | None = None

    def sources(self) -> tuple[str, ...]:
        """The record fields named here (a layout's own are not)."""
        return tuple(name for name in (self.from_, self.or_, self.version_from) if name)


class Link(Strict):
    """Where a tap leads: one of our pages, an address whose ``{names}`` are filled from the record, or the address
    that stands in a field of the record."""

    page: str | None = None
    url: str | None = None
    from_: str | None = Field(default=None, alias="from")
    with_: Mapping[str, str] = Field(default_factory=dict, alias="with")

    def sources(self) -> tuple[str, ...]:
        """The record fields named here."""
        return (*([self.from_] if self.from_ else []), *self.with_.values())


class CodeList(Strict):
    """What a standard's codes mean, by version of the standard.

    A record without a version is read by the version called ``default``, where there is one.
    """

    name: str
    versions: Mapping[str, Mapping[str, str]]


class Mapped(Protocol):
    """What ``apply`` needs to know of a flow."""

    @property
    def flow(self) -> str: ...
    @property
    def map(self) -> Mapping[str, FieldRule]: ...
    @property
    def link(self) -> Link | None: ...
