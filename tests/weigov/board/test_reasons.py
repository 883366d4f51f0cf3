"""Every reason the code can write has its sentence on the board, with what to do.

The code is walked: every text of two words and more in a module that writes reasons must fit a sentence of
weigov/board/words/reasons/, or stand in ``NO_REASON`` with why it is none. What is new and in neither fails here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from weigov.board import reasons, words
from weigov.board.words import Words

ROOT = Path(__file__).resolve().parents[3]
#: All that writes reasons of deliveries, revisions, rejected rows and streams, and refuses what people ask for.
WALKED = ("weigov/ledger", "weigov/flow", "weigov/mapping", "weigov/wechat", "adapters")
#: Modules and folders of these that write none, by what they write instead.
WRITES_NONE = {
    "the database's own": (
        "weigov/ledger/dialect.py", "weigov/ledger/engine.py", "weigov/ledger/migrate.py", "weigov/ledger/migrations",
        "weigov/ledger/seal.py", "weigov/ledger/tables", "weigov/ledger/tokens.py",
    ),
    "for the command line": (
        "weigov/flow/audit", "weigov/flow/fan_out.py", "weigov/flow/gather.py", "weigov/flow/menus/diff.py",
        "weigov/flow/menus/versions.py", "weigov/flow/plan.py", "weigov/flow/statistics.py", "weigov/flow/trial.py",
        "weigov/ledger/audit_log.py", "weigov/ledger/bindings.py", "adapters/look", "adapters/tape",
        "adapters/soap/check.py", "adapters/soap/doctor.py", "adapters/soap/patches.py", "adapters/soap/source.py",
        "adapters/soap/wsdl.py",
    ),
    "for people on duty, in both languages": ("weigov/flow/watch.py",),
    "about a descriptor or a layout, before anything is read": (
        "adapters/consistency.py", "adapters/descriptor.py", "adapters/exchange/consistency.py", "adapters/sound.py",
        "adapters/template.py", "adapters/times.py", "adapters/unsealed.py", "adapters/vocabulary",
        "weigov/mapping/layout.py", "weigov/mapping/times.py", "weigov/wechat/account.py",
    ),
    "HTML, CSS and drawings": (
        "weigov/mapping/html.py", "weigov/mapping/starts.py", "weigov/mapping/style.py", "weigov/mapping/tags.py",
        "weigov/mapping/text.py", "weigov/wechat/cover.py",
    ),
    "to whoever posts to the gateway": ("weigov/wechat/callback.py", "weigov/wechat/crypto.py"),
}  # fmt: skip
#: What fails before anything is done for a record: the deployment's YAML and connections, or a mistake of ours.
NOT_OF_A_RECORD = {
    "ConfigError", "ValueError", "LookupError", "AssertionError", "TypeError", "NotImplementedError", "NotTold",
    "given.unfit", "StepFault", "socket.gaierror",
}  # fmt: skip
#: Texts in those modules that are no reason: a pattern of the whole text, and why.
NO_REASON = {
    r"\W*(but for what is kept for withdrawals|--receipt takes the article's id .*|characters with Chinese|"
    r"\{\} characters long|article \{\}:|\{\} \(\{\} row\{\}\)|article \{\} of \{\}|and \{\} more|"
    r"somebody must act|not sent|the citizen)\W*":
        "a part of a sentence, which is there as a whole",
    r"row \{\} of (its batch|page \{\})|of neither|a menu for \{\}|by hand|no type|mass messages a \{\}|"
    r"flow \{\}, revision \{\} of \{\}|Spooled.*|delivery \{\}, digest \{\}": "what something is called",
    r"weigov (collect|reset) .*|descriptor \{\}:\{\} \{\}|connection \{\}: .*": "a command, or a place in a file",
    r"taken over|could not be handled": "counted on the command line",
    r"delivery \{\}: .*(told twice|see the article twice).*": "the risk, which the board says in its own words",
    r"authentication failed|does not exist|Connection \w+|No route to host|Network is unreachable|Read timed out|"
    r"No space left|error == '\w+'": "what a library says, to be known by",
    r"[A-Z]+ .*HTTP/1.*|.*Content-Type: .*|application/json, .*|BEGIN IMMEDIATE|SET SESSION .*|-c statement.*|"
    r"SOAP envelope|write its url as .*": "of a protocol",
}  # fmt: skip
PLACEHOLDER = "§"
_WORD = re.compile(r"(?<!\S)\W?[A-Za-z]{2,}\S*")


def modules() -> Iterator[Path]:
    none = [ROOT / name for names in WRITES_NONE.values() for name in names]
    assert [path for path in none if not path.exists()] == []
    for folder in WALKED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(path == one or one in path.parents for one in none):
                yield path


def template(node: ast.AST) -> str | None:
    """A text as the code has it, with {} for what varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(parts)
    return None


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every text of two words that may be a reason."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    above: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for inner in ast.iter_child_nodes(node):
            above[inner] = node
    for node in ast.walk(tree):
        text = template(node)
        if text is None or len(_WORD.findall(text)) < 2 or _is_part(node, above):
            continue
        if re.search("[一-鿿]", text):  # in both languages already
            continue
        statement = node
        while not isinstance(statement, ast.stmt):
            statement = above[statement]
        if isinstance(statement, ast.Raise) and isinstance(statement.exc, ast.Call):
            if ast.unparse(statement.exc.func) in NOT_OF_A_RECORD:
                continue
        yield node.lineno, text  # type: ignore[attr-defined]


def _is_part(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether it is a docstring, or within another text."""
    if isinstance(above.get(node), ast.Expr):
        return True
    while node in above:
        node = above[node]
        if isinstance(node, ast.JoinedStr):
            return True
    return False


def filled(text: str) -> str:
    """With something for what varies, before a text that goes on from another and behind one that is gone on with."""
    before = PLACEHOLDER if text.startswith((",", ";", " ")) else ""
    behind = PLACEHOLDER if text.endswith(" ") else ""
    return before + text.replace("{}", PLACEHOLDER) + behind


def unsaid() -> list[str]:
    missing = []
    for path in modules():
        for line, text in texts(path):
            if any(re.fullmatch(pattern, text, re.DOTALL) for pattern in NO_REASON):
                continue
            if reasons._one(filled(text)) is None:
                missing.append(f"{path.relative_to(ROOT)}:{line}: {text!r}")
    return missing


def test_every_reason_the_code_can_write_has_its_sentence() -> None:
    missing = unsaid()
    assert missing == [], "write them into weigov/board/words/reasons/, or why they are none into NO_REASON"


#: Where a configuration error is read on a shell, before anything runs; one there is shown to nobody else.
ON_A_SHELL = (
    "weigov/commands", "weigov/schema.py", "weigov/gateway", "adapters/look", "adapters/tape",
    "adapters/soap/doctor.py", "adapters/soap/source.py",
)  # fmt: skip
#: Where a stretch to collect again is none: quoted, since with and without dashes they are four sentences.
QUOTED = re.compile(r"\{\}since must .*|\{\}since is in .*|\{\}until needs .*")


def test_every_configuration_error_a_run_can_meet_has_its_sentence() -> None:
    found, missing = 0, []
    for folder in ("weigov", "adapters", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if any(ROOT / one == path or ROOT / one in path.parents for one in ON_A_SHELL):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or ast.unparse(node.func) != "ConfigError" or not node.args:
                    continue
                text = template(node.args[0])  # of faults of the YAML each names its file and line
                if text is None or QUOTED.fullmatch(text):
                    continue
                found += 1
                said = reasons._one(filled(text))
                if said is None or not said.advice:
                    missing.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text!r}")
    assert missing == [] and found > 60


def test_no_sentence_is_there_that_the_code_does_not_write() -> None:
    written = "\n".join(
        text
        for folder in ("weigov", "adapters", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (text := template(node)) is not None
    )
    for one in reasons.sentences():
        parts = [part.strip(" .()`?“”") for part in re.split(r"[;:,](?: |$)", one.anchor)]
        assert all(part in written for part in parts), one.english


def test_every_sentence_is_whole_and_has_an_advice_in_both_languages() -> None:
    found = [one.english for one in reasons.sentences()]
    assert len(found) > 250 and len(found) == len(set(found))
    known = {name.removeprefix("advice.") for name in words._load("ui") if name.startswith("advice.")}
    assert {one.advice for one in reasons.sentences()} == known
    for one in reasons.sentences():
        assert re.search("[一-鿿]", one.chinese.replace("{0}", "的")), one
        holes = one.pattern.groups - one.english.startswith("…")
        assert "…" not in one.chinese[1:], one
        used = re.findall(r"\{(\d*)\}", one.chinese)
        assert all(int(n) < holes for n in used if n) if "0" in used else len(used) == holes, one


@pytest.mark.parametrize(
    ("english", "chinese", "do"),
    [
        (
            "title: title has 40 characters, at most 32 fit, short_title is empty; content: html is empty",
            "标题：title 有 40 个字，最多 32 个，short_title 为空；正文：html 为空",
            "请编辑在原系统修正，或改映射（max、or、另一字段）后重放。",
        ),
        (
            "cms list: was sent, but it did not answer in time: it may have taken effect",
            "cms list：已发出，但没有及时回答，可能已生效",
            "不必处理：程序自动核对，不会盲目重发；一小时后仍不明时请查看。",
        ),
        (
            "data.thing1: 21 characters, at most 20; articles.0.cover: missing; a news article needs a cover",
            "data.thing1：21 个字，最多 20 个；articles.0.cover：缺少封面",
            "请编辑在原系统修正，或改映射（max、or、另一字段）后重放。",
        ),
        (
            "deliveries are stopped by wang at 2026-11-26 10:00 UTC (restored; from 03:00) until `weigov recover`",
            "投递已停止：wang 于 2026-11-26 10:00（UTC）停止（restored; from 03:00），运行 weigov recover 后继续",
            "恢复账本后运行 weigov recover。",
        ),
        (
            "lost: article 2: title: “甲” became “乙”; pictures: 1 of 3 are there",
            "微信没有留全：第 2 篇：标题：“甲” 变成了 “乙”；图片：只有 1/3 个",
            "在公众平台对照原文；丢了文字时由审核人员决定。",
        ),
        ("delivery 7 is not in doubt, it is confirmed: nothing is to be settled",
         "投递 7 并不存疑，现在是“已送达”：无需裁定", "请重新打开该条目查看现状。"),
        ("title: is what it is; short_title is empty", "原文“title: is what it is”；short_title 为空",
         "请编辑在原系统修正内容，下次采集后自动重新生成。"),
        ("cms list: refused: ORA-01017: invalid username/password; logon denied",
         "cms list：被拒：原文“ORA-01017: invalid username/password; logon denied”",
         "联系该系统的负责人；恢复后自动继续。"),
        ("connection c is missing: add it in Airflow under Admin → Connections, set AIRFLOW_CONN_C, or add it to s",
         "缺少连接 c：在 Airflow 的“管理 → 连接”中添加，或设置环境变量 AIRFLOW_CONN_C，或写入 s",
         "核对连接中的地址、账号、密码和证书。"),
        ("connection city: login (appid) is missing; password (AppSecret) is missing",
         "连接 city：login (appid) 缺失；password (AppSecret) 缺失",
         "核对连接中的地址、账号、密码和证书。"),
        ("there is no system crm; there are: cases, cms, qa", "没有 system crm，只有：cases, cms, qa",
         "改正触发时填写的参数，或改正手写的 DAG。"),
        ("标题有误，please look", "标题有误，please look", ""),
        ("somebody", "somebody", ""),
        ("something new", "原文“something new”", ""),
        ("a: " * 300 + "is empty", "a: " * 300 + "is empty", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_reason_is_said_part_by_part(english: str, chinese: str, do: str) -> None:
    assert Words("zh").reason(english) == chinese
    assert Words("zh").advice(english) == do


def test_a_code_of_wechats_is_in_the_readers_language() -> None:
    from weigov.wechat.errcodes import ERRCODES

    row = ERRCODES[45009]
    text = f"city draft/add: 45009 {row.zh}。{row.advice} [reach max api daily quota limit]"
    assert Words("zh").reason(text) == text.replace("add: ", "add：")
    english = Words("en").reason(text)
    assert not re.search("[一-鿿]", english) and "It goes on by itself tomorrow" in english
    assert Words("en").reason("x: 45009 别的话。别的 [y]") == "x: 45009 别的话。别的 [y]"
