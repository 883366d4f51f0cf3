"""The data interfaces (``/datacube/...``): who read what, who shared it, who followed, by Beijing day. (Rulebook §9.)

A day's figures are there from 08:00 of the next; asking earlier is 61503, asking for too many days or for days that
are not over is 61501. Readers are the citizens whose phone opened the article, and a crowd that is worked out from
the article's title and age alone, so that the same article always has the same. Articles with fewer than three
readers and sharers in a day are left out, as the real ones are.
"""

import json
import re
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.clock import BEIJING
from sandbox.wechat import draft, mass, publish
from sandbox.wechat.accounts import Account
from sandbox.wechat.errors import Refused
from sandbox.world import World

if TYPE_CHECKING:
    from sandbox.wechat.call import Call

READY = time(8)
FEWEST = 3
KEPT_DAYS = 30  # after publication
CROWD_DAYS = 7  # after which nobody of the crowd reads it any more
FIRST_DAY = date(2025, 11, 1)  # of the interfaces on articles
FIRST_DAY_OF_USERS = date(2014, 12, 1)
TITLED_SINCE = date(2026, 3, 3)  # title and content_url
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class _Article:
    data_id: int
    idx: int
    title: str
    url: str
    published_on: date
    gone_on: date | None = None
    notified: bool = False

    @property
    def msgid(self) -> str:
        return f"{self.data_id}_{self.idx}"


def article_read(call: "Call") -> dict[str, Any]:
    (day,) = _days(call, 1, FIRST_DAY)
    found = []
    for one in _articles(call.world, call.account):
        readers = _readers(call, one, day)
        if readers + _sharers(readers) >= FEWEST:
            detail = {"read_user": readers, "read_user_source": _sources(readers)}
            found.append({"ref_date": day.isoformat(), "msgid": one.msgid, "detail": detail})
    return _answer(call, found)


def article_share(call: "Call") -> dict[str, Any]:
    (day,) = _days(call, 1, FIRST_DAY)
    found = []
    for one in _articles(call.world, call.account):
        sharers = _sharers(_readers(call, one, day))
        if sharers >= FEWEST:
            found.append({"ref_date": day.isoformat(), "msgid": one.msgid, "detail": {"share_user": sharers}})
    return _answer(call, found)


def article_total_detail(call: "Call") -> dict[str, Any]:
    """What was published on one day, and for each day since then the sum of all until that day."""
    (day,) = _days(call, 1, FIRST_DAY)
    last = min(_newest(call), day + timedelta(days=KEPT_DAYS - 1))
    found = []
    for one in _articles(call.world, call.account):
        if one.published_on != day:
            continue
        readers, details = 0, []
        for n in range((last - day).days + 1):
            readers += _readers(call, one, day + timedelta(days=n))
            details.append({"stat_date": (day + timedelta(days=n)).isoformat(), **_marks(readers)})
        if readers + _sharers(readers) >= FEWEST:
            named = {"title": one.title, "content_url": one.url} if day >= TITLED_SINCE else {}
            found.append(
                {
                    "ref_date": day.isoformat(),
                    "msgid": one.msgid,
                    "publish_type": 0 if one.notified else 1,
                    **named,
                    "detail_list": details,
                }
            )
    return _answer(call, found)


def biz_summary(call: "Call") -> dict[str, Any]:
    found = []
    for day in _days(call, 30, FIRST_DAY):
        articles = _articles(call.world, call.account)
        marks = _marks(sum(_readers(call, one, day) for one in articles))
        sent = len({one.data_id for one in articles if one.published_on == day})
        found.append({"ref_date": day.isoformat(), "detail": {**marks, "send_page_count": sent}})
    return _answer(call, found)


def user_summary(call: "Call") -> dict[str, Any]:
    found = []
    for day in _days(call, 7, FIRST_DAY_OF_USERS):
        came, left = _came(call, day), _left(call, day)
        if came or left:
            row = {"ref_date": day.isoformat(), "user_source": 0, "new_user": came, "cancel_user": left}
            found.append(row)
    return {"list": found}


def user_cumulate(call: "Call") -> dict[str, Any]:
    days = _days(call, 7, FIRST_DAY_OF_USERS)
    following = call.world.db.execute(
        "SELECT COUNT(*) FROM wx_follower WHERE appid = ? AND persona != 'unfollowed'", (call.account.appid,)
    ).fetchone()[0]
    day, today, at = call.world.clock.beijing().date(), {}, following
    while day >= days[0]:
        today[day] = at
        at += _left(call, day) - _came(call, day)
        day -= timedelta(days=1)
    return {"list": [{"ref_date": day.isoformat(), "cumulate_user": today[day]} for day in days]}


def opened(world: World, openid: str, article_id: str, idx: int) -> None:
    """A citizen's phone shows an article. A preview is read by nobody."""
    number = article_id.removeprefix("mass-")
    data_id = int(number) - mass.DATA_ID_AHEAD if article_id != number and number.isdigit() else None
    with world.transaction() as db:
        if article_id == number:
            data_id = db.execute("SELECT publish_id FROM wx_publish WHERE article_id = ?", (article_id,)).fetchone()[
                0
            ]
        if data_id is not None:
            day = world.clock.beijing().date().isoformat()
            db.execute("INSERT INTO wx_read VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (data_id, idx, day, openid))


def _days(call: "Call", most: int, first_of_all: date) -> list[date]:
    """The days asked for, or the refusal."""
    begin, end = (_day(call.body.get(name)) for name in ("begin_date", "end_date"))
    if begin > end or (end - begin).days >= most or begin < first_of_all:
        raise Refused(61501)
    now = call.world.clock.beijing()
    if end >= now.date():
        raise Refused(61501)
    if end > _newest(call):
        raise Refused(61503)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def _newest(call: "Call") -> date:
    """The newest day whose figures are there."""
    now = call.world.clock.beijing()
    return now.date() - timedelta(days=1 if now.time() >= READY else 2)


def _day(text: Any) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise Refused(61500)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(61500) from None


def _answer(call: "Call", found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"list": found, "is_delay": bool(call.account.setting("figures_late"))}


def _articles(world: World, owner: Account) -> list[_Article]:
    """What was published and what was sent to many, oldest first."""
    publish.settle_due(world)
    mass.settle_due(world)
    found = []
    for row in reversed(publish.published(world, owner.appid)):
        gone_on = _on(row["updated_at"])
        for idx, article in enumerate(json.loads(row["articles"]), start=1):
            url = draft.article_url(owner, row["publish_id"], idx, row["article_id"][:32])
            gone = gone_on if idx in json.loads(row["deleted"]) else None
            found.append(_Article(row["publish_id"], idx, article["title"], url, _on(row["published_at"]), gone))
    for row in reversed(mass.jobs(world, owner.appid)):
        if mass.status(row) in ("SEND_SUCCESS", "DELETE") and row["msgtype"] == "mpnews":
            places = zip(json.loads(row["articles"]), mass.urls(owner, row), strict=True)
            for article, place in places:
                data_id, day = row["msg_id"] - mass.DATA_ID_AHEAD, _on(row["finished_at"])
                found.append(
                    _Article(data_id, place["idx"], article["title"], place["article_url"], day, notified=True)
                )
    return found


def _readers(call: "Call", one: _Article, day: date) -> int:
    on_phones = call.world.db.execute(
        "SELECT COUNT(*) FROM wx_read WHERE data_id = ? AND idx = ? AND day = ?",
        (one.data_id, one.idx, day.isoformat()),
    ).fetchone()[0]
    readers = int(on_phones) + _crowd(one, day) * int(call.account.setting("crowd")) // 100
    return readers * 9 // 10 if call.account.setting("figures_late") else readers


def _crowd(one: _Article, day: date) -> int:
    """Half as many every day, none of whom reads what is gone."""
    age = (day - one.published_on).days
    if not 0 <= age < CROWD_DAYS or (one.gone_on is not None and day > one.gone_on):
        return 0
    return (40 + zlib.crc32(one.title.encode()) % 400) >> age


def _sharers(readers: int) -> int:
    return readers // 10


def _sources(readers: int) -> list[dict[str, Any]]:
    chats = readers // 2
    return [
        {"scene_desc": "全部", "user_count": readers},
        {"scene_desc": "聊天会话", "user_count": chats},
        {"scene_desc": "公众号主页", "user_count": readers - chats},
    ]


def _marks(readers: int) -> dict[str, Any]:
    return {
        "read_user": readers,
        "read_user_source": _sources(readers),
        "share_user": _sharers(readers),
        "zaikan_user": readers // 20,
        "like_user": readers // 15,
        "comment_count": 0,
        "collection_user": readers // 30,
        "praise_money": 0,
        "read_subscribe_user": readers // 50,
    }


def _came(call: "Call", day: date) -> int:
    return _events(call, day, "subscribe")


def _left(call: "Call", day: date) -> int:
    return _events(call, day, "unsubscribe")


def _events(call: "Call", day: date, event: str) -> int:
    start = datetime.combine(day, time(), BEIJING).timestamp()
    counted = call.world.db.execute(
        "SELECT COUNT(*) FROM wx_event WHERE appid = ? AND event = ? AND created_at >= ? AND created_at < ?",
        (call.account.appid, event, start, start + 86400),
    ).fetchone()
    return int(counted[0])


def _on(at: float) -> date:
    return datetime.fromtimestamp(at, BEIJING).date()
