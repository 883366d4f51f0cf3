"""The pages that look."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from weigov.board.guard import Deployment, Guard
from weigov.board.overview import overview
from weigov.board.render import Renderer, sentence_values, words_of


def register(app: FastAPI, deployment: Deployment, renderer: Renderer, guard: Guard) -> None:
    """Add the pages."""

    @app.get("/")
    def _overview(request: Request) -> Response:
        with deployment.open() as ctx:
            found = overview(ctx, faults=deployment.faults(), gateway_problem=deployment.gateway_problem())
            words, zone = words_of(request), ctx.site.zone
            todos = [
                {
                    "level": todo.level,
                    "said": words(todo.key, **sentence_values(todo.values, words, zone)),
                    "who": words(f"who.{todo.who}"),
                    "href": todo.href,
                }
                for todo in found.todos
            ]
            most = max((day.arrived + day.under_way + day.failed for day in found.trend), default=0)
            return renderer.page(request, "overview.html", it=found, todos=todos, most=most, zone=zone, site=ctx.site)
