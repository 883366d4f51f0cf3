"""The chain: each step takes what the one before it left, the last one reads rows.

``soap``, ``xml`` and ``json`` read rows as they arrive and may stand alone on a long answer; every other step needs
the whole of what it takes apart, so with one of those an answer is bounded to 64 MiB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters import paths, spool, vocabulary
from adapters.decode import charset, mime, multiref, packed, text
from adapters.decode.answer import Answer, OuterAnswer, Undecodable, refuse_html
from adapters.decode.dataset import current_row
from adapters.decode.json import JsonAnswer
from adapters.decode.rows import row
from adapters.decode.xml import MakeRow, XmlAnswer, slashed


@dataclass(slots=True)
class _Asked:
    """What the answer will be asked for."""

    records: str
    values: frozenset[str]
    conditions: frozenset[str]


@dataclass(slots=True)
class _State:
    """What a step hands to the next."""

    body: spool.Body
    charset: str  # as far as somebody outside the bytes said it
    content_type: str
    unicode: bool = False  # it was a text already: UTF-8 now, whatever its prolog says
    make_row: MakeRow = row
    outer: dict[str, Any] = field(default_factory=dict)  # what the layers around it said, by path
    damaged: bool = False
    repairs: set[str] = field(default_factory=set)

    def whole(self) -> bytes:
        """Raises Undecodable."""
        if isinstance(self.body, bytes):
            return self.body
        if self.body.size > packed.MAX_BYTES:
            raise Undecodable(f"it is longer than {packed.MAX_BYTES >> 20} MiB, which this chain must hold whole")
        return self.body.whole()

    def encoding(self, override: str = "") -> str:
        """The encoding to read it in. After a text nobody's word counts any more."""
        return (
            self.charset if self.unicode else override or charset.declared(spool.head(self.body, 200)) or self.charset
        )

    def became(self, body: bytes, *, unicode: bool = True) -> None:
        self.body, self.unicode = body, unicode
        self.charset = "utf-8" if unicode else ""


def read(
    body: spool.Body, chain: Sequence[Any], *, content_type: str = "", records: str = ".",
    values: Iterable[str] = (), conditions: Iterable[str] = (),
) -> Answer:  # fmt: skip
    """Decode ``body`` along ``chain``. ``values`` are the paths that will be asked for besides ``records``;
    ``conditions`` those that must be final before the first row is used.

    Raises Undecodable.
    """
    refuse_html(spool.head(body, 512))
    asked = _Asked(records, frozenset(values), frozenset(conditions))
    state = _State(body, charset.of_content_type(content_type), content_type)
    for step in chain:
        name, argument = _named(step)
        done = _STEPS[name](state, argument, asked)
        if done is not None:
            done.damaged = done.damaged or state.damaged
            done.repairs |= state.repairs
            return done
    raise Undecodable("nothing in the decode chain reads it (end it with xml or json)")


def _named(step: Any) -> tuple[str, str]:
    """A step's name and what it was told."""
    if isinstance(step, vocabulary.Closed):
        (name,) = type(step).model_fields
        return name.rstrip("_"), str(getattr(step, name))
    return str(step), ""


Step = Callable[[_State, str, _Asked], Answer | None]
"""Changes the state, or gives the answer."""


def _xml(state: _State, override: str, asked: _Asked) -> Answer:
    return XmlAnswer(
        state.body, state.encoding(charset.known(override)), asked.records, asked.values, asked.conditions,
        make_row=state.make_row, outer=state.outer,
    )  # fmt: skip


def _json(state: _State, override: str, asked: _Asked) -> Answer:
    named = state.charset if state.unicode else charset.known(override) or state.charset
    return JsonAnswer(state.body, named, asked.records, outer=state.outer)


def _soap_string(state: _State, path: str, asked: _Asked) -> Answer | None:
    data = state.whole()
    root, torn = text.tree(data, state.encoding(), state.repairs, "SOAP envelope")
    state.damaged |= torn
    response = text.body_of(root)
    if paths.local_name(response.tag) == "Fault":
        return XmlAnswer(data, state.encoding(), ".", asked.values)
    if path:
        return _inner(state, path, asked, root)
    state.became(_without_prolog(text.returned(response)))
    return None


def _text(state: _State, path: str, asked: _Asked) -> Answer | None:
    if not path.startswith("/"):
        answer = JsonAnswer(state.whole(), state.charset, ".", outer=state.outer)
        state.damaged |= answer.damaged
        state.repairs |= answer.repairs
        state.outer |= {name: value for name in _all(asked) if (value := answer.value(name)) is not None}
        return _went_in(state, answer.value(path), path)
    root, torn = text.tree(state.whole(), state.encoding(), state.repairs)
    state.damaged |= torn
    return _inner(state, path, asked, root)


def _inner(state: _State, path: str, asked: _Asked, root: Any) -> Answer | None:
    state.outer |= text.values(root, _all(asked))
    return _went_in(state, text.at(root, slashed(path)), path)


def _went_in(state: _State, found: Any, path: str) -> Answer | None:
    if found is None or found == "":
        return OuterAnswer(state.outer, f"there is no text at {path} to read on")
    if not isinstance(found, str):
        raise Undecodable(f"what stands at {path} is no text")
    state.became(_without_prolog(found))
    return None


def _without_prolog(found: str) -> bytes:
    """A prolog inside a text is a label from another life."""
    return charset.PROLOG_TEXT.sub("", found, count=1).encode("utf-8", "replace")


def _all(asked: _Asked) -> frozenset[str]:
    return asked.values | asked.conditions


def _base64(state: _State, _: str, asked: _Asked) -> None:
    state.became(packed.unbase64(state.whole()), unicode=False)


def _gzip(state: _State, _: str, asked: _Asked) -> None:
    state.became(packed.gunzip(state.whole()), unicode=False)


def _jsonp(state: _State, _: str, asked: _Asked) -> None:
    state.body = packed.uncalled(state.whole())


def _multiref(state: _State, _: str, asked: _Asked) -> None:
    root, torn = text.tree(state.whole(), state.encoding(), state.repairs)
    state.damaged |= torn
    state.became(multiref.resolved(root))
    state.make_row = multiref.typed_row


def _dataset(state: _State, _: str, asked: _Asked) -> None:
    state.make_row = current_row


def _mime(state: _State, part: str, asked: _Asked) -> None:
    found = mime.parts(state.whole(), state.content_type)
    chosen = mime.named(found, part) if part else found[0]
    state.content_type = chosen.content_type
    state.became(chosen.data, unicode=False)
    state.charset = charset.of_content_type(chosen.content_type)
    if not part and b"cid:" in chosen.data:
        root, torn = text.tree(chosen.data, state.encoding(), state.repairs)
        state.damaged |= torn
        mime.put_back(root, found)
        state.became(etree.tostring(root, encoding="utf-8"))


_STEPS: dict[str, Step] = {
    "soap": _xml,
    "xml": _xml,
    "json": _json,
    "soap_string": _soap_string,
    "text": _text,
    "base64": _base64,
    "gzip": _gzip,
    "jsonp": _jsonp,
    "multiref": _multiref,
    "dataset": _dataset,
    "mime": _mime,
}
