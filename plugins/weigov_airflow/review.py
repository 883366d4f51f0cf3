"""Review in Airflow: one run for each held delivery, one question for each approval it needs.

The ledger counts; a question only shows and asks. It is asked anew when the answer did not count (the same person
twice), looks every half hour whether there is still anything to ask (an edit may have replaced the delivery, somebody
may have decided on the command line), and ends green when there is not.

DAG parsing imports this file: what opens the ledger is imported where it is used.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Asset, AssetAlias, Context, Param

from weigov.errors import ReviewRejected
from weigov_airflow.mounted import PREFIX
from weigov_airflow.runs import start_run

if TYPE_CHECKING:
    from weigov.flow.review import Held

APPROVE = "通过"
REFUSE = "退回"
FORM = {"comment": Param(None, type=["string", "null"], maxLength=500, title="意见（退回时请写原因）comment")}
#: The board's address as Airflow's pages take it: from Airflow's own, wherever a proxy has put that.
BOARD = PREFIX.lstrip("/")
LOOK_AGAIN = timedelta(minutes=30)
_PARTS = {"title": "标题", "author": "作者", "digest": "摘要", "content": "正文"}
#: Lines of a difference that a question shows.
_MOST_LINES = 30
#: Runs for one delivery beyond the first: those before it failed, or were deleted by hand.
_MAX_RUNS = 20

log = logging.getLogger("weigov")


def dag_id(flow: str) -> str:
    return f"review_{flow}"


def run_id(item: Held, n: int = 1) -> str:
    """The same for the same frozen bytes, so that nobody is asked twice at once."""
    name = f"delivery_{item.id}_{item.digest[:12]}"
    return name if n == 1 else f"{name}_{n}"


def start_reviews(flow: str, context: Context) -> dict[str, int]:
    """Give every held delivery of ``flow`` a run that asks about it; one that has a living run keeps it."""
    from weigov.flow.review import held
    from weigov_airflow.work import working

    with working() as ctx:
        items = held(ctx, flow)
    started = 0
    for item in items:
        conf = {"delivery": item.id, "digest": item.digest}
        for n in range(1, _MAX_RUNS):
            if start_run(dag_id(flow), run_id(item, n), conf, note=item.title):
                started += 1
                break
            if context["ti"].get_dagrun_state(dag_id(flow), run_id(item, n)) not in ("success", "failed"):
                break
    return {"held": len(items), "started": started}


class ReviewOperator(HITLOperator):
    """Ask for the ``nth`` approval of the delivery that the run is about; ``params`` should be ``FORM``.

    ``released`` stands for the outboxes: through an alias, because only an approval that releases is news to them.
    """

    def __init__(self, *, nth: int, released: AssetAlias, outboxes: Sequence[Asset], **kwargs: Any) -> None:
        self.nth = nth
        self.released = released
        self.outboxes = list(outboxes)
        super().__init__(
            outlets=[released],
            subject="待审 awaiting review",
            options=[APPROVE, REFUSE],
            response_timeout=LOOK_AGAIN,
            **kwargs,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        item = self._waiting(context)
        if item is None:
            return {"asked": False}
        self.subject = subject(item, self.nth)
        self.body = body(item)
        super().execute(context)  # parks this task until somebody answers
        raise AssertionError("unreachable")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        from weigov.flow.review import decide
        from weigov_airflow.work import working

        if event.get("error_type") == "timeout":
            return self.execute(context)
        if "error" in event:
            self.process_trigger_event_error(event)
        params = context["params"]
        person = person_of(event["responded_by_user"])
        approved = event["chosen_options"] == [APPROVE]
        not_counted = ""
        with working() as ctx:
            try:
                state = decide(
                    ctx,
                    int(params["delivery"]),
                    digest=str(params["digest"]),
                    person=person,
                    decision="approve" if approved else "refuse",
                    comment=str((event.get("params_input") or {}).get("comment") or ""),
                )
            except ReviewRejected as error:
                not_counted = str(error)
        if not_counted:
            log.warning("%s 的意见没有计入 not counted: %s", person, not_counted)
            if self._waiting(context) is not None:
                # Airflow 3.3.2 answers 500 to asking again within one try; a retry is a new question with a new text.
                log.warning("重新询问 asking anew")
                raise SystemExit(1)
            return {"asked": True, "by": person}
        log.info("%s: %s → %s", person, "通过 approved" if approved else "退回 refused", state)
        if state == "ready":
            for outbox in self.outboxes:
                context["outlet_events"][self.released].add(outbox)
        return {"asked": True, "by": person, "state": state}

    def _waiting(self, context: Context) -> Held | None:
        """The delivery, when this approval is still wanted of exactly the bytes the run was started for."""
        from weigov.flow.review import held
        from weigov_airflow.work import working

        params = context["params"]
        wanted, digest = int(params["delivery"]), str(params["digest"])
        with working() as ctx:
            item = next((one for one in held(ctx) if one.id == wanted), None)
        if item is None or item.digest != digest:
            log.info("投递 %s 不再等待审核 no longer waits for review", wanted)
            return None
        if item.approvals >= self.nth:
            log.info("投递 %s 已有 %s 人通过 has %s approvals already", wanted, item.approvals, item.approvals)
            return None
        return item


def person_of(user: Mapping[str, Any] | None) -> str:
    """Who answered, as the ledger counts people: by Airflow's id of them, with the name where that says more.

    SimpleAuthManager's id is the log-in; FAB's is a number, and its name the log-in. '' is nobody: whoever may answer
    without having logged in has a name in FAB, and no id.
    """
    user = user or {}
    identity, name = str(user.get("id") or ""), str(user.get("name") or "")
    return f"{name} ({identity})" if identity and name and name != identity else identity


def subject(item: Held, nth: int) -> str:
    """One line: ``通知公告：关于…的通知（第 1 / 2 人）``."""
    return f"{item.flow_title}：{item.title}（第 {nth} / {item.needed} 人）"


def body(item: Held) -> str:
    """What a reviewer sees, as Markdown in which nothing of upstream's is markup."""
    lines = [
        f"### {plain(item.title)}",
        "",
        f"- 发往 to: {plain(item.target)}",
        f"- 需要 needs: {item.needed} 位不同的人",
    ]
    if item.until:
        late = " **已超时 overdue**" if item.is_late else ""
        lines.append(f"- 审核时限 to be decided by: {plain(f'{item.until:%Y-%m-%d %H:%M %Z}')}{late}")
    if item.people:
        lines.append(f"- 已通过 approved by: {plain('、'.join(item.people))}，请由另一位审核 another person, please")
    if item.source_url:
        lines.append(f"- 原文 source: {plain(item.source_url)}")
    lines.append(f"- 图片 images: {item.images}")
    if item.dropped:
        what = "、".join(f"{plain(name)} × {count}" for name, count in item.dropped.items())
        lines.append(f"- 微信不支持而去掉的 dropped for WeChat: {what}")
    if item.kept:
        lines.append(
            f"- **微信没有原样保留** WeChat did not keep what was approved: {plain(item.kept)}。"
            "请在公众平台草稿箱核对；通过即按草稿现状发布，退回则删除草稿。"
        )
    if item.corrected:
        lines.append(f"- **与原系统不同** texts were corrected on the board: {plain(item.corrected)}")
    lines.append(f"- [在政微通查看全文与来历 the whole item on the board]({BOARD}/item/{item.id})")
    lines += _findings(item) + _changes(item)
    lines += ["", "> " + (plain(item.excerpt) or "（没有正文 no text）"), ""]
    lines += ["**手机上的样子 on a phone**", "", f"![手机上的样子 on a phone]({phone(item)})", ""]
    lines.append(f"投递 delivery {item.id} · 摘要 digest {item.digest}")
    return "\n".join(lines)


def phone(item: Held) -> str:
    """Where the board draws it; of the bytes that are asked about, and no others."""
    return f"{BOARD}/item/{item.id}/phone.svg?digest={item.digest[:16]}"


def _findings(item: Held) -> list[str]:
    """What was found in it before anybody was asked."""
    if not item.findings:
        return ["- 错敏词、个人信息 words and personal data: 未发现 none found"]
    return ["", "**请留意 please look at**", ""] + [
        f"- ⚠ {plain(_PARTS.get(one.field, one.field))}: {plain(one.said)}" for one in item.findings
    ]


def _changes(item: Held) -> list[str]:
    """What differs from what citizens read now."""
    if not item.changes:
        return []
    shown = [f"- {plain(line)}" for line in item.changes[:_MOST_LINES]]
    left = len(item.changes) - len(shown)
    more = [f"- …… 另有 {left} 处 more"] if left else []
    return ["", "**与已发布内容的差别 changes to what is published**（- 原 + 新）", "", *shown, *more]


def plain(text: str) -> str:
    """``text`` as Markdown that shows exactly it: on one line, every character that could be markup escaped."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
