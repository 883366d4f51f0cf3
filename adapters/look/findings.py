"""What an observation shows of a stream, and what of it contradicts the descriptor. Pure.

Facts name columns, counts and times. Of values only short codes are shown, such as a state's; never a person's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from adapters import contract, paths
from adapters.cursors import formats_of
from adapters.look.found import Findings, Loc
from adapters.look.observe import AHEAD, MOST_ROWS, Seen
from adapters.look.pages import judge_pages
from adapters.look.personal import is_personal, is_secret
from adapters.outcome import plain
from adapters.times import needs_zone
from adapters.vocabulary import Descriptor, TimeRule, Withdrawn
from weigov.yamlfile import did_you_mean

_CHINA = timedelta(hours=8)
_MAX_NAMES = 12
_MAX_CODES = 8


def judge(seen: Seen, descriptor: Descriptor, name: str, named: frozenset[str]) -> Findings:
    """``named`` are the columns the descriptor's words name."""
    found = Findings()
    at = ("streams", name)
    _rows(seen, found, at)
    if seen.first.count and not any(seen.first.keys):
        found.facts["not judged"] = "the rest, until these are rows with a key"
    elif seen.first.count:
        judge_pages(seen, found, at)
        _cursor(seen, found, at, descriptor.time)
        _fields(seen, found, at)
        _contract(seen, found, at, named)
        _withdrawn(seen, found, at)
        _columns(seen, found, named)
    return found


def _rows(seen: Seen, found: Findings, at: Loc) -> None:
    first, rule = seen.first, seen.stream.paging
    of = f", of {first.told.total} in all" if first.told.total is not None else ""
    asked = f" of {rule.size}" if rule else ""
    found.facts["rows"] = f"{first.count} on the first page{asked}{of}" if first.count else "none"
    if seen.parent is not None:
        found.facts["rows"] += f", for {seen.stream.for_each.as_ if seen.stream.for_each else ''} {seen.parent.key}"
    if seen.their_clock is not None and abs(off := seen.their_clock - seen.now) > timedelta(minutes=2):
        found.facts["clock"] = f"theirs is {_span(abs(off))} {'ahead of' if off > timedelta(0) else 'behind'} ours"
    without = sum(not key for key in first.keys)
    if without:
        found.no(
            (*at, "key"),
            f"{without} of {len(first.keys)} rows have no {seen.stream.key}",
            _near(seen, seen.stream.key) or ("" if any(first.keys) else f"{_has(seen)}: is `records` right?"),
        )
    keys = Counter(key for key in first.keys if key)
    if twice := sum(count > 1 for count in keys.values()):
        found.no(
            (*at, "key"), f"{twice} keys stand on the page more than once", "name the column that identifies a row"
        )
    elif keys:
        found.facts["keys"] = f"{seen.stream.key}: unique on the page"


def _cursor(seen: Seen, found: Findings, at: Loc, outer: TimeRule | None) -> None:
    rule = seen.stream.cursor
    if rule is None:
        return
    if rule.kind == "opaque":
        given = seen.first.told.next is not None or (seen.second is not None and seen.second.told.next is not None)
        found.facts["cursor"] = f"the list's own token, which {'came' if given else 'did not come'} with it"
        return
    here = (*at, "cursor")
    column, looked = rule.field or "", len(seen.first.rows)
    if seen.unread_marks:
        why = Counter(seen.unread_marks).most_common(1)[0][0]
        found.no((*here, "field"), f"{column} {why} in {len(seen.unread_marks)} of {looked} rows", "name its format")
    without = looked - len(seen.marks) - len(seen.unread_marks)
    if without:
        hint = _near(seen, column) or "a row without it is only read on a first pull: name one that every row has"
        found.no((*here, "field"), f"{without} of {looked} rows have no {column}", hint)
    if not seen.marks:
        return
    zone = rule.zone or (seen.stream.time or outer or TimeRule(format=("iso",))).zone
    oldest, newest = min(seen.marks), max(seen.marks)
    order = _order(seen.marks)
    found.facts["cursor"] = f"{column}: {_mark(oldest, zone)} to {_mark(newest, zone)}, {order}"
    if rule.order and order not in (rule.order, "all the same"):
        found.no(
            (*here, "order"),
            f"the rows of the page are {order} by {column}",
            "leave `order` out, or ask for that order",
        )
    if isinstance(newest, datetime):
        _zone(max([*seen.live_marks, *seen.to_come], default=newest), seen, found, outer)
        _future(max([*seen.live_marks, *seen.to_come], default=oldest), seen, found, at, outer)
    _filter(seen, found, here)


def _zone(newest: datetime, seen: Seen, found: Findings, outer: TimeRule | None) -> None:
    """A wrong zone shows in rows from the future, and only where there are rows of the last hours."""
    rule = seen.stream.cursor
    formats, _ = formats_of(rule, seen.stream.time, outer) if rule else ((), "")
    if any(needs_zone(form) for form in formats) and seen.now - newest > _CHINA:
        found.facts["zone"] = f"cannot be judged: the newest row seen is {_span(seen.now - newest)} old"


def _future(newest: datetime, seen: Seen, found: Findings, at: Loc, outer: TimeRule | None) -> None:
    now = seen.now
    if newest - now <= AHEAD:
        return
    rule = seen.stream.cursor
    if rule is not None and rule.zone:
        loc: Loc = (*at, "cursor", "zone")
    else:
        loc = (*at, "time", "zone") if seen.stream.time else ("time", "zone")
    ahead = newest - now
    hint = "is it the zone? or a clock that is wrong?"
    if abs(ahead - _CHINA) < timedelta(hours=1, minutes=30):
        hint = "the zone is probably wrong: the system seems to write China's time"
    found.no(loc, f"the newest row is {_span(ahead)} in the future", hint)


def _filter(seen: Seen, found: Findings, here: Loc) -> None:
    rule, since, asked = seen.stream.cursor, seen.since, seen.asked_from
    assert rule is not None
    if rule.filter == "client":
        found.facts["filter"] = "ours: the system lists everything"
        return
    if since is None:
        return
    # Some filters cut fractions of a second, or the second itself: what is that near was asked for.
    slack = timedelta(seconds=1) if isinstance(asked, datetime) else 0
    older = sum(mark < asked - slack for mark in seen.since_marks)
    newest = max(seen.marks)
    itself = newest in seen.since_marks
    if older:
        what = (
            f"asked from the newest row, {older} of {since.count} rows that came are older: the filter does not work"
        )
        found.no(here, what, "does the request name it rightly? else say filter: client")
    elif rule.bound == "inclusive" and not itself and min(seen.marks) < newest:
        what = "asked from the newest row's own mark, that row did not come: its filter leaves the mark itself out"
        found.no((*here, "bound"), what, "say bound: exclusive")
    else:
        found.facts["filter"] = f"works, and {'includes' if itself else 'leaves out'} the mark itself"


def _fields(seen: Seen, found: Findings, at: Loc) -> None:
    if seen.detail_failed:
        found.no((*at, "detail"), f"the detail of the first row: {seen.detail_failed}")
    elif seen.stream.detail is not None:
        found.facts["detail"] = "one was read"
    reasons = Counter(reason for reasons in seen.rejected for reason in reasons)
    for reason, count in reasons.items():
        field_name = reason.partition(" ")[0]
        loc = (*at, "fields", field_name) if field_name in seen.stream.fields else at
        found.no(loc, f"{count} of {len(seen.whole)} rows would be quarantined: {reason}")
    never: list[str] = []
    absent: list[str] = []
    for name, rule in seen.stream.fields.items():
        if rule.from_ is None or not seen.whole:
            continue
        if all(record.get(name) is None for record in seen.records):
            bare = "." not in rule.from_
            (absent if bare and not any(rule.from_ in row for row in seen.whole) else never).append(name)
    for name in absent:
        column = seen.stream.fields[name].from_ or ""
        near = _near(seen, column)
        if near:
            found.no((*at, "fields", name), f"no row has a column {column}", near)
        else:
            never.append(name)
    if never:
        of = "in the one that was read in full" if seen.stream.detail else f"in {len(seen.whole)} rows"
        found.facts["never filled"] = f"{', '.join(never)} ({of})"


def _contract(seen: Seen, found: Findings, at: Loc, named: frozenset[str]) -> None:
    if seen.stream.contract is None:
        return
    promise = contract.Promise(seen.stream.contract, named)
    broken = Counter(reason for row in seen.whole for reason in promise.broken(row))
    for reason, count in broken.items():
        found.no((*at, "contract"), f"{count} of {len(seen.whole)} rows: {reason}")
    for note in promise.notes():
        found.no((*at, "contract"), note)
    if not broken:
        found.facts["contract"] = f"kept by {len(seen.whole)} rows"


def _withdrawn(seen: Seen, found: Findings, at: Loc) -> None:
    shown = []
    for rule in seen.stream.withdrawn:
        if not isinstance(rule, Withdrawn):
            continue
        get = paths.dotted(rule.field)
        values = Counter(plain(get(row)) for row in seen.first.rows if get(row) is not None)
        if not values:
            found.no((*at, "withdrawn"), f"no row has a column {rule.field}", _near(seen, rule.field))
        elif is_personal(rule.field) or len(values) > _MAX_CODES or any(len(value) > 20 for value in values):
            shown.append(f"{rule.field} has {len(values)} different values")
        else:
            shown.append(
                f"{rule.field} "
                + ", ".join(f"{value!r} {n} time{'s' * (n != 1)}" for value, n in values.most_common())
            )
    if shown:
        found.facts["withdrawn"] = "; ".join(shown)


def _columns(seen: Seen, found: Findings, named: frozenset[str]) -> None:
    known = named | {path.partition(".")[0] for path in _read_besides(seen)}
    unnamed(found, dict.fromkeys(column for row in seen.whole for column in row if column not in known))


def unnamed(found: Findings, columns: Iterable[str]) -> None:
    """Columns that no field names, and those among them that hold persons."""
    others = list(columns)
    if others:
        found.facts["nobody maps"] = _listed(others)
    people = [column for column in others if is_personal(column) or is_secret(column)]
    if people:
        found.facts["of people"] = f"{_listed(people)}: kept in the mirror as extra, though no field names them"


def _read_besides(seen: Seen) -> Iterator[str]:
    """Columns that are read for something else than a field."""
    stream = seen.stream
    if stream.cursor and stream.cursor.field:
        yield stream.cursor.field
    yield from (rule.field for rule in stream.withdrawn if isinstance(rule, Withdrawn))
    if stream.contract:
        yield from stream.contract.columns


def _has(seen: Seen) -> str:
    names = list(dict.fromkeys(name for row in seen.first.rows for name in row))
    return f"the rows have {_listed(names)}" if names else "the rows have no columns"


def _near(seen: Seen, column: str) -> str:
    """``did you mean X?`` when a column of the rows looks like it."""
    names = {name for row in seen.first.rows[:MOST_ROWS] for name in row} | {
        name for row in seen.whole for name in row
    }
    said = did_you_mean(column, names)
    return said if said.startswith("did you mean") else ""


def _order(marks: Sequence[Any]) -> str:
    pairs = list(pairwise(marks))
    if all(a == b for a, b in pairs):
        return "all the same" if pairs else "one row"
    if all(a <= b for a, b in pairs):
        return "ascending"
    return "descending" if all(a >= b for a, b in pairs) else "in no order"


def _mark(mark: Any, zone: str) -> str:
    if not isinstance(mark, datetime):
        return str(mark)
    return f"{mark.astimezone(ZoneInfo(zone) if zone else UTC):%Y-%m-%d %H:%M} {zone or 'UTC'}"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h" if minutes < 2880 else f"{span.days} days"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
