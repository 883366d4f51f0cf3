"""What a person may do from the board. Each goes through the function the command line uses, and into the audit log.

In order: the request came from our own page, Airflow lets this person do the like, there is a reason; then it acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from weigov.board.form import check_origin, read_form
from weigov.board.guard import Deployment, Guard, Permission, Person
from weigov.board.render import Renderer, words_of
from weigov.errors import ReviewRejected, WeigovError
from weigov.flow import clear_quota, correct, pause, plan, replay, review, settle
from weigov.flow.context import Context
from weigov.ledger import outbox
from weigov.ledger.outbox import Delivery

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: what was done, about what, the state afterwards, and the page to go back to."""

    what: str
    about: str
    now: str
    back: str


@dataclass(frozen=True, slots=True)
class Action:
    """One action: who may, what it is about (for the guard), and what does it."""

    permission: Permission
    about: Callable[[Context, Form], str]
    do: Callable[[Context, Form, Person, str], Done]
    needs_reason: Callable[[Form], bool] = lambda form: True


def _row(ctx: Context, form: Form) -> Delivery:
    text = form.get("delivery", "")
    try:
        with ctx.ledger.read() as connection:
            row = outbox.get(connection, int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0)
    except LookupError:
        raise HTTPException(404) from None
    if row.site != ctx.site.site:
        raise HTTPException(404)
    return row


def _flow_of(ctx: Context, form: Form) -> str:
    return _row(ctx, form).flow


def _flow(ctx: Context, form: Form) -> str:
    if form.get("flow") not in ctx.site.flows:
        raise HTTPException(404)
    return form["flow"]


def _account(ctx: Context, form: Form) -> str:
    if form.get("account") not in ctx.site.accounts:
        raise HTTPException(404)
    return form["account"]


def _replay(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    row = _row(ctx, form)
    to = replay.replay(ctx, row.id, person=person.name, reason=reason)
    return Done("replay", f"{row.id}", to, f"item/{row.id}")


def _replay_record(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    flow, key = _flow(ctx, form), form.get("key", "")
    if not plan.replay(ctx, flow, key, person=person.name, reason=reason):
        raise ReviewRejected(f"{flow}/{key}: it is not quarantined any more, or was withdrawn")
    return Done("replay", f"{flow}/{key}", "pending", f"quarantine?flow={flow}")


def _correct(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    flow, key, revision = _flow(ctx, form), form.get("key", ""), form.get("revision", "")
    texts = {name.removeprefix("text."): text for name, text in form.items() if name.startswith("text.")}
    if not (revision.isascii() and revision.isdigit() and len(revision) < 18):
        raise HTTPException(400, "no revision")
    correct.correct(ctx, flow, key, texts, revision=int(revision), person=person.name, reason=reason)
    return Done("correct", f"{flow}/{key}", "pending", f"quarantine?flow={flow}")


def _settle(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    row = _row(ctx, form)
    answer = form.get("answer", "")
    if answer not in ("arrived", "not_sent", "give_up"):
        raise HTTPException(400, "no answer")
    if answer == "not_sent" and form.get("sure") != "yes":
        raise Unsure
    chosen: settle.Answer = "arrived" if answer == "arrived" else "give_up" if answer == "give_up" else "not_sent"
    receipt = form.get("receipt", "").strip() if chosen == "arrived" else ""
    to = settle.settle(ctx, row.id, chosen, person=person.name, reason=reason, receipt=receipt)
    return Done("settle", f"{row.id}", to, f"item/{row.id}")


def _review(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    row = _row(ctx, form)
    to = review.decide(
        ctx,
        row.id,
        digest=form.get("digest", ""),
        person=person.name,
        decision="approve" if form.get("decision") == "approve" else "refuse",
        comment=reason,
    )
    what = "approve" if form.get("decision") == "approve" else "refuse"
    return Done(what, f"{row.id}", to, f"item/{row.id}")


def _pause(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    flow = _flow(ctx, form)
    pause.pause(ctx, flow, person=person.name, reason=reason)
    return Done("pause", flow, "", f"flow/{flow}")


def _resume(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    flow = _flow(ctx, form)
    pause.resume(ctx, flow, person=person.name, reason=reason)
    return Done("resume", flow, "", f"flow/{flow}")


def _clear_quota(ctx: Context, form: Form, person: Person, reason: str) -> Done:
    account = _account(ctx, form)
    clear_quota.clear(ctx, account, person=person.name, reason=reason)
    return Done("clear_quota", account, "", f"account/{account}")


#: The last part of the address → the action.
ACTIONS: Mapping[str, Action] = {
    "replay": Action("replay", _flow_of, _replay),
    "quarantine": Action("replay", _flow, _replay_record),
    "correct": Action("replay", _flow, _correct),
    "settle": Action("settle", _flow_of, _settle),
    "review": Action("review", _flow_of, _review, lambda form: form.get("decision") != "approve"),
    "pause": Action("pause", _flow, _pause),
    "resume": Action("pause", _flow, _resume),
    "clear_quota": Action("clear_quota", _account, _clear_quota),
}


class Unsure(Exception):
    """The risk was not acknowledged."""


def register(app: FastAPI, deployment: Deployment, renderer: Renderer, guard: Guard) -> None:
    """Add a route for each action."""

    def route(name: str, action: Action) -> None:
        @app.post(f"/act/{name}", name=f"act_{name}")
        async def _act(request: Request) -> Response:
            check_origin(request, guard)
            form = await read_form(request)
            return await run_in_threadpool(_do, request, action, form)

    def _do(request: Request, action: Action, form: Form) -> Response:
        person: Person = request.state.person
        words = words_of(request)
        with deployment.open() as ctx:
            try:
                may = guard.may(person, action.permission, action.about(ctx, form))
            except HTTPException:
                if guard.may(person, action.permission, ""):
                    raise
                may = False  # whoever may not do it everywhere learns nothing of what there is
            if not may:
                return refused(request, 403, words("act.may_not"))
            reason = " ".join(form.get("reason", "").split())[:500]
            if action.needs_reason(form) and not reason:
                return refused(request, 400, words("act.needs_reason"))
            try:
                done = action.do(ctx, form, person, reason)
            except Unsure:
                return refused(request, 400, words("act.needs_sure"))
            except WeigovError as error:
                return refused(request, 409, "\n".join(words.reason(line) for line in str(error).splitlines()))
            said = words(
                "act.done",
                what=words.word("did", done.what),
                about=done.about,
                now=words.state(done.now).name if done.now else "✓",
            )
            return renderer.page(request, "done.html", said=[said], good=True, back=done.back)

    def refused(request: Request, status: int, said: str) -> Response:
        return renderer.page(request, "done.html", status, said=said.splitlines(), good=False, back="")

    for name, action in ACTIONS.items():
        route(name, action)
