"""What the first batch of an exchange table or a file shows: they have no pages to compare, but signs to count.

Nothing is signed. Counts and names of columns are shown, never a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from adapters.exchange.table import TableSystem
from adapters.look.findings import unnamed
from adapters.look.found import Findings
from adapters.look.unstored import Look
from adapters.vocabulary import Stream, TableSource, Withdrawn
from weigov.errors import RemoteError
from weigov.records import Record


def by_batch(look: Look, stream: Stream, name: str) -> Findings:
    """Look at one stream. Raises what a read raises."""
    found = Findings()
    batch = next(iter(look.batches(name)), None)
    records, rejected = (batch.records, batch.rejected) if batch else ((), ())
    found.facts["rows"] = f"{len(records) + len(rejected)} in the first batch"
    if isinstance(look.system, TableSystem) and stream.table is not None:
        _table(found, look.system, stream.table, name, records, batch.cursor if batch else None)
    for reason, count in Counter(one.reason for one in rejected).items():
        field_name = reason.partition(" ")[0]
        loc = ("streams", name, "fields", field_name) if field_name in stream.fields else ("streams", name)
        found.no(loc, f"{count} of {len(records) + len(rejected)} rows would be quarantined: {reason}")
    rules = [rule.field for rule in stream.withdrawn if isinstance(rule, Withdrawn)]
    if rules and records:
        gone = sum(record.withdrawn for record in records)
        found.facts["withdrawn"] = f"{', '.join(rules)}: {gone} of {len(records)} rows are withdrawn"
    never = [field for field in stream.fields if all(record.get(field) is None for record in records)]
    if never and records:
        found.facts["never filled"] = ", ".join(never)
    known = {*rules, *_read_besides(stream)}
    unnamed(found, dict.fromkeys(column for record in records for column in record.extra if column not in known))
    for note in batch.notes if batch else ():
        found.no(("streams", name, "contract"), note)
    return found


def _table(
    found: Findings, system: TableSystem, rule: TableSource, name: str, records: Sequence[Record], cursor: str | None
) -> None:
    if rule.sign is not None:
        try:
            signs = system.signs(name)
        except RemoteError:  # counting a long table may take longer than its owner allows
            found.facts["sign"] = f"{rule.sign.column}: cannot be counted"
        else:
            others = "".join(f", {signs[word]} {word}" for word in ("failed", "of neither") if signs[word])
            found.facts["sign"] = (
                f"{rule.sign.column}: {signs['unread']} unread, {signs['read']} read already{others}"
            )
    if rule.version is not None and records:
        without = sum(record.extra.get(rule.version) in (None, "") for record in records)
        how = f"{without} of {len(records)} rows have none" if without else "every row has one"
        found.facts["version"] = f"{rule.version}: {how}"
    if rule.cursor is not None:
        upto = f", after the first batch {cursor}" if cursor else ""
        found.facts["cursor"] = f"{rule.cursor.column}: a {rule.cursor.kind}{upto}"


def _read_besides(stream: Stream) -> Iterator[str]:
    """Columns that are read for something else than a field."""
    if stream.contract is not None:
        yield from stream.contract.columns
    if (rule := stream.table) is None:
        return
    yield from (*rule.key_then, *rule.where, *rule.order)
    for companion in rule.with_.values():
        yield from companion.on.values()
    yield from (rule.sign.column,) if rule.sign else ()
    yield from (rule.version,) if rule.version else ()
    yield from (rule.cursor.column,) if rule.cursor else ()
