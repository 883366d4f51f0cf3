"""The cases of the first day: the same ones each time, dated back from the clock's now.

Applicants are the citizens of ``sandbox/people.py`` and a dozen who have no WeChat (``N0001`` …). The queue of cases
that move begins with a mixture: of the first twelve, three belong to people without WeChat and one each to the first
citizen of every persona but the ordinary; no person appears twice among them.
"""

import random
from dataclasses import astuple
from datetime import datetime, timedelta

from sandbox.cases.store import Case
from sandbox.content import Service, services
from sandbox.people import PEOPLE, PERSONAS, Person
from sandbox.upstream import wall
from sandbox.world import World

CASES = 240
MOVING = 132

# Somebody whose name GBK cannot write is part of every real register.
WITHOUT_WECHAT = [
    (f"N{number:04d}", name)
    for number, name in enumerate(
        "张桂兰 刘德福 陈永年 李玉珍 周金生 吴秀芝 𠮷田和子 孙有才 马淑琴 朱长贵 郭玉梅 何满仓".split(), start=1
    )
]

# What a case goes through, by edition of the standard; most are granted.
_WAYS = {
    "1.0": ["11 13 6", "11 13 6", "11 12 11 13 6", "11 13 0", "11 12 5", "11 13 1"],
    "2.0": ["11 13 0", "11 12 11 13 0", "11 13 0", "11 12 13 0", "11 13 5", "6", "11 13 1", "11 12 5"],
}


def seed(world: World) -> None:
    dice = random.Random("cases")
    now = world.clock.beijing()
    catalogue = services()
    applicants = _queue_of_applicants()
    made = [_case(number, applicants[number], catalogue, dice, now) for number in range(CASES)]
    with world.transaction() as db:
        for case, history in made:
            marks = ", ".join("?" * len(astuple(case)))
            db.execute(f"INSERT INTO cases_case VALUES ({marks})", astuple(case))
            db.executemany(
                "INSERT INTO cases_step (case_no, status, at) VALUES (?, ?, ?)",
                [(case.case_no, code, at) for code, at in history],
            )


def _queue_of_applicants() -> list[tuple[str, str]]:
    """For each case its applicant; the first twelve as the module's docstring says, then in the same proportions."""
    ordinary = [_who(p) for p in PEOPLE if p.persona == "ordinary"]
    special = [_who(p) for persona in PERSONAS[1:] for p in PEOPLE if p.persona == persona][::3]
    special += [_who(p) for p in PEOPLE if p.persona != "ordinary" and _who(p) not in special]
    queue: list[tuple[str, str]] = []
    nth = {"o": 0, "n": 0, "s": 0}
    pools = {"o": ordinary, "n": WITHOUT_WECHAT, "s": special}
    for kind in "onosoonsoson" * (CASES // 12):
        queue.append(pools[kind][nth[kind] % len(pools[kind])])
        nth[kind] += 1
    return queue


def _who(person: Person) -> tuple[str, str]:
    return person.identity, person.name


def _case(
    number: int, applicant: tuple[str, str], catalogue: list[Service], dice: random.Random, now: datetime
) -> tuple[Case, list[tuple[str, str]]]:
    service = catalogue[(number * 7) % len(catalogue)]
    stdver = "2.0" if (number + number // 12) % 2 == 0 else "1.0"
    way = _WAYS[stdver][dice.randrange(len(_WAYS[stdver]))].split()
    if number < MOVING:
        way = way if len(way) > 1 else ["11", *way]
        done = dice.randrange(1, len(way))
    else:
        done = len(way)
    # Finished cases are older than those under way; 200 imported ones would not all be of this morning.
    days_ago = dice.randrange(2, 20) if number < MOVING else dice.randrange(20, 150)
    accepted = (now - timedelta(days=days_ago)).replace(
        hour=dice.randrange(9, 17), minute=dice.randrange(60), second=dice.randrange(60), microsecond=0
    )
    longest = min(timedelta(hours=30), (now - timedelta(hours=1) - accepted) / len(way))
    moment, history = accepted, []
    for code in way[:done]:
        history.append((code, wall(moment)))
        moment += longest * dice.uniform(0.2, 1)
    return (
        Case(
            case_no=f"SF{accepted:%Y%m%d}{number + 1:04d}",
            item_name=service.name,
            item_short_name=service.short_name,
            item_code=service.code,
            applicant_name=applicant[1],
            applicant_id=applicant[0],
            status=history[-1][0],
            stdver=stdver,
            office=service.office,
            accepted_at=wall(accepted),
            updated_at=history[-1][1],
            promise_date=f"{accepted + timedelta(days=service.promised_days * 7 // 5):%Y-%m-%d}",
            valid=0 if number % 97 == 96 else 1,
            query_password=f"{dice.randrange(10**6):06d}",
            to_come=" ".join(way[done:]),
            turn=number,
        ),
        history,
    )
