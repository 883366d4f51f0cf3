"""How a no is told, so that whoever reads it knows what to look at: the rule that fitted, the line of the descriptor.

What an answer means is decided in ``outcome``; here it is only put into words. Of an answer no value is shown, only
the names it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lxml import etree

from adapters import decode, outcome
from adapters.auth import LogIn
from adapters.vocabulary import Descriptor, OutcomeRule
from adapters.wire import Reply
from weigov.errors import ConfigError, RemoteRefused
from weigov.yamlfile import Loc, YamlFile

_MOST_NAMES = 12
_MOST_BYTES = 100_000  # of an answer to a log-in that is looked through for names
_DEPTH = 3
_NAME = re.compile(r"[^\W\d][\w-]{0,40}")  # what else stands for a key may be a value


class ByRule(RemoteRefused):
    """It said no, by an outcome rule of the descriptor: ``rule`` is the rule's ``when``."""

    rule = ""

    @classmethod
    def of(cls, system: str, operation: str, message: str, *, code: str | None, rule: str) -> RemoteRefused:
        """Refused: by ``rule``, or where that is '' by itself."""
        if not rule:
            return RemoteRefused(system, operation, message, code=code)
        error = cls(system, operation, message, code=code)
        error.rule = rule
        return error


def rule_of(
    rules: Sequence[OutcomeRule], answer: decode.Answer | None, reply: Reply, *, fault: bool = False
) -> str:  # fmt: skip
    """The ``when`` of the first rule that fits an answer; '' where none does."""
    value: Callable[[str], Any] | None = answer.value if answer else None
    for rule in rules:
        if outcome.judge([rule], value, reply.status, reply.headers, fault=fault).by_rule:
            return rule.when
    return ""


def by(rule: str) -> str:
    """``by the rule `when: …```."""
    return f"by the rule `when: {rule}`"


def of_log_in(
    error: RemoteRefused, said: str, descriptor: Descriptor, asked: LogIn, connection: str, address: str
) -> str:
    """What is to be said of a log-in that was refused. ``said``: the error's own words."""
    if error.code in ("404", "405") and f"HTTP {error.code}" in said:
        words = ("token_url",) if asked.ready else ("request", "path")
        return (
            f"there is none (HTTP {error.code}): is the path right ({_place(descriptor, asked.rule, *words)})? "
            f"is {address} the right address in connection {connection}?"
        )
    rule = error.rule if isinstance(error, ByRule) and not asked.ready else ""  # else it is nobody's to change
    which = f" ({by(rule)})" if rule and rule not in said else ""
    return f"{said}{which}: check login and password of connection {connection}"


def no_token(descriptor: Descriptor, asked: LogIn, reply: Reply | None) -> str:
    """What is to be said of a log-in whose answer holds no token where one should be."""
    words = () if asked.ready else ("token",)
    has = "it had no answer"
    if reply is not None:
        found = list(dict.fromkeys(_names(asked.token, reply)))
        more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
        has = f"the answer has {', '.join(found[:_MOST_NAMES]) or 'no names'}{more}"
    return (
        f"gave no token at {asked.token} ({_place(descriptor, asked.rule, *words)}): {has}. "
        "Is it under another name, or did it say no, and no outcome rule knows how?"
    )


def _place(descriptor: Descriptor, auth: Any, *words: str) -> str:
    """``descriptor FILE:LINE auth.request.path``."""
    i = next((i for i, rule in enumerate(descriptor.auth) if rule is auth), 0)
    loc: Loc = ("auth", i, *words)
    try:
        fault = YamlFile(descriptor.file).fault(loc, "")
    except ConfigError:  # one that never was a file
        return f"descriptor {descriptor.system} {'.'.join(('auth', *words))}"
    return f"descriptor {descriptor.file}:{fault.line} {fault.path}"


def _names(path: str, reply: Reply) -> Iterator[str]:
    """The names in an answer, written as a path would be."""
    if path.startswith("http."):
        yield from reply.headers
        return
    content = reply.content
    if not isinstance(content, bytes) or len(content) > _MOST_BYTES:
        return
    try:
        yield from _keys(json.loads(content))
    except ValueError:
        yield from _elements(content)


def _keys(value: Any, before: str = "", depth: int = _DEPTH) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if not _NAME.fullmatch(key):
            continue
        deeper = list(_keys(inner, f"{before}{key}.", depth - 1)) if depth > 1 else []
        yield from deeper or [before + key]


def _elements(content: bytes) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return
    for one in root.iter("{*}*"):
        if not len(one):
            yield f"//{etree.QName(one).localname}"
