"""Tell the people on duty: e-mail, a webhook, a robot of WeCom (企业微信). One try; the caller keeps what was told.

Raises NotTold with one line that holds no secret: a robot's key is part of its address and is never repeated.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Literal
from urllib.parse import urlsplit

import requests

from weigov.errors import ConfigError, WeigovError
from weigov.ports import Connection

Kind = Literal["wecom", "webhook", "email"]
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
#: WeCom takes so many bytes of text.
_WECOM_BYTES = 2048
_TIMEOUT_S = (5, 10)


class NotTold(WeigovError):
    """The message did not arrive, as far as we know."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told. ``facts`` go to a webhook as they are."""

    subject: str
    text: str
    facts: Mapping[str, str]


def tell(kind: Kind, to: Sequence[str], connection: Connection, notice: Notice) -> None:
    """Tell it once. ``to`` are the addresses of an e-mail. Raises NotTold or ConfigError."""
    {"wecom": _wecom, "webhook": _webhook, "email": _email}[kind](to, connection, notice)


def _wecom(to: Sequence[str], connection: Connection, notice: Notice) -> None:
    if not connection.password:
        raise ConfigError(f"connection {connection.name}: the robot's key is missing (as password)")
    text = f"{notice.subject}\n{notice.text}".encode()[:_WECOM_BYTES].decode(errors="ignore")
    answer = _post(
        connection,
        connection.base_url or WECOM,
        {"msgtype": "text", "text": {"content": text}},
        params={"key": connection.password},
    )
    try:
        code = answer.json().get("errcode")
    except (ValueError, AttributeError):
        code = None
    if code != 0:
        raise NotTold(f"connection {connection.name}: WeCom answered errcode {code}")


def _webhook(to: Sequence[str], connection: Connection, notice: Notice) -> None:
    if urlsplit(connection.base_url).scheme not in ("http", "https"):
        raise ConfigError(f"connection {connection.name}: the address must begin with https:// or http://")
    headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
    body = {"subject": notice.subject, "text": notice.text, **notice.facts}
    _post(connection, connection.base_url, body, headers=headers)


def _post(
    connection: Connection,
    address: str,
    body: Mapping[str, object],
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    try:
        answer = requests.post(
            address, json=body, params=params, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False
        )
    except requests.RequestException as error:
        raise NotTold(f"connection {connection.name}: {type(error).__name__}") from None
    if not 200 <= answer.status_code < 300:
        raise NotTold(f"connection {connection.name}: HTTP {answer.status_code}")
    return answer


def _email(to: Sequence[str], connection: Connection, notice: Notice) -> None:
    address = urlsplit(connection.base_url if "://" in connection.base_url else f"smtp://{connection.base_url}")
    if not address.hostname or not to:
        raise ConfigError(f"connection {connection.name}: the mail server (host) or the receivers (to) are missing")
    message = EmailMessage()
    message["Subject"] = " ".join(notice.subject.split())
    message["From"] = str(connection.extra.get("from") or connection.login)
    message["To"] = ", ".join(to)
    message["Date"] = formatdate()
    message.set_content(notice.text)
    implicit = address.scheme == "smtps" or address.port == 465
    context = ssl.create_default_context(
        cafile=str(connection.extra["ca_file"]) if "ca_file" in connection.extra else None
    )
    try:
        server = (
            smtplib.SMTP_SSL(address.hostname, address.port or 465, timeout=10, context=context)
            if implicit
            else smtplib.SMTP(address.hostname, address.port or 25, timeout=10)
        )
        with server:
            if not implicit and (connection.password or connection.extra.get("starttls")):
                server.starttls(context=context)  # a password never goes in the clear
            if connection.password:
                server.login(connection.login, connection.password)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotTold(f"connection {connection.name}: {type(error).__name__}") from None
