"""Whether a write that was not answered took effect, by asking the system: one answer, or a row of a list.

Only a list that was read whole can show that nothing is there; anything else leaves it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters import outcome, paths
from adapters.gone import UNCERTAIN
from adapters.outcome import plain
from adapters.template import fill
from adapters.vocabulary import OutcomeRule, Query
from adapters.walk import Get, Read, Walk, list_call, make_call
from weigov.errors import RemoteUnavailable
from weigov.ports import WriteResult
from weigov.records import digest


def find(
    system: str, operation: str, rule: Query, chain: Sequence[Any], outer: Sequence[OutcomeRule], read: Read, get: Get
) -> WriteResult | None:
    """What the system calls our write; None when it surely has none. Raises what a read raises."""
    name = f"{operation} query"
    rules = (*rule.outcome, *outer)
    if rule.records is None:
        return _one_answer(system, name, rule, chain, rules, read, get)
    wanted = [(paths.dotted(column), text, True) for column, text in fill(rule.where, get).items()]
    wanted += [(paths.dotted(column), text, False) for column, text in fill(rule.contains, get).items()]
    walk = Walk(system, list_call(name, rule.request, chain, rules, rule.records, rule.paging), rule.paging, read)
    while True:
        listed = walk.take(get)
        if listed is None:
            turn = walk.nothing()
            if turn.incomplete:
                raise RemoteUnavailable(system, name, f"its list could not be read whole: {turn.incomplete}")
            return None
        for row in listed:
            walk.saw(digest(row))
            if any(column(row) is None for column, _, _ in wanted):
                raise RemoteUnavailable(system, name, "a row of its list lacks the columns our write is known by")
            if all(_fits(plain(column(row)), plain(text), whole) for column, text, whole in wanted):
                return WriteResult(plain(paths.dotted(rule.remote_id)(row)) if rule.remote_id else "")
        turn = walk.end()
        if turn.incomplete:
            raise RemoteUnavailable(system, name, f"its list could not be read whole: {turn.incomplete}")
        if turn.done:
            if not walk.certain:
                raise RemoteUnavailable(system, name, UNCERTAIN)
            return None


def _one_answer(
    system: str, name: str, rule: Query, chain: Sequence[Any], rules: Sequence[OutcomeRule], read: Read, get: Get
) -> WriteResult | None:
    condition = outcome.parse(rule.found or "")
    path = None if condition.about_http else condition.path
    found = read(make_call(name, rule.request, chain, rules, values=(path, rule.remote_id)), get)
    if found is None:
        return None
    answer, reply = found
    shown = reply.status if condition.about_http else answer.value(condition.path)
    if shown is None and condition.sign:
        raise RemoteUnavailable(system, name, f"its answer has nothing at {condition.path}")
    if not condition.holds(shown):
        return None
    return WriteResult(plain(answer.value(rule.remote_id)) if rule.remote_id else "")


def _fits(found: str, text: str, whole: bool) -> bool:
    return bool(text) and (found == text if whole else text in found)
