"""The questions of the first day from ``sandbox/content``, dated back from the clock's now.

Those marked ``open`` wait for the control API to publish the answer that is written for them.
"""

from datetime import timedelta
from html import escape

from sandbox.content import Text, answers, dated
from sandbox.people import PEOPLE
from sandbox.qa import store
from sandbox.upstream import wall
from sandbox.world import World

# How far apart questions are asked, and how long an answer takes; both in minutes, both with no common rhythm.
_GAP_MIN, _TAKES_MIN = 601, 1733
_SOURCES = ("网站", "微信", "12345热线", "手机APP")


def seed(world: World) -> None:
    texts = answers()
    now = world.clock.beijing().replace(microsecond=0)
    for number, text in enumerate(texts):
        is_open = bool(text.get("open"))
        # Open questions are the newest: from the last days, in their order.
        age = (len(texts) - number) * _GAP_MIN + (4 * 24 * 60 if not is_open else -30)
        asked = now - timedelta(minutes=max(age, 45))
        answered = min(asked + timedelta(minutes=300 + number * _TAKES_MIN % 4000), now - timedelta(minutes=30))
        store.add(
            world,
            store.Question(
                id=f"Q{10001 + number}",
                question=dated(text.get("q"), asked),
                short_question=text.get("short"),
                category=text.get("category"),
                asker=_asker(number),
                source=_SOURCES[number % len(_SOURCES)],
                asked_at=wall(asked),
                answer=_html(text, number),
                answered_at=None if is_open else wall(answered),
            ),
        )


def _asker(number: int) -> str:
    """One asker in nine has no WeChat."""
    if number % 9 == 8:
        return f"N{number // 9 % 12 + 1:04d}"
    return PEOPLE[(number * 5 + 3) % len(PEOPLE)].identity


def _html(text: Text, number: int) -> str:
    lines = [line.strip() for line in text.body.splitlines() if line.strip()]
    if number % 4 == 3:
        # Pasted from an instant messenger.
        return "".join(f'<div style="font-family:微软雅黑;font-size:14px">{escape(line)}<br></div>' for line in lines)
    return "".join(f'<p style="text-indent:2em">{escape(line)}</p>' for line in lines)
