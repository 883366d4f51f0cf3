"""Where a descriptor looks beside what a seal covers. Pure.

Of an answer whose signature is over its sealed text or the clear body (``sealed_body``, ``signs: sealed`` or
``plain``), the other members are dropped: anybody on the way may have written them. A rule that looks there would
find nothing, and take a write that was done for a refused one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.outcome import parse
from adapters.vocabulary import SealedBodyAuth
from weigov.yamlfile import Loc

_PATHS = ("records", "record", "remote_id", "message", "answer")
_PAGING = ("total", "pages", "has_more", "next")


def faults(it: Any) -> Iterator[tuple[Loc, str, str]]:
    """Every path and condition of a descriptor that looks beside the seal: where, what, what to do."""
    plain = next((one.plain for one in it.auth if isinstance(one, SealedBodyAuth) and one.signs != "members"), None)
    if plain is None or it.engine != "rest":
        return
    parts = list(_parts(it))
    if all(_as_it_is(chain) for _, _, chain in parts):
        yield from _told(_rules((), getattr(it, "outcome", ())), plain)
    for loc, one, chain in parts:
        if _as_it_is(chain):
            yield from _told(_looked_at(loc, one), plain)


def _parts(it: Any) -> Iterator[tuple[Loc, Any, Sequence[Any]]]:
    """Everything that is asked for and has paths, and the chain its answer is read by."""
    for word, inner in (("streams", ("detail", "attachments")), ("operations", ("query",))):
        for name, one in getattr(it, word).items():
            chain = one.decode or it.decode
            yield (word, name), one, chain
            for part in inner:
                if (call := getattr(one, part)) is not None:
                    yield (word, name, part), call, call.decode or (chain if word == "streams" else it.decode)


def _as_it_is(chain: Sequence[Any]) -> bool:
    """Whether paths lead into the answer itself: what steps take out of it has paths of its own."""
    return list(chain) in ([], ["json"])


def _looked_at(loc: Loc, one: Any) -> Iterator[tuple[Loc, str]]:
    for word in _PATHS:
        path = getattr(one, word, None)
        if path and not (word == "remote_id" and getattr(one, "records", None)):  # there a column of the row
            yield (*loc, word), path
    paging = getattr(one, "paging", None)
    yield from (((*loc, "paging", word), path) for word in _PAGING if (path := getattr(paging, word, None)))
    for word in ("success", "found"):
        if getattr(one, word, None):
            yield from _condition((*loc, word), getattr(one, word))
    yield from _rules(loc, one.outcome)


def _rules(loc: Loc, rules: Sequence[Any]) -> Iterator[tuple[Loc, str]]:
    for i, rule in enumerate(rules):
        yield from _condition((*loc, "outcome", i, "when"), rule.when)
        if rule.message:
            yield (*loc, "outcome", i, "message"), rule.message


def _condition(loc: Loc, text: str) -> Iterator[tuple[Loc, str]]:
    condition = parse(text)
    if not condition.about_http:
        yield loc, condition.path


def _told(looked_at: Iterator[tuple[Loc, str]], plain: str) -> Iterator[tuple[Loc, str, str]]:
    for loc, path in looked_at:
        if path != "." and path.partition(".")[0] != plain:
            yield (
                loc,
                f"{path} stands beside what is signed, and is not taken",
                f"look into {plain}.…, the opened body",
            )
