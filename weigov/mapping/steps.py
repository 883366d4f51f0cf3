"""The named steps a flow may put a text through. Pure, one idea each; a new need is a new one here, with a test."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from weigov.mapping.model import Step


class StepRefused(ValueError):
    """The text cannot be used; says why without repeating it."""


def strip(text: str) -> str:
    """Without white space around it."""
    return text.strip()


def collapse_space(text: str) -> str:
    """On one line, single spaces between words."""
    return " ".join(text.split())


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def plain_text(text: str) -> str:
    """The words of a piece of HTML, one line a block."""
    from weigov.mapping.html import text_of  # only here: DAG parsing reads this module's neighbours, not the parser

    return text_of(text)


def require_http(text: str) -> str:
    """A whole address that begins with http:// or https://."""
    return _address(text, ("http", "https"))


def require_https(text: str) -> str:
    """A whole address that begins with https://."""
    return _address(text, ("https",))


def mask_name(text: str) -> str:
    """The family name and a star a character: 张**."""
    name = text.strip()
    return name[:1] + "*" * (len(name) - 1) if len(name) > 1 else "*" * len(name)


def mask_id(text: str) -> str:
    """The last four characters of a number, stars before; a short one is all stars."""
    number = text.strip()
    shown = number[-4:] if len(number) >= 8 else ""
    return "*" * (len(number) - len(shown)) + shown


def _address(text: str, schemes: tuple[str, ...]) -> str:
    text = text.strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in schemes and bool(parts.hostname) and not any(c.isspace() for c in text)
    except ValueError:
        whole = False
    if not whole:
        raise StepRefused(f"is not an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return text


STEPS: dict[Step, Callable[[str], str]] = {
    "strip": strip,
    "collapse_space": collapse_space,
    "first_line": first_line,
    "plain_text": plain_text,
    "require_http": require_http,
    "require_https": require_https,
    "mask_name": mask_name,
    "mask_id": mask_id,
}
