"""Every state and every code is a sentence in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import weigov.board as package
from weigov.board import words
from weigov.board.words import LANGS, Lang, Words, choose
from weigov.ledger.states import STATES
from weigov.wechat.client import PublishState
from weigov.wechat.errcodes import ERRCODES
from weigov.wechat.mass import State

HERE = Path(package.__file__).parent


@pytest.mark.parametrize("lang", LANGS)
def test_every_state_has_a_name_a_meaning_and_what_to_do(lang: Lang) -> None:
    assert set(words._load("states")) == set(STATES)
    for state in STATES:
        said = Words(lang).state(state)
        assert said.name and said.says and said.do and said.needs in ("person", "wait", "nothing"), state


@pytest.mark.parametrize("lang", LANGS)
def test_every_code_says_its_cause_and_what_to_do(lang: Lang) -> None:
    found = dict((row.code, said) for row, said in Words(lang).errcodes())
    assert set(found) == set(ERRCODES)
    for code, said in found.items():
        chinese = bool(re.search("[一-鿿]", said.do))
        assert said.says and said.do and chinese == (lang == "zh"), code
    assert Words(lang).errcode(987654).do


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_sentence_is_in_both_languages_with_the_same_placeholders() -> None:
    for key, pair in words._load("ui").items():
        zh, en = pair
        assert zh and en, key
        assert placeholders(zh) == placeholders(en), key


def test_every_sentence_a_page_asks_for_is_there() -> None:
    known = set(words._load("ui"))
    asked = set()
    for file in [*HERE.glob("templates/*.html"), *HERE.glob("*.py")]:
        text = file.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""\bt\(["']([\w.]+\w)["'][,)]""", text))
        asked |= set(re.findall(r"""\bwords\(["']([\w.]+)["']""", text))
        asked |= set(re.findall(r"""["']((?:todo|nav|why|act|error)\.(?!html)\w+)["']""", text))
    assert asked - known == set() and len(asked) > 60


def test_a_reason_of_the_ledgers_is_said_in_chinese() -> None:
    zh = Words("zh")
    assert zh.reason("today's calls of /cgi-bin/draft/add are used up") == "今日 /cgi-bin/draft/add 的调用额度已用完"
    assert "（为撤稿保留的除外）" in zh.reason("today's calls of x are used up, but for what is kept for withdrawals")
    assert zh.reason("notices is paused by wang (台风) until `weigov resume notices`").startswith(
        "流程 notices 已由 wang"
    )
    assert zh.reason("something new") == "原文“something new”"
    assert Words("en").reason("something new") == "something new"


@pytest.mark.parametrize("status", [*get_args(PublishState), *get_args(State)])
def test_what_wechat_said_of_a_publication_is_said_in_chinese(status: str) -> None:
    assert Words("zh").word("status", status) != status


def test_a_step_may_have_a_place() -> None:
    assert [Words("zh").step(step) for step in ("cover:2", "add 3", "draft")] == [
        "上传封面 2", "添加个性化菜单 3", "存草稿"
    ]  # fmt: skip


def test_codes_in_a_reason_are_explained() -> None:
    text = "city draft/add: 45009 日调用额度用尽。微信未执行 [reach max api daily quota limit]"
    ((code, said),) = Words("en").in_text(text)
    assert code == 45009 and "clear the quota" in said.do
    assert [code for code, _ in Words("en").in_text("-1 and 40001, not 12345 or wg45009")] == [-1, 40001]


@pytest.mark.parametrize(
    ("asked", "cookie", "accept", "lang"),
    [
        ("", "", "", "zh"),
        ("", "", "en-US,en;q=0.9", "en"),
        ("", "", "fr,zh;q=0.4,en;q=0.8", "en"),
        ("", "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("xx", "xx", "de;q=x,zh", "zh"),
    ],
)
def test_the_language_is_what_was_asked_chosen_or_preferred(asked: str, cookie: str, accept: str, lang: str) -> None:
    assert choose(asked, cookie, accept) == lang
