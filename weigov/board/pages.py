"""The pages that look. What is personal is asked for by POST, so that it is in no address and no log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from weigov.board import incidents, item, phone, why
from weigov.board.form import check_origin, read_form
from weigov.board.guard import Deployment, Guard, Person
from weigov.board.incidents import Incidents
from weigov.board.overview import overview
from weigov.board.render import HEADERS, Renderer, root_of, sentence_values, words_of
from weigov.board.what_next import what_next
from weigov.board.words import Words
from weigov.flow.clear_quota import CLEARS_PER_MONTH, cleared_this_month
from weigov.flow.context import Context
from weigov.flow.correct import corrected, offer
from weigov.flow.review import shown
from weigov.ledger import audit_log, board, pauses, quota
from weigov.ledger.audit_export import lines
from weigov.ledger.board import Wanted
from weigov.ledger.states import STATES

_PREVIEW_HEADERS = HEADERS | {"Content-Security-Policy": item.PREVIEW_POLICY, "X-Frame-Options": "SAMEORIGIN"}
_PHONE_HEADERS = HEADERS | {"Content-Security-Policy": phone.POLICY, "Cross-Origin-Resource-Policy": "same-origin"}


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
            shown = _incidents(found.incidents, words, ctx)
            most = max((day.arrived + day.under_way + day.failed for day in found.trend), default=0)
            return renderer.page(
                request, "overview.html", it=found, todos=todos, most=most, zone=zone, site=ctx.site,
                uncounted=sum(1 for day in found.trend if not day.counted), **shown,
            )  # fmt: skip

    @app.get("/deliveries")
    def _deliveries(request: Request) -> Response:
        with deployment.open() as ctx:
            asked = {name: request.query_params.get(name, "")[:200] for name in _FILTERS}
            wanted = _wanted(ctx, asked, request.query_params.get("before", ""))
            with ctx.ledger.read() as connection:
                flows = _flows(ctx, connection)
                page = board.listed(connection, ctx.site.site, flows, wanted)
            return renderer.page(
                request,
                "deliveries.html",
                page=page,
                asked=asked,
                flows=flows,
                states=STATES,
                targets=[*(f"account:{a}" for a in ctx.site.accounts), *(f"system:{s}" for s in ctx.site.systems)],
                channels=sorted({"news", "template", "menu", "write"} | {f.to.kind for f in ctx.site.flows.values()}),
                older=urlencode({**{k: v for k, v in asked.items() if v}, "before": page.next or ""}),
                first="before" not in request.query_params,
                zone=ctx.site.zone,
            )

    @app.get("/quarantine")
    def _quarantine(request: Request) -> Response:
        flow = request.query_params.get("flow", "")[:64]
        before = _number(request.query_params.get("before", ""))
        with deployment.open() as ctx, ctx.ledger.read() as connection:
            flows = _flows(ctx, connection)
            wanted = [flow] if flow in flows else flows
            page = board.quarantined(connection, ctx.site.site, wanted, before=before)
            unreadable, count = board.unreadable(connection, ctx.site.site)
            titles = {row["id"]: item.title_of(ctx, connection, row) for row in page.rows}
            offers = {row["id"]: offer(ctx, connection, row["flow"], row["key"]) for row in page.rows}
            return renderer.page(
                request, "quarantine.html", page=page, flow=flow, flows=flows, zone=ctx.site.zone,
                titles=titles, offers=offers,
                unreadable=unreadable, unreadable_count=count, first=before is None,
            )  # fmt: skip

    @app.get("/item/{delivery_id}")
    def _item(request: Request, delivery_id: int) -> Response:
        with deployment.open() as ctx:
            try:
                found = item.life(ctx, delivery_id)
            except LookupError:
                raise HTTPException(404) from None
            row = found.row
            reasons = " ".join([row.reason, *(call.detail for call in found.attempts)])
            coming = what_next(row, found.lease_until, ctx.now())
            approvals = sum(1 for r in found.reviews if r.digest == row.digest and r.decision == "approve")
            with ctx.ledger.read() as connection:
                by = corrected(connection, row)
            return renderer.page(
                request, "item.html", it=found, row=row, zone=ctx.site.zone, approvals=approvals,
                corrected=by, held=shown(ctx, row.id),
                coming=_coming(coming, words_of(request), ctx) if coming else "",
                state=words_of(request).state(row.state), codes=words_of(request).in_text(reasons),
                link=next((r.url for r in found.receipts if r.url.startswith(("https://", "http://"))), ""),
            )  # fmt: skip

    @app.get("/preview/{delivery_id}")
    def _preview(delivery_id: int) -> Response:
        with deployment.open() as ctx:
            try:
                return HTMLResponse(item.preview(ctx, delivery_id), headers=_PREVIEW_HEADERS)
            except LookupError:
                raise HTTPException(404) from None

    @app.get("/item/{delivery_id}/phone.svg")
    def _phone(request: Request, delivery_id: int) -> Response:
        """For the review form, which names the frozen bytes: of others it shows nothing."""
        with deployment.open() as ctx:
            try:
                svg = phone.picture(ctx, delivery_id, request.query_params.get("digest", ""))
            except LookupError:
                raise HTTPException(404) from None
            return Response(svg, media_type="image/svg+xml", headers=_PHONE_HEADERS)

    @app.get("/why")
    def _ask(request: Request) -> Response:
        return renderer.page(request, "why.html", asked="", answer=None, sentence=None)

    @app.post("/why")
    async def _why(request: Request) -> Response:
        check_origin(request, guard)
        words = (await read_form(request)).get("words", "")

        def look() -> Response:
            with deployment.open() as ctx:
                answer = why.why(ctx, words)
                said = words_of(request)

                def sentence(one: why.Sentence) -> str:
                    return said(one.key, **sentence_values(one.values, said, ctx.site.zone))

                return renderer.page(
                    request, "why.html", asked=words, answer=answer, sentence=sentence, zone=ctx.site.zone
                )

        return await run_in_threadpool(look)

    @app.get("/flow/{name}")
    def _flow(request: Request, name: str) -> Response:
        with deployment.open() as ctx, ctx.ledger.read() as connection:
            if name not in _flows(ctx, connection):
                raise HTTPException(404)
            line = board.flow_line(connection, ctx.site.site, name)
            pause = pauses.paused(connection, ctx.site.site).get(name)
            waits = board.deferred(connection, ctx.site.site, name)
            every = incidents.look(ctx, connection)
            happened = every.about(incidents.targets_of_flow(ctx, connection, name, every))
            return renderer.page(
                request, "flow.html", line=line, flow=ctx.site.flows.get(name), name=name, pause=pause, waits=waits,
                zone=ctx.site.zone, **_incidents(happened, words_of(request), ctx),
            )  # fmt: skip

    @app.get("/account/{name}")
    def _account(request: Request, name: str) -> Response:
        with deployment.open() as ctx:
            if name not in ctx.site.accounts:
                raise HTTPException(404)
            cleared = cleared_this_month(ctx, name)
            with ctx.ledger.read() as connection:
                used = quota.usage(connection, ctx.account(name).account.appid, now=ctx.now())
                happened = incidents.look(ctx, connection).about({f"account:{name}", "site"})
            return renderer.page(
                request, "account.html", name=name, used=used, cleared=cleared, allowed=CLEARS_PER_MONTH,
                zone=ctx.site.zone, **_incidents(happened, words_of(request), ctx),
            )  # fmt: skip

    @app.get("/dag/{dag_id}")
    def _dag(request: Request, dag_id: str) -> Response:
        """What a run of this DAG is about."""
        with deployment.open() as ctx:
            kind, _, name = dag_id.partition("_")
            root = root_of(request)
            if kind in ("flow", "review") and name in ctx.site.flows:
                return RedirectResponse(f"{root}/flow/{name}", 303, headers=HEADERS)
            if kind in ("deliver", "reconcile", "statistics") and name in ctx.site.accounts:
                return RedirectResponse(f"{root}/account/{name}", 303, headers=HEADERS)
            return RedirectResponse(f"{root}/", 303, headers=HEADERS)

    @app.get("/codes")
    def _codes(request: Request) -> Response:
        words = words_of(request)
        code = _number(request.query_params.get("code", ""), negative=True)
        rows = [(row, said) for row, said in words.errcodes() if code is None or row.code == code]
        return renderer.page(request, "codes.html", rows=rows, states=STATES, code=code)

    @app.get("/log")
    def _log(request: Request) -> Response:
        _need(guard, request.state.person)
        before = _number(request.query_params.get("before", ""))
        with deployment.open() as ctx, ctx.ledger.read() as connection:
            rows = audit_log.newest(connection, ctx.site.site, limit=board.PAGE + 1, before=before)
            whole = audit_log.verify(row.as_text() for row in audit_log.entries(connection))
            older = rows[board.PAGE - 1].n if len(rows) > board.PAGE else None
            return renderer.page(
                request, "log.html", rows=rows[: board.PAGE], whole=whole, older=older, zone=ctx.site.zone
            )

    @app.get("/log.{form}")
    def _export(request: Request, form: str) -> Response:
        _need(guard, request.state.person)
        if form not in ("jsonl", "csv"):
            raise HTTPException(404)

        def written() -> Iterator[str]:
            with deployment.open() as ctx, ctx.ledger.read() as connection:
                yield from lines((row.as_text() for row in audit_log.entries(connection)), form)

        kind = "text/csv; charset=utf-8" if form == "csv" else "application/jsonl; charset=utf-8"
        headers = HEADERS | {"Content-Disposition": f'attachment; filename="weigov-log.{form}"'}
        return StreamingResponse(written(), media_type=kind, headers=headers)


_FILTERS = ("flow", "state", "target", "channel", "words", "since", "until")


def _need(guard: Guard, person: Person) -> None:
    if not guard.may(person, "log", ""):
        raise HTTPException(403)


def _incidents(happened: Incidents, words: Words, ctx: Context) -> dict[str, Any]:
    """``open`` and ``recent`` as the templates show them, in the reader's language."""
    now, zone = ctx.now(), ctx.site.zone

    def said(one: incidents.Shown) -> dict[str, Any]:
        of = one.of
        began, lasting = words.moment(of.opened_at, zone), now - of.opened_at
        return {
            "said": words(one.key, **sentence_values(one.values, words, zone)),
            "do": (words.advice(of.why) if one.why_says_what_to_do else "") or words(one.do),
            "who": words(f"who.{one.who}"),
            "href": one.href,
            "times": one.times,
            "often": words("incident.often", n=one.times) if one.times > 1 else words("incident.once"),
            "since": words("incident.just", at=began)
            if lasting < timedelta(minutes=1)
            else words("incident.since", at=began, span=words.span(lasting)),
            "told": words("incident.told", names=", ".join(sorted(of.told))) if of.told else words("incident.untold"),
            "fading": words("incident.fading") if of.gone_since else "",
            "began": began,
            "ended": words.moment(of.closed_at, zone),
            "lasted": words.span(one.lasted),
        }

    return {"open": [said(one) for one in happened.open], "recent": [said(one) for one in happened.over]}


def _coming(coming: tuple[str, Mapping[str, Any]], words: Words, ctx: Context) -> str:
    key, values = coming
    how = {"how": words(values["how"])} if "how" in values else {}
    return words(key, **sentence_values({**values, **how}, words, ctx.site.zone))


def _flows(ctx: Context, connection: Any) -> list[str]:
    return list(dict.fromkeys([*ctx.site.flows, *board.flow_names(connection, ctx.site.site)]))


def _wanted(ctx: Context, asked: dict[str, str], before: str) -> Wanted:
    def day(text: str, more: int) -> datetime | None:
        try:
            found = date.fromisoformat(text) + timedelta(days=more)
        except (ValueError, OverflowError):
            return None
        return datetime.combine(found, datetime.min.time(), ctx.site.zone)

    return Wanted(
        flow=asked["flow"],
        state=asked["state"] if asked["state"] in STATES else "",
        target=asked["target"],
        channel=asked["channel"],
        words=asked["words"],
        since=day(asked["since"], 0),
        until=day(asked["until"], 1),
        before=_number(before),
    )


def _number(text: str, *, negative: bool = False) -> int | None:
    digits = text.removeprefix("-") if negative else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 18 else None
