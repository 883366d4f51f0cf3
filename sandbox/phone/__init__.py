"""The citizen's phone: ``/phone/`` lists them, ``/phone/<openid>`` is what that one sees now.

Drawn by the server from WeChat's own state. Everything is escaped but the articles' HTML, which WeChat has cleaned;
the pages allow no inline script, so nothing an article brings can run.
"""

from fastapi import FastAPI

from sandbox.phone.pages import make_router
from sandbox.world import World


def install(app: FastAPI, world: World) -> None:
    app.include_router(make_router(world))
