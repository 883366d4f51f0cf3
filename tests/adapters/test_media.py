"""A host that does not answer is not waited for once an article."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.media import Media
from adapters.wire import NotSent, Reply
from weigov.errors import RemoteRefused, RemoteUnavailable

BASE, OTHER = "http://cms.example", "http://img.example:8080"


class Wire:
    """Answers as told, and counts what it was asked."""

    def __init__(self, answer: Callable[[str], Reply]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def send(self, method: str, url: str, **_: object) -> Reply:
        self.asked.append(url)
        return self.answer(url)


def dead(url: str) -> Reply:
    raise NotSent("connection refused")


def found(url: str) -> Reply:
    return Reply(200, {"Content-Type": "image/png"}, b"x")


class Bench:
    def __init__(self, answer: Callable[[str], Reply]) -> None:
        self.wire = Wire(answer)
        self.time = 0.0
        self._media = Media("cms", self.wire, BASE, ["img.example:8080"], lambda s: None, lambda: self.time)  # type: ignore[arg-type]

    def fetch(self, url: str) -> bytes:
        return self._media.fetch(url, 100)[0]

    def fail(self, times: int, url: str = f"{BASE}/a.png") -> None:
        for _ in range(times):
            with pytest.raises(RemoteUnavailable):
                self.fetch(url)


def test_after_three_failures_in_a_row_a_host_is_left_alone_for_a_while() -> None:
    bench = Bench(dead)
    bench.fail(3)
    tried = len(bench.wire.asked)
    bench.fail(100)
    assert len(bench.wire.asked) == tried
    bench.wire.answer = found
    bench.time = 59.0
    bench.fail(1)
    bench.time = 61.0
    assert bench.fetch(f"{BASE}/a.png") == b"x"


def test_a_host_that_is_still_dead_after_that_is_left_alone_again_at_once() -> None:
    bench = Bench(dead)
    bench.fail(3)
    bench.time = 61.0
    bench.fail(1)
    tried = len(bench.wire.asked)
    bench.fail(10)
    assert len(bench.wire.asked) == tried


def test_other_hosts_are_asked_meanwhile() -> None:
    bench = Bench(lambda url: dead(url) if url.startswith(BASE) else found(url))
    bench.fail(5)
    assert bench.fetch(f"{OTHER}/a.png") == b"x"


@pytest.mark.parametrize("answer", [found, lambda url: Reply(404, {}, b"")])
def test_any_answer_starts_the_count_anew(answer: Callable[[str], Reply]) -> None:
    bench = Bench(dead)
    bench.fail(2)
    bench.wire.answer = answer
    try:
        bench.fetch(f"{BASE}/b.png")
    except RemoteRefused:
        pass
    bench.wire.answer = dead
    tried = len(bench.wire.asked)
    bench.fail(2)
    assert len(bench.wire.asked) > tried + 1  # both were tried
    bench.wire.answer = found
    assert bench.fetch(f"{BASE}/a.png") == b"x"


@pytest.mark.parametrize("url", ["http://[::1", "//[x", "http://cms.example:port/a.png", "file:///etc/passwd"])
def test_what_is_no_address_is_a_picture_that_cannot_be_had(url: str) -> None:
    """Anybody who can edit an article chooses it."""
    with pytest.raises(RemoteRefused):
        Bench(found).fetch(url)


def test_a_redirect_to_what_is_no_address_is_refused() -> None:
    with pytest.raises(RemoteRefused):
        Bench(lambda url: Reply(302, {"Location": "http://[::1"}, b"")).fetch("/a.png")
