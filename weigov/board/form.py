"""What a form posts, and whether it was ours that posted it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from fastapi import HTTPException, Request

from weigov.board.guard import Guard

MAX_BYTES = 64 * 1024
_FIELDS = 50


class NotOurs(HTTPException):
    """A request that did not come from a page of the board."""

    def __init__(self) -> None:
        super().__init__(403, "origin")


def check_origin(request: Request, guard: Guard) -> None:
    """Raise NotOurs unless the browser says that a page of this very address made the request.

    A log-in cookie goes along with requests that other sites make; their pages' origin does too.
    """
    origin = request.headers.get("origin", "")
    here = {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    if origin not in {*here, *guard.origins()} or not urlsplit(origin).netloc:
        raise NotOurs
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotOurs


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a url-encoded form. Raises HTTPException 413 or 400 for anything else."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(400, "not a form")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BYTES:
            raise HTTPException(413, "too long")
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        raise HTTPException(400, "not a form") from None
