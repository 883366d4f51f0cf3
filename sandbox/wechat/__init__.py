"""A WeChat that enforces the rules: ``/cgi-bin/...`` and ``/datacube/...`` as api.weixin.qq.com answers them.

Wherever the real one's behaviour is unknown, the harder of two guesses is taken and said so where it is coded.
"""

from fastapi import FastAPI

from sandbox.wechat import mass, publish
from sandbox.wechat.accounts import seed_accounts
from sandbox.wechat.control import control
from sandbox.wechat.events import Sender
from sandbox.wechat.routes import add_routes
from sandbox.wechat.schema import SCHEMA
from sandbox.wechat.subscribe import seed_subscribe_templates
from sandbox.wechat.template import seed_templates
from sandbox.world import World

__all__ = ["SCHEMA", "control", "install", "seed"]


def seed(world: World) -> None:
    seed_accounts(world)
    seed_templates(world)
    seed_subscribe_templates(world)


def install(app: FastAPI, world: World) -> None:
    add_routes(app, world)

    def settle_due() -> None:
        publish.settle_due(world)
        mass.settle_due(world)

    sender = Sender(world, before_each=settle_due)
    world.on_start.append(sender.start)
    world.on_stop.append(sender.stop)
