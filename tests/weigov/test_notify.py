"""Telling the people on duty: what is sent over each way, and what is said when it does not arrive."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from weigov.errors import ConfigError
from weigov.notify import Kind, Notice, NotTold, tell
from weigov.ports import Connection

NOTICE = Notice("[政微通 demo] 需要处理", "city 停止发送", {"incident": "stopped:account:city", "state": "open"})


class Robot(BaseHTTPRequestHandler):
    """Answers what it was told to, and remembers what it got."""

    answer: ClassVar[tuple[int, bytes]] = (200, b'{"errcode":0}')
    got: ClassVar[list[tuple[str, dict[str, Any], str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body), self.headers.get("Authorization", "")))
        status, text = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def robot() -> Iterator[str]:
    Robot.got.clear()
    Robot.answer = (200, b'{"errcode":0}')
    server = HTTPServer(("127.0.0.1", 0), Robot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/send"
    server.shutdown()
    server.server_close()


def test_a_robot_of_wecom_gets_text_and_its_key_in_the_address(robot: str) -> None:
    tell("wecom", (), Connection("duty", base_url=robot, password="geheim"), NOTICE)
    assert Robot.got == [
        ("/send?key=geheim", {"msgtype": "text", "text": {"content": f"{NOTICE.subject}\n{NOTICE.text}"}}, "")
    ]


def test_a_text_too_long_for_the_robot_ends_at_a_whole_character(robot: str) -> None:
    tell("wecom", (), Connection("duty", base_url=robot, password="k"), Notice("长", "停" * 2000, {}))
    content = Robot.got[0][1]["text"]["content"]
    assert 2040 < len(content.encode()) <= 2048 and content.endswith("停")


def test_a_webhook_gets_the_facts_and_a_bearer_token(robot: str) -> None:
    tell("webhook", (), Connection("duty", base_url=robot, password="geheim"), NOTICE)
    ((_, body, authorization),) = Robot.got
    assert body == {"subject": NOTICE.subject, "text": NOTICE.text, **NOTICE.facts}
    assert authorization == "Bearer geheim"


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("wecom", (200, b'{"errcode":93000,"errmsg":"invalid webhook url"}'), "errcode 93000"),
        ("wecom", (200, b"<html>"), "errcode None"),
        ("wecom", (500, b""), "HTTP 500"),
        ("webhook", (404, b""), "HTTP 404"),
        ("webhook", (302, b""), "HTTP 302"),
    ],
)
def test_what_did_not_arrive_is_said_without_the_key(
    robot: str, kind: Kind, answer: tuple[int, bytes], said: str
) -> None:
    Robot.answer = answer
    with pytest.raises(NotTold) as caught:
        tell(kind, (), Connection("duty", base_url=robot, password="geheim"), NOTICE)
    assert said in str(caught.value) and "geheim" not in str(caught.value)


def test_nobody_there_is_one_line_without_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotTold) as caught:
        tell("wecom", (), Connection("duty", base_url=f"http://127.0.0.1:{port}/x", password="geheim"), NOTICE)
    assert str(caught.value) == "connection duty: ConnectionError"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "connection", "said"),
    [
        ("wecom", Connection("duty"), "the robot's key is missing"),
        ("webhook", Connection("duty", base_url="duty.example"), "must begin with https"),
        ("email", Connection("duty"), "the mail server"),
    ],
)
def test_a_connection_that_lacks_a_part_says_which(kind: Kind, connection: Connection, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tell(kind, ("duty@city.example",), connection, NOTICE)


@contextmanager
def mail_server(refuses: str = "") -> Iterator[tuple[int, list[str]]]:
    """A mail server for one letter; ``refuses`` is the command it says no to."""
    letter: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = server.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b"220 ready\r\n")
            reading = False
            for line in lines:
                said = line.decode().rstrip("\r\n")
                letter.append(said)
                if reading and said != ".":
                    continue
                reading = said.upper() == "DATA"
                if said.upper() == "QUIT":
                    peer.sendall(b"221 bye\r\n")
                    return
                no = refuses and said.startswith(refuses)
                peer.sendall(b"550 no\r\n" if no else b"354 go\r\n" if reading else b"250 fine\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], letter
    finally:
        thread.join(5)
        server.close()


def test_a_letter_reaches_every_receiver() -> None:
    with mail_server() as (port, letter):
        connection = Connection("duty", base_url=f"smtp://127.0.0.1:{port}", extra={"from": "weigov@city.example"})
        tell("email", ("a@city.example", "b@city.example"), connection, NOTICE)
    assert "mail FROM:<weigov@city.example>" in " ".join(letter)
    assert sum(line.startswith("rcpt TO:") for line in letter) == 2
    assert "To: a@city.example, b@city.example" in letter


def test_a_refused_letter_is_one_line() -> None:
    with mail_server(refuses="rcpt") as (port, _):
        connection = Connection("duty", base_url=f"smtp://127.0.0.1:{port}", extra={"from": "weigov@city.example"})
        with pytest.raises(NotTold, match="connection duty: SMTPRecipientsRefused"):
            tell("email", ("a@city.example",), connection, NOTICE)
