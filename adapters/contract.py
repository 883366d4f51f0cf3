"""What an upstream promised of its rows, and what happens when a row does not hold it. Pure.

A drift is accepted, warned of (the record goes on; the run says how often) or costs its record the publication, as
the descriptor says for each column. All of a row's violations are told at once; none quotes a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from adapters import paths
from adapters.outcome import plain
from adapters.vocabulary import Contract, Expected


class Promise:
    """A contract, and the drifts of one run."""

    def __init__(self, contract: Contract, named: frozenset[str]) -> None:
        """``named`` are the columns the descriptor itself reads: with the contract's, those somebody knows of."""
        self._columns = [(name, paths.dotted(name), rule) for name, rule in contract.columns.items()]
        self._warn_of_others = contract.others == "warn"
        self._known = named | {name.partition(".")[0] for name in contract.columns}
        self._drifts: Counter[str] = Counter()

    def broken(self, row: Mapping[str, Any]) -> list[str]:
        """Why this row must not be published; what is only warned of is remembered."""
        reasons = []
        for name, get, rule in self._columns:
            found = _drift(get(row), rule)
            if not found or rule.drift == "accept":
                continue
            if rule.drift == "quarantine":
                reasons.append(f"column {name}: {found}, against the contract")
            else:
                self._drifts[f"column {name}: {found}"] += 1
        if self._warn_of_others:
            for name in row:
                if name not in self._known:
                    self._drifts[f"column {name} is new: nobody has named it"] += 1
        return reasons

    def notes(self) -> list[str]:
        """The drifts warned of since the last call, with how many rows showed each."""
        said = [f"{drift} ({count} row{'s' if count > 1 else ''})" for drift, count in self._drifts.items()]
        self._drifts.clear()
        return said


def _drift(value: Any, rule: Expected) -> str:
    if value is None or value == "":
        return "is missing" if rule.required else ""
    if not _TYPES[rule.type](value):
        return f"is no {rule.type}"
    if rule.values and plain(value) not in rule.values:
        return "holds none of the agreed values"
    if rule.max is not None and len(plain(value)) > rule.max:
        return f"is longer than {rule.max} characters"
    return ""


def _is_number(value: Any) -> bool:
    try:
        float(plain(value))
    except ValueError:
        return False
    return not isinstance(value, (bool, dict, list))


def _is_integer(value: Any) -> bool:
    return not isinstance(value, bool) and plain(value).strip().lstrip("+-").isdecimal()


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: not isinstance(value, (dict, list)),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: plain(value).lower() in ("true", "false", "1", "0", "y", "n", "yes", "no"),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}
