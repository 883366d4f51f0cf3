"""What ``rest`` and ``soap`` share: ``ports.SourceSystem`` over two methods, one that prepares a call and one that
carries it.

Reads are repeated by one stated policy (``retry``); writes never are, and of a write that failed it is said whether
it may have taken effect.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from adapters import auth, decode, lookup, outcome, refusal, retry, times
from adapters.limits import Gate
from adapters.listing import Listing
from adapters.media import Media
from adapters.outgoing import Outgoing
from adapters.taking import without_place
from adapters.template import fill_path, holes
from adapters.vocabulary import Descriptor, Operation
from adapters.walk import Call, Get, make_call
from adapters.wire import Limits, NoAnswer, NotSent, Reply, TooLarge, Wire, retry_after_s, shown
from weigov.errors import ConfigError, OutcomeUnknown, RateLimited, RemoteRefused, RemoteUnavailable
from weigov.ports import Batch, CallMeter, Connection, PullState, WriteResult

Carry = Callable[[], Reply]
#: Stands between an engine and its wire: sees every read but log-ins, and lets it be carried or answers it itself.
Between = Callable[[Call, Get, Carry], Reply]

_CONNECTION = "connection."


class Engine(ABC):
    """A descriptor bound to a connection."""

    #: The decode chain where the descriptor names none.
    default_chain: Sequence[Any] = ("json",)

    def __init__(
        self, name: str, descriptor: Descriptor, connection: Connection, *, media_hosts: Sequence[str] = (),
        session: requests.Session | None = None, sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None, meter: CallMeter | None = None,
    ) -> None:  # fmt: skip
        """``connection.extra`` may name a ``ca_file``. Raises ConfigError when the connection lacks a part."""
        self.name = name
        self._descriptor = descriptor
        self._base_url = connection.base_url.rstrip("/")
        base = urlsplit(self._base_url)
        if base.scheme not in ("http", "https") or not base.hostname or base.username is not None or base.query:
            raise ConfigError(
                f"connection {connection.name}: its address must be http(s)://HOST[:PORT][/PATH], without a log-in"
            )
        self._connection = connection
        self._sleep = sleep
        self._own = _own_values(descriptor, connection)
        ca_file = connection.extra.get("ca_file")
        self._wire = Wire(
            session, limits, verify=str(ca_file) if ca_file else True, cert=auth.client_certificate(connection)
        )  # fmt: skip
        self._auth = auth.open_auth(descriptor.auth, auth.Given(connection, name, self._log_in))
        self._gate = Gate(name, descriptor.limits, meter, sleep)
        self.between: Between | None = None
        self._media = Media(name, self._wire, self._base_url, media_hosts, sleep)
        self._listings = {
            stream: Listing(name, stream, rule, descriptor, self._base_url + "/", self._read)
            for stream, rule in descriptor.streams.items()
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._descriptor.system!r})"

    # ports.SourceSystem

    def pull(self, stream: str, state: PullState, now: datetime) -> Iterator[Batch]:
        listing = self._listings.get(stream)
        if listing is None:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no stream {stream!r}")
        return listing.pull(state, now)

    def write(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult:
        rule = self._operation(operation)
        unknown = sorted(set(values) - set(rule.params))
        if unknown:
            raise ConfigError(
                f"{self.name} {operation}: has no parameter {', '.join(unknown)}, only {', '.join(rule.params)}"
            )
        given = self._given(rule, values, key)
        condition = outcome.parse(rule.success) if rule.success else None
        rules = (*rule.outcome, *self._descriptor.outcome)
        it = make_call(
            operation, rule.request, rule.decode or self._descriptor.decode, rules,
            values=(rule.remote_id, rule.message, rule.answer, condition.path if condition else None),
        )  # fmt: skip
        self._gate.check(operation)
        prepared = self._prepare(
            it, self._or_own(given.__getitem__)
        )  # logging in is a read of its own; only then the write begins
        self._gate.enter(operation)
        try:
            reply = self._exchange(prepared, fresh=True)
        except NotSent as error:
            raise RemoteUnavailable(self.name, operation, f"was not sent: {error}") from None
        except NoAnswer as error:
            raise OutcomeUnknown(self.name, operation, f"was sent, but {error}: it may have taken effect") from None
        return self._result(it, rule, reply)

    def find(self, operation: str, values: Mapping[str, Any], *, key: str) -> WriteResult | None:
        rule = self._operation(operation)
        if rule.query is None:
            raise ConfigError(
                f"{self.name} {operation}: the descriptor has no `query` to look an earlier write up by"
            )
        get = self._given(rule, values, key).__getitem__
        chain = rule.query.decode or self._descriptor.decode
        found = lookup.find(self.name, operation, rule.query, chain, self._descriptor.outcome, self._read, get)
        return None if found is None else replace(found, remote_id=outcome.identifier(found.remote_id))

    def acknowledge(self, stream: str, token: Any) -> None:
        return None  # a system that is called keeps no note of what we have

    def fetch(self, url: str, max_bytes: int) -> tuple[bytes, str]:
        return self._media.fetch(url, max_bytes)

    def close(self) -> None:
        self._wire.close()

    # what an engine adds

    @abstractmethod
    def _prepare(self, it: Call, get: Get) -> Outgoing:
        """The request, filled in and signed. Raises RemoteRefused when a value cannot be sent at all."""

    @abstractmethod
    def _exchange(self, prepared: Outgoing, *, fresh: bool = False) -> Reply:
        """Send it. Raises NotSent, NoAnswer."""

    def _fault(self, answer: decode.Answer) -> tuple[str, str] | None:
        """The protocol's own way of saying no, as code and text."""
        return None

    # one call

    def _path(self, it: Call, get: Get) -> str:
        """The request's path, filled in. Raises RemoteRefused when a value cannot stand in one."""
        try:
            return fill_path(it.request.path, get)
        except (ValueError, UnicodeError) as error:
            why = "a value is no text that can be sent" if isinstance(error, UnicodeError) else str(error)
            raise RemoteRefused(self.name, it.name, f"is not asked: {why}") from None

    def _or_own(self, get: Get) -> Get:
        """``get``, and what the connection has for holes of its own."""
        return lambda name: self._own[name] if name in self._own else get(name)

    def read(self, it: Call, get: Get) -> tuple[decode.Answer, Reply] | None:
        """One read as a pull makes it, for who looks at a system without pulling; None when the outcome is ``empty``.

        Raises what a pull raises.
        """
        return self._read(it, get)

    def _read(
        self, it: Call, get: Get, *, log_in: auth.LogIn | None = None
    ) -> tuple[decode.Answer, Reply] | None:  # fmt: skip
        """One read, repeated as the policy says; None when the outcome is ``empty``."""
        self._gate.check(it.name)
        try:
            found = self._patiently(it, get, log_in)
        except (RateLimited, retry.Spent):
            raise  # a failed log-in was counted as the read it is
        except RemoteUnavailable:
            self._gate.failed()
            raise
        except RemoteRefused:
            self._gate.worked()  # who refuses is there
            raise
        self._gate.worked()
        return found

    def _patiently(
        self, it: Call, get: Get, log_in: auth.LogIn | None
    ) -> tuple[decode.Answer, Reply] | None:  # fmt: skip
        may_renew = log_in is None
        for attempt in retry.reads(self._sleep):
            with attempt:
                reply, answer, verdict = self._ask(it, get, log_in)
                if verdict.meaning == "relogin" and may_renew and self._auth.renew():
                    may_renew = False
                    reply, answer, verdict = self._ask(it, get)
                if verdict.meaning == "empty":
                    return None
                self._raise_for(it, verdict, reply, answer)
                assert answer is not None  # ``ok`` is only said of an answer that could be read
                return answer, reply
        raise AssertionError("the policy always raises or returns")

    def _ask(
        self, it: Call, get: Get, log_in: auth.LogIn | None = None
    ) -> tuple[Reply, decode.Answer | None, outcome.Verdict]:
        try:
            if self.between is None or log_in is not None:
                reply = self._carried(it, get, log_in)
            else:
                reply = self.between(it, get, lambda: self._carried(it, get, None))
        except auth.Untrusted as error:
            raise RemoteRefused(self.name, it.name, f"is not believed: {error}") from None
        except TooLarge as error:
            raise RemoteRefused(self.name, it.name, str(error)) from None
        except (NotSent, NoAnswer) as error:
            raise RemoteUnavailable(
                self.name, it.name, f"{shown(self._base_url)} could not be read: {error}"
            ) from None  # fmt: skip
        return reply, *self._understand(it, reply)

    def _carried(self, it: Call, get: Get, log_in: auth.LogIn | None) -> Reply:
        ready = log_in.ready if log_in else None  # what is ready goes as it is, and comes back so
        prepared = ready or self._prepare(it, self._or_own(get))
        self._gate.enter(it.name)
        reply = self._exchange(prepared)
        return self._auth.open(reply) if ready is None else reply

    def granted(self) -> Sequence[str]:
        """The tokens its log-ins gave it."""
        return self._auth.held()

    def means(self, it: Call, reply: Reply) -> outcome.Meaning:
        """What an answer to a read means."""
        return self._understand(it, reply)[1].meaning

    def _understand(self, it: Call, reply: Reply) -> tuple[decode.Answer | None, outcome.Verdict]:
        answer: decode.Answer | None = None
        why = ""
        try:
            answer = decode.read(
                reply.content, it.chain or self.default_chain, content_type=reply.content_type, records=it.records,
                values=it.values, conditions=outcome.conditions(it.rules),
            )  # fmt: skip
        except decode.Undecodable as error:
            why = str(error)
        fault = self._fault(answer) if answer is not None else None
        verdict = outcome.judge(
            it.rules, answer.value if answer else None, reply.status, reply.headers, fault=fault is not None
        )
        if verdict.by_rule and (answer is not None or verdict.meaning != "ok"):
            return answer, verdict
        if fault is not None:
            code, text = fault
            meaning: outcome.Meaning = "retry" if code.split(".")[0] in ("Server", "Receiver") else "refuse"
            return None, outcome.Verdict(meaning, outcome.said(text) or "a SOAP fault", code)
        if verdict.meaning == "ok" and answer is None:
            return None, outcome.Verdict("retry", why, str(reply.status))
        return answer, verdict

    def _raise_for(
        self, it: Call, verdict: outcome.Verdict, reply: Reply, answer: decode.Answer | None
    ) -> None:  # fmt: skip
        """A meaning as an error, where reads and writes agree; nothing for ``ok`` and ``empty``."""
        if verdict.meaning in ("ok", "empty"):
            return
        code, rule = verdict.code or None, ""
        if verdict.by_rule:
            fault = answer is not None and self._fault(answer) is not None
            rule = refusal.rule_of(it.rules, answer, reply, fault=fault)
        said = verdict.message or f"HTTP {reply.status}{f', {refusal.by(rule)}' * bool(rule)}"
        if verdict.meaning == "relogin":
            raise auth.LoginRefused(
                self.name, it.name,
                f"does not accept our log-in ({said}): check connection {self._connection.name}", code=code,
            )  # fmt: skip
        if verdict.meaning == "rate_limited":
            raise RateLimited(
                self.name, it.name, f"asks us to wait ({said})", code=code, retry_after_s=retry_after_s(reply)
            )
        if verdict.meaning == "retry":
            raise RemoteUnavailable(self.name, it.name, f"cannot answer now: {said}", code=code)
        if 300 <= reply.status < 400:
            said += f", a redirect: is {shown(self._base_url)} the right address?"
        raise refusal.ByRule.of(self.name, it.name, f"refused: {said}", code=code, rule=rule)

    def _log_in(self, asked: auth.LogIn) -> Get:
        credentials = {"login": self._connection.login, "password": self._connection.password}
        # What is ready is not this system's own call (an OAuth 2 server's, say): its own rules hold.
        outer, chain = ((), ("json",)) if asked.ready else (self._descriptor.outcome, self._descriptor.decode)
        it = make_call(
            "log-in", asked.request, chain, (*asked.outcome, *outer),
            values=[path for path in asked.wanted if not path.startswith("http.")],
        )  # fmt: skip
        try:
            found = self._read(it, credentials.__getitem__, log_in=asked)
        except (auth.LoginRefused, RateLimited):
            raise
        except RemoteUnavailable as error:
            raise retry.Spent(self.name, "log-in", without_place(error), code=error.code) from None
        except RemoteRefused as error:
            said = refusal.of_log_in(
                error, without_place(error), self._descriptor, asked, self._connection.name, shown(self._base_url)
            )  # fmt: skip
            raise auth.LoginRefused(self.name, "log-in", said, code=error.code) from None
        value: auth.LookUp = (lambda path: None) if found is None else auth.look_up(found[0].value, found[1])
        if not auth.granted(value(asked.token)):
            said = refusal.no_token(self._descriptor, asked, found[1] if found else None)
            raise auth.LoginRefused(self.name, "log-in", said)
        return value

    # writing

    def _operation(self, name: str) -> Operation:
        rule = self._descriptor.operations.get(name)
        if rule is None:
            raise ConfigError(f"{self.name}: {self._descriptor.system} has no operation {name!r}")
        return rule

    def _given(self, rule: Operation, values: Mapping[str, Any], key: str) -> dict[str, Any]:
        return {name: self._written(values.get(name)) for name in rule.params} | {"idempotency_key": key}

    def _written(self, value: Any) -> Any:
        """A value as this system writes it: times in its format, absent ones as empty texts."""
        if isinstance(value, datetime):
            rule = self._descriptor.time
            return times.writer(rule.format[0], rule.zone)(value) if rule else times.writer("iso", "")(value)
        return "" if value is None else value

    def _result(self, it: Call, rule: Operation, reply: Reply) -> WriteResult:
        try:
            reply = self._auth.open(reply)
        except auth.Untrusted as error:
            raise OutcomeUnknown(
                self.name, it.name, f"was sent, but {error}: it may have taken effect"
            ) from None  # fmt: skip
        answer, verdict = self._understand(it, reply)
        redirected = 300 <= reply.status < 400 and not verdict.by_rule  # to a log-in page, or to what it made
        if verdict.meaning == "retry" or redirected:
            said = verdict.message or f"HTTP {reply.status}"
            raise OutcomeUnknown(
                self.name, it.name, f"was sent, but its answer leaves it open: {said}", code=verdict.code or None
            )
        if verdict.meaning == "relogin" and self._auth.renew():
            raise RemoteUnavailable(
                self.name,
                it.name,
                f"our log-in had run out ({verdict.message or reply.status}): the next try logs in",
            )
        self._raise_for(it, verdict, reply, answer)
        value: Callable[[str], Any] = answer.value if answer else lambda path: None
        message = outcome.said(value(rule.message)) if rule.message else ""
        if rule.success is not None:
            condition = outcome.parse(rule.success)
            if verdict.meaning == "empty" and not verdict.by_rule and not condition.about_http:
                raise OutcomeUnknown(
                    self.name, it.name, f"was sent, but HTTP {reply.status} has nothing that could confirm it"
                )
            if not condition.holds(reply.status if condition.about_http else value(condition.path)):
                raise RemoteRefused(self.name, it.name, f"refused: {message or 'its answer does not confirm it'}")
        told = outcome.whole(value(rule.answer)) if rule.answer else ""
        return WriteResult(outcome.identifier(value(rule.remote_id)) if rule.remote_id else "", message, told)


def _own_values(descriptor: Descriptor, connection: Connection) -> dict[str, Any]:
    """What the requests' ``{connection.NAME}`` are. Raises ConfigError naming every one the connection lacks."""
    asked = sorted(hole for hole in holes(descriptor.model_dump()) if hole.startswith(_CONNECTION))
    names = [hole.removeprefix(_CONNECTION) for hole in asked]
    missing = [name for name in names if connection.extra.get(name) in (None, "")]
    if missing:
        raise ConfigError(f"connection {connection.name}: its extra has no {', '.join(missing)}, which requests need")
    return {hole: connection.extra[name] for hole, name in zip(asked, names, strict=True)}
