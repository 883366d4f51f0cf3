"""What of a faulty descriptor can be cross-checked all the same: every part, once what is wrong in it is taken out.

A word that is nearly one is taken for it, and a value that others depend on gets a stand-in, so that one slip does
not bring faults that are none. Where even that leaves a part in doubt, it is not checked further. Nothing here is
used for work.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.vocabulary import Closed, NoAuth, Operation, Stream, TimeRule
from adapters.vocabulary.auth import Auth
from weigov.errors import Fault
from weigov.yamlfile import Loc, words_at

M = TypeVar("M", bound=BaseModel)

_ROUNDS = 4
_NEAR = 0.75  # nearer than for a hint: a word that is taken for another must be it
#: What a faulty value is taken for, so that what depends on it can still be judged.
_STAND_INS: Mapping[str, Any] = {
    "zone": "UTC", "format": "iso", "schedule": "0 0 * * *", "key": "key", "method": "POST",
}  # fmt: skip
#: Parts of a stream or operation that decide what the others may say: without one, nothing is certain.
_DECISIVE = frozenset(
    {"kind", "request", "paging", "cursor", "for_each", "decode", "time", "query", "table", "files"}
)


class Sound:
    """As a descriptor, from what its file holds."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.system = raw.get("system")
        self.engine = raw.get("engine")
        self.wsdl = raw.get("wsdl")
        self.auth = tuple(_auth(one) for one in _listed(raw.get("auth")))
        self.time = None if raw.get("time") is None else mended(TimeRule, raw["time"])
        self.decode: Sequence[Any] = raw["decode"] if isinstance(raw.get("decode"), list) else ()
        self.streams = _all(Stream, raw.get("streams"))
        self.operations = _all(Operation, raw.get("operations"))
        self.all_streams = raw["streams"] if isinstance(raw.get("streams"), dict) else {}
        self._raw = raw

    def holds(self, loc: Loc) -> bool:
        """Whether the file has what is around ``loc``, under that name."""
        around = [part for part in loc[:-1] if isinstance(part, str)]
        return [part for part in _follow(self._raw, loc[:-1])[1] if isinstance(part, str)] == around


def unexplained(crossed: Iterator[Fault], known: Sequence[Fault]) -> list[Fault]:
    """Those of ``crossed`` that are not about a place, or around a place, that is ``known`` to be faulty."""
    paths = [fault.path for fault in known if fault.path]
    return [
        fault
        for fault in crossed
        if not any(fault.path == path or path.startswith(f"{fault.path}.") for path in paths)
    ]


def mended(model: type[M], raw: Any) -> M | None:
    """``raw`` as ``model``, without what is wrong in it; None where that leaves too little."""
    value = copy.deepcopy(raw)
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False)[::-1]  # from the end: what is taken out of a list moves the rest
            found.sort(key=lambda one: one["type"] != "extra_forbidden")  # it may be what is missing
            if not all([_mend(model, value, one["loc"], one["type"]) for one in found]):
                return None
    return None


class _OneAuth(Closed):
    auth: Auth


def _auth(raw: Any) -> Any:
    found = mended(_OneAuth, {"auth": raw})
    return found.auth if found else NoAuth()


def _all(model: type[M], raw: Any) -> dict[str, M]:
    if not isinstance(raw, dict):
        return {}
    return {name: one for name, value in raw.items() if (one := mended(model, value)) is not None}


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [] if raw is None else [raw]


def _mend(model: type[BaseModel], value: Any, loc: Loc, kind: str) -> bool:
    """Mend what ``loc`` blames; False when ``value`` cannot be judged without it."""
    missing = kind == "missing"
    node, path = _follow(value, loc[:-1] if missing else loc)
    if missing and isinstance(node, dict):
        if loc[-1] in node:
            return True  # under a name that was nearly this
        if loc[-1] in _STAND_INS:
            node[loc[-1]] = _STAND_INS[str(loc[-1])]
            return True
    if not path:
        return bool(loc) and len(loc) > 1 and loc[0] not in value  # it was taken out already
    last = path[-1]
    holder, _ = _follow(value, path[:-1])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(last), words_at(model, loc[:-1]), n=1, cutoff=_NEAR)
        taken = holder.pop(last)
        if near:
            holder.setdefault(near[0], taken)
        return True
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if name in _STAND_INS and not missing:
        holder[last] = _STAND_INS[name]
        return True
    if len(path) == 1 and last in _DECISIVE:
        return False
    del holder[last]
    return True


def _follow(value: Any, loc: Loc) -> tuple[Any, list[str | int]]:
    """What stands at ``loc``, and the parts of it that are there: the others are tags of unions."""
    path: list[str | int] = []
    for part in loc:
        if part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value)):
            path.append(part)
            value = value[part]
    return value, path
