"""The board as a FastAPI application: which address shows what. Everything is for people who are logged in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException

from weigov.board import actions, pages
from weigov.board.form import NotOurs
from weigov.board.guard import Deployment, Guard, Person
from weigov.board.render import HEADERS, Renderer, root_of, static, words_of
from weigov.errors import ConfigError, WeigovError
from weigov.ledger.migrate import unusable


def create_app(deployment: Deployment, guard: Guard) -> FastAPI:
    """The board of ``deployment``; ``guard`` says who may."""

    reader = Depends(guard.reader)

    async def known(request: Request, person: Any = reader) -> None:
        assert isinstance(person, Person)
        request.state.person = person

    app = FastAPI(
        title="Weigov board", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(known)]
    )
    renderer = Renderer(guard)

    @app.get("/static/{name}")
    def _static(name: str) -> Response:
        return static(name)

    for register in REGISTERS:
        register(app, deployment, renderer, guard)

    @app.exception_handler(WeigovError)
    def _cannot(request: Request, error: WeigovError) -> Response:
        words, lines = words_of(request), str(error).splitlines()
        do = words("advice.lint") if isinstance(error, ConfigError) and error.faults else ""
        do = do or next(filter(None, map(words.advice, lines)), words("error.do"))
        said = [words.reason(line) for line in lines]
        return renderer.page(request, "error.html", 503, heading="error.heading", said=said, do=do)

    @app.exception_handler(DatabaseError)
    def _no_ledger(request: Request, error: DatabaseError) -> Response:
        return _cannot(request, unusable(error))

    @app.exception_handler(HTTPException)  # Starlette's, which is also what no route fits
    def _refused(request: Request, error: HTTPException) -> Response:
        if isinstance(error, NotOurs):
            return renderer.page(request, "error.html", 403, heading="act.origin", said=[])
        key = {401: "error.login", 403: "error.forbidden", 404: "error.missing"}.get(error.status_code)
        if key is None:
            return PlainTextResponse(str(error.detail), error.status_code, headers=HEADERS)
        back = f"{request.url.path}?{request.url.query}" if request.method == "GET" else f"{root_of(request)}/"
        log_in = guard.log_in(back.rstrip("?")) if error.status_code == 401 else ""
        return renderer.page(request, "error.html", error.status_code, heading=key, said=[], log_in=log_in)

    return app


#: What adds routes to the application.
REGISTERS: tuple[Callable[[FastAPI, Deployment, Renderer, Guard], None], ...] = (
    pages.register,
    actions.register,
)
