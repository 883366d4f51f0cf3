"""Many POSTs under way at once from one thread, each on a connection of its own that stays open for the next.

Draws the same line as ``transport``: NotSent when a call failed before its first byte left, NoAnswer when it failed
later; whatever is doubtful counts as later. A connection whose answer was given up, or that says more than it was
asked, never gets another call; one that was closed while nobody used it is noticed before it does. Nothing here
repeats a call, follows a redirect or waits without limit.

``way`` opens the connections; a request and its answer then take a write, a read and a parser in C (httptools). An
event loop's own transports would do, but for hiding when the first byte leaves. For one thread only.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from weigov.wechat.transport import DEFAULT_TIMEOUTS, Answer, NoAnswer, NotSent, Timeouts, why
from weigov.wechat.way import Way

Tag = TypeVar("Tag")
Outcome = Answer | NotSent | NoAnswer

#: The answer to a message is a hundred bytes long.
MAX_ANSWER_BYTES = 1024 * 1024
_PIECE = 64 * 1024
#: Handshakes made at once.
_OPENERS = 16
#: How often calls are looked through for late ones.
_LATE_EVERY_S = 0.25
#: What arrived within this is as good as seen.
_FRESH_S = 0.001
_UNPACKED = ("gzip", "x-gzip", "deflate")


@dataclass(slots=True)
class _Call(Generic[Tag]):
    tag: Tag
    request: bytes = field(repr=False)


class _Connection(Generic[Tag]):
    """An open connection, idle or with one call under way. Its methods named ``on_`` are the parser's."""

    __slots__ = (
        "_headers", "_parser", "body", "call", "heard", "is_answered", "is_stuck", "keep", "left", "since", "size",
        "sock", "status", "until_closed",
    )  # fmt: skip

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.call: _Call[Tag] | None = None
        self.left = b""  # of the request
        self.is_stuck = False  # with some of it left that could not be written yet
        self.is_answered = True
        self._parser = HttpResponseParser(self)

    def begin(self, call: _Call[Tag], now: float) -> None:
        self.call, self.left, self.since, self.heard = call, call.request, now, now
        self.is_answered, self.status, self.until_closed, self.keep = False, 0, True, False
        self._headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Raises HttpParserError or HttpParserUpgrade for what is no answer."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.is_answered:
                raise
            self.keep = False

    def on_message_begin(self) -> None:
        if self.is_answered:
            self.keep = False  # nobody asked for a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_answered:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.is_answered:
            return
        self.status = self._parser.get_status_code()
        self.until_closed = not any(n.lower() in (b"content-length", b"transfer-encoding") for n, _ in self._headers)

    def on_body(self, data: bytes) -> None:
        if self.is_answered:
            return
        self.size += len(data)
        if self.size <= MAX_ANSWER_BYTES:
            self.body.append(data)

    def on_message_complete(self) -> None:
        if self.is_answered:
            return
        if self.status < 200:  # "100 Continue": the answer is still to come
            self._headers, self.body, self.status, self.until_closed = [], [], 0, True
            return
        self.is_answered, self.keep = True, self._parser.should_keep_alive()

    def answer(self) -> Outcome:
        if self.size > MAX_ANSWER_BYTES:
            return _TOO_LONG
        headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in self._headers}
        body = b"".join(self.body)
        if headers.get("Content-Encoding", "").strip().lower() in _UNPACKED:
            try:
                unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
                body = unpacking.decompress(body, MAX_ANSWER_BYTES)
            except zlib.error:
                return NoAnswer("no answer after sending: it cannot be unpacked")
            if unpacking.unconsumed_tail:
                return _TOO_LONG
            if not unpacking.eof:
                return NoAnswer("no answer after sending: it ends early")
        return Answer(self.status, headers, body)


_TOO_LONG = NoAnswer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")


class Lanes(Generic[Tag]):
    """Up to ``width`` calls under way at once by ``way``; ``tag`` says whose each is. Close it."""

    def __init__(self, way: Way, width: int, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._way, self._width, self._timeouts = way, width, timeouts
        self._waiting: deque[_Call[Tag]] = deque()
        self._open: set[_Connection[Tag]] = set()
        self._idle: list[_Connection[Tag]] = []
        self._opening = 0
        self._opened: SimpleQueue[socket.socket | BaseException] = SimpleQueue()
        self._openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="open")
        self._done: list[tuple[Tag, Outcome]] = []
        self._looked_at = self._late_at = 0.0
        self._head = ("", b"")
        self._selector = selectors.DefaultSelector()
        self._bell, bell = socket.socketpair()
        self._ring = bell
        bell.setblocking(False)
        self._selector.register(bell, selectors.EVENT_READ, None)

    def close(self) -> None:
        """Hang up. What is under way gets no answer."""
        self._openers.shutdown(wait=True, cancel_futures=True)
        while (found := self._next_opened()) is not None:
            if isinstance(found, socket.socket):
                found.close()
        for connection in self._open:
            connection.sock.close()
        self._open.clear()
        self._selector.close()
        self._bell.close()
        self._ring.close()

    @property
    def under_way(self) -> int:
        """Calls whose outcome ``answers`` has not given out yet."""
        return len(self._waiting) + len(self._open) - len(self._idle) + len(self._done)

    def post(self, tag: Tag, path: str, body: bytes) -> None:
        """Begin a call: ``body`` is JSON; ``path`` may carry a query."""
        if self._head[0] != path:
            self._head = (path, self._way.head(path))
        request = b"%bContent-Length: %d\r\n\r\n%b" % (self._head[1], len(body), body)
        self._waiting.append(_Call(tag, request))
        if time.monotonic() - self._looked_at > _FRESH_S:
            self._look(0)  # a connection closed meanwhile is no way to send this
        self._begin()

    def answers(self, enough: int, within_s: float) -> list[tuple[Tag, Outcome]]:
        """Wait for ``enough`` calls to end, or for those that do ``within_s`` after the first, or all there are."""
        until = None
        while len(self._done) < min(enough, self.under_way):
            now = time.monotonic()
            if self._done and until is None:
                until = now + within_s
            if until is not None and now >= until:
                break
            self._look(_LATE_EVERY_S if until is None else min(until - now, _LATE_EVERY_S))
        done, self._done = self._done, []
        return done

    # ---- what happened meanwhile

    def _look(self, timeout_s: float) -> None:
        """Take what arrived, within ``timeout_s``; then, and not before, see which calls are late."""
        ready = self._selector.select(timeout_s)
        now = self._looked_at = time.monotonic()
        for key, events in ready:
            connection: _Connection[Tag] | None = key.data
            if connection is None:
                self._take_opened()
            else:
                self._serve(connection, events, now)
        if now - self._late_at > _LATE_EVERY_S:
            self._late_at = now
            for connection in [one for one in self._open if one.call is not None]:
                if now - connection.since > self._timeouts.total_s or now - connection.heard > self._timeouts.read_s:
                    self._drop(connection, NoAnswer("no answer after sending: it took too long"))
        self._begin()

    def _serve(self, connection: _Connection[Tag], events: int, now: float) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._write(connection)
            if events & selectors.EVENT_READ:
                self._read(connection, now)
        except (HttpParserError, HttpParserUpgrade):
            self._drop(connection, NoAnswer("no answer after sending: what came is not HTTP"))
        except OSError as error:
            self._drop(connection, NoAnswer(f"no answer after sending: {why(error)}"))

    def _write(self, connection: _Connection[Tag]) -> None:
        try:
            connection.left = connection.left[connection.sock.send(connection.left) :]
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError):
            pass
        if connection.is_stuck != bool(connection.left):
            connection.is_stuck = not connection.is_stuck
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.is_stuck else 0)
            self._selector.modify(connection.sock, events, connection)

    def _read(self, connection: _Connection[Tag], now: float) -> None:
        more = True
        while more and not connection.is_answered:
            try:
                data = connection.sock.recv(_PIECE)
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
                return
            connection.heard = now
            if not data:
                self._hung_up(connection)
                return
            connection.feed(data)
            if connection.size > MAX_ANSWER_BYTES:
                self._drop(connection, _TOO_LONG)
                return
            more = len(data) == _PIECE or isinstance(connection.sock, ssl.SSLSocket)  # which may hold some of it
        if connection.call is None:
            if self._says_something(connection):
                self._drop(connection)
        elif connection.is_answered:
            self._end(connection, connection.answer())
            if connection.keep and not connection.left:
                self._idle.append(connection)
            else:
                self._drop(connection)

    def _hung_up(self, connection: _Connection[Tag]) -> None:
        if connection.status >= 200 and connection.until_closed:
            self._end(connection, connection.answer())
        self._drop(connection, NoAnswer("no answer after sending: the connection was closed"))

    def _says_something(self, connection: _Connection[Tag]) -> bool:
        """Whether an idle connection was closed, or brings what nobody asked for."""
        try:
            connection.sock.recv(1)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return False  # but a new session's ticket, say
        except OSError:
            pass
        return True

    def _end(self, connection: _Connection[Tag], outcome: Outcome) -> None:
        if connection.call is not None:
            self._done.append((connection.call.tag, outcome))
            connection.call = None

    def _drop(self, connection: _Connection[Tag], outcome: NoAnswer | None = None) -> None:
        """Hang up, for good."""
        if connection.call is None:
            if connection in self._idle:
                self._idle.remove(connection)
        elif outcome is not None:
            self._end(connection, outcome)
        self._open.discard(connection)
        self._selector.unregister(connection.sock)
        connection.sock.close()

    # ---- calls and connections meet

    def _begin(self) -> None:
        """Let waiting calls go by idle connections, and open as many as are still needed."""
        now = time.monotonic()
        while self._waiting and self._idle:
            connection = self._idle.pop()
            connection.begin(self._waiting.popleft(), now)
            self._serve(connection, selectors.EVENT_WRITE, now)
        wanted = min(len(self._waiting), self._width - len(self._open), _OPENERS)
        while self._opening < wanted:
            self._opening += 1
            self._openers.submit(self._open_one)

    def _open_one(self) -> None:
        """In a thread of its own."""
        found: socket.socket | BaseException
        try:
            found = self._way.open()
            found.setblocking(False)
        except BaseException as error:
            found = error
        self._opened.put(found)
        self._bell.send(b"!")

    def _take_opened(self) -> None:
        self._ring.recv(_PIECE)
        while (found := self._next_opened()) is not None:
            self._opening -= 1
            if isinstance(found, NotSent):
                if self._open or self._opening:
                    self._width = len(self._open) + self._opening  # it takes no more than these: they will do
                else:
                    self._done += [(call.tag, found) for call in self._waiting]
                    self._waiting.clear()
            elif isinstance(found, BaseException):
                raise found
            else:
                connection: _Connection[Tag] = _Connection(found)
                self._selector.register(found, selectors.EVENT_READ, connection)
                self._open.add(connection)
                self._idle.append(connection)

    def _next_opened(self) -> socket.socket | BaseException | None:
        try:
            return self._opened.get_nowait()
        except Empty:
            return None
