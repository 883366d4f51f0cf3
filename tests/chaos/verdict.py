"""What reached the citizens, judged by the sandbox alone: the ledger may not be a witness for itself.

The ledger only says which deliveries a person is asked about; those, and nothing else, may be missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import func, select

from sandbox.people import PEOPLE
from tests.weigov.flow.deployment import Deployment
from weigov.ledger.tables import delivery

_REACHED = {p.openid: p.identity for p in PEOPLE if p.persona in ("ordinary", "timeout_after_accept")}


@dataclass
class Verdict:
    """Each a list of what is wrong, in words; empty when all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)  # withdrawn upstream, and still there
    out_of_order: list[str] = field(default_factory=list)
    in_doubt: Counter[str] = field(default_factory=Counter)  # channel and step → how many a person is asked about
    judged: int = 0  # cases of which a message may not be missing
    excused: int = 0  # cases of which the last message is in doubt
    refused: int = 0  # articles that rightly do not stand: WeChat took them and refused them

    @property
    def faults(self) -> dict[str, list[str]]:
        names = ("lost", "doubled", "readable", "out_of_order")
        return {name: found for name in names if (found := getattr(self, name))}


def judge(town: Deployment, articles: list[str], before: dict[str, str]) -> Verdict:
    """``articles``: the ids of those that should stand; ``before``: case → its status before the storm."""
    columns = delivery.c.record, delivery.c.channel, delivery.c.step
    newest = select(func.max(delivery.c.id)).where(delivery.c.channel == "template").group_by(delivery.c.record)
    with town.ctx.ledger.read() as connection:
        rows = list(connection.execute(select(*columns).where(delivery.c.state == "in_doubt")))
        last = connection.execute(
            select(delivery.c.record).where(delivery.c.id.in_(newest), delivery.c.state == "in_doubt")
        ).scalars()
        verdict = Verdict(in_doubt=Counter(f"{row.channel} {row.step}" for row in rows))
        _messages(town, before, {_key(record) for record in last}, verdict)
    _articles(town, articles, {_key(row.record) for row in rows if row.channel == "news"}, verdict)
    return verdict


def _key(record: str) -> str:
    return record.rpartition("/")[2]


def _messages(town: Deployment, before: dict[str, str], doubtful: set[str], verdict: Verdict) -> None:
    """``doubtful``: of which the last message is in doubt; one before it excuses nothing."""
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for message in town.other.messages():
        data = message["data"]
        if "character_string3" in data and message["delivered"]:
            told[data["character_string3"]].append((data["time4"], data["phrase2"]))
    reached = set(_REACHED.values())
    for case in town.other.get("/cases/cases"):
        number = case["case_no"]
        came = told.get(number, [])
        for (moment, status), times in Counter(came).items():
            if times > 1:
                verdict.doubled.append(f"case {number}: {status} of {moment} came {times} times")
        steps = town.other.get(f"/cases/cases/{number}")["steps"]
        order = [(_shown(step["at"]), step["meaning"]) for step in steps]
        places = [order.index(one) for one in came if one in order]
        if len(places) != len(came) or places != sorted(places):
            verdict.out_of_order.append(f"case {number}: {came} of {order}")
        known = came[-1][1] if came else before[number]  # back and forth between two pulls is no message
        if not case["valid"] or case["applicant_id"] not in reached:
            continue
        verdict.judged += number not in doubtful
        verdict.excused += number in doubtful
        if number not in doubtful and known != case["meaning"]:
            verdict.lost.append(
                f"case {number}: stands at {order[-1]}, last told {came[-1:]}, before {before[number]}"
            )


def _articles(town: Deployment, articles: list[str], doubtful: set[str], verdict: Verdict) -> None:
    listed = town.other.articles()
    for source, times in Counter(article["content_source_url"] for article in listed).items():
        if times > 1:  # the marker in it tells one delivery from the next
            verdict.doubled.append(f"{source} was published {times} times")
    standing: dict[str, list[str]] = defaultdict(list)
    for article in listed:
        if not article["is_deleted"]:
            standing[article["content_source_url"].partition("#")[0]].append(article["title"])
    refused = {(a["content_source_url"].partition("#")[0], a["title"]) for a in town.other.refused_articles()}
    upstream = {a["id"]: a for a in town.other.get("/cms/articles")}
    for key in articles:
        there = standing.get(upstream[key]["url"], [])
        if len(there) > 1 and key not in doubtful:
            verdict.doubled.append(f"article {key} stands {len(there)} times: {there}")
        if there != [upstream[key]["title"]] and (upstream[key]["url"], upstream[key]["title"]) in refused:
            verdict.refused += 1  # an older one may stand meanwhile: nothing replaced it
        elif there != [upstream[key]["title"]] and key not in doubtful:
            verdict.lost.append(f"article {key}: {upstream[key]['title']}, standing: {there}")
    for article in upstream.values():
        if article["status"] != 1 and standing.get(article["url"]) and article["id"] not in doubtful:
            verdict.readable.append(f"article {article['id']} is withdrawn and stands: {article['title']}")


def _shown(stamp: str) -> str:
    """``2026-03-10 10:05:00`` as the message writes it."""
    day, _, clock = stamp.replace("T", " ").partition(" ")
    year, month, date = (int(part) for part in day.split("-"))
    return f"{year}年{month}月{date}日 {clock[:5]}"
