"""Pages out of templates: autoescaped, in the reader's language, under a policy that runs only our own files."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Scope

from weigov.board.guard import Guard, Permission, Person
from weigov.board.words import LANGS, Words, choose
from weigov.ledger.board import CAP

STATIC = ("board.css", "board.js")
COOKIE = "weigov_lang"
#: No inline script or style, nothing from elsewhere; framed by Airflow's own pages only.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; connect-src 'none'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Renderer:
    """Makes pages for one board."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._jinja = Environment(
            loader=PackageLoader("weigov.board"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.filters |= {"when": _when, "count": _count, "span": _span, "bare": _bare}

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """``template`` for whoever asks."""
        words = words_of(request)
        person: Person | None = getattr(request.state, "person", None)

        def may(permission: Permission, about: str = "") -> bool:
            return person is not None and self._guard.may(person, permission, about)

        html = self._jinja.get_template(template).render(
            t=words,
            lang="zh-CN" if words.lang == "zh" else "en",
            root=root_of(request),
            here=request.url.path.removeprefix(root_of(request)).strip("/"),
            other=next(lang for lang in LANGS if lang != words.lang),
            switch=_switched(request, next(lang for lang in LANGS if lang != words.lang)),
            person=person,
            may=may,
            cap=CAP,
            **{"zone": None, **values},
        )
        answer = HTMLResponse(html, status_code=status, headers=HEADERS)
        asked = request.query_params.get("lang", "")
        if asked in LANGS:
            answer.set_cookie(
                COOKIE, asked, max_age=365 * 86400, path=root_of(request) or "/", httponly=False, samesite="lax"
            )
        return answer


def words_of(request: Request) -> Words:
    """The words in the language of whoever asks."""
    asked = request.query_params.get("lang", "")
    return Words(choose(asked, request.cookies.get(COOKIE, ""), request.headers.get("accept-language", "")))


def root_of(request: Request) -> str:
    """Where the board is mounted, without a slash at the end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def static(name: str) -> Response:
    """One of our own files."""
    if name not in STATIC:
        return Response(status_code=404, headers=HEADERS)
    data = files(__package__).joinpath("static", name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(data, media_type=kind, headers=HEADERS | {"Cache-Control": "private, max-age=300"})


def _switched(request: Request, lang: str) -> str:
    """The query of this page in the other language."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return urlencode([*query, ("lang", lang)])


@pass_context
def _when(scope: Scope, at: datetime | None) -> str:
    zone: tzinfo = scope["zone"]
    words: Words = scope["t"]
    return words.moment(at, zone)


@pass_context
def _count(scope: Scope, n: int | None) -> str:
    words: Words = scope["t"]
    return "—" if n is None else words.count(n, CAP)


@pass_context
def _span(scope: Scope, length: timedelta | None) -> str:
    words: Words = scope["t"]
    return "—" if length is None else words.span(length)


def _bare(target: str) -> str:
    return target.partition(":")[2] or target


def sentence_values(values: Mapping[str, Any], words: Words, zone: tzinfo) -> dict[str, Any]:
    """Values as a sentence shows them: moments in the zone, spans in words, counts capped, reasons translated."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, datetime):
            value = words.moment(value, zone)
        elif isinstance(value, timedelta):
            value = words.span(value)
        elif name == "n" and isinstance(value, int):
            value = words.count(value, CAP)
        elif name == "why":
            value = words.reason(str(value))
        found[name] = value
    return found
