"""The questions of the first day from ``sandbox/content``, dated back from the clock's now.

Those marked ``open`` are the newest; they wait for the control API to publish the answer that is written for them.
A few of the others were published in the same second, as happens where answers are released together.
"""

import random
from datetime import datetime, timedelta
from html import escape

from sandbox.content import Text, answers, dated
from sandbox.people import PEOPLE
from sandbox.qa import store
from sandbox.upstream import wall
from sandbox.world import World

_SOURCES = ("网站", "微信", "12345热线", "手机APP")
_OPEN_SINCE = timedelta(days=4)
_BETWEEN_QUESTIONS = timedelta(minutes=601)
_TOGETHER = range(40, 44)


def seed(world: World) -> None:
    texts = answers()
    random.Random("qa").shuffle(texts)
    closed = [text for text in texts if not text.get("open")]
    still_open = [text for text in texts if text.get("open")]
    last_closed = world.clock.beijing() - _OPEN_SINCE
    asked = [last_closed - _BETWEEN_QUESTIONS * left for left in range(len(closed), 0, -1)]
    for number, text in enumerate(closed):
        # From five hours to three days, in no rhythm of its own.
        answered = asked[number] + timedelta(minutes=300 + number * 1733 % 4000)
        if number in _TOGETHER:
            answered = asked[_TOGETHER.stop]
        _add(world, number, text, asked[number], answered)
    for place, text in enumerate(still_open):
        asked_now = last_closed + _OPEN_SINCE * (place + 1) / (len(still_open) + 1)
        _add(world, len(closed) + place, text, asked_now, None)


def _add(world: World, number: int, text: Text, asked: datetime, answered: datetime | None) -> None:
    new = store.Question(
        id=f"Q{10001 + number}",
        question=dated(text.get("q"), asked),
        short_question=text.get("short"),
        category=text.get("category"),
        asker=_asker(number),
        source=_SOURCES[number % len(_SOURCES)],
        asked_at=wall(asked),
        answer=_html(dated(text.body, answered or asked), number),
        answered_at=wall(answered) if answered else None,
    )
    store.add(world, new)


def _asker(number: int) -> str:
    """One asker in nine has no WeChat."""
    if number % 9 == 8:
        return f"N{number // 9 % 12 + 1:04d}"
    return PEOPLE[(number * 5 + 3) % len(PEOPLE)].identity


def _html(text: str, number: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if number % 4 == 3:
        # Pasted from an instant messenger.
        return "".join(f'<div style="font-family:微软雅黑;font-size:14px">{escape(line)}<br></div>' for line in lines)
    return "".join(f'<p style="text-indent:2em">{escape(line)}</p>' for line in lines)
