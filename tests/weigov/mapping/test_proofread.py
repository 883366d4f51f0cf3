"""What is found in a text before anybody is asked: words of the site's bank, and numbers that belong to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from weigov import personal
from weigov.mapping.proofread import blocking, proofread
from weigov.mapping.words import WordBank

BANK = WordBank.model_validate(
    {
        "block": ["内部掌握"],
        "warn": [
            {"word": "按装", "say": "安装"},
            {"word": "国庆", "say": "国庆节", "except": ["国庆节", "国庆假期"]},
        ],
    }
)


def said(text: str, bank: WordBank = BANK, **more: bool) -> list[tuple[str, str]]:
    return [(one.level, one.said.partition("，")[0]) for one in proofread(bank, {"content": text}, **more)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("设备按装完毕", [("warn", "“按装”")]),
        ("国庆节放假，国庆假期值班", []),  # only as part of longer words that are right
        ("国庆节前，国庆当天", [("warn", "“国庆”")]),
        ("按装；再次按装", [("warn", "“按装”")]),  # once a field
        ("", []),
    ],
)
def test_a_word_is_found_outside_of_the_longer_words_it_is_part_of(text: str, found: list[tuple[str, str]]) -> None:
    assert said(text) == found


def test_what_blocks_comes_first_and_says_where_and_what_instead() -> None:
    found = proofread(BANK, {"title": "关于按装的通知", "content": "…内部掌握…"})
    assert [(one.level, one.field) for one in found] == [("block", "content"), ("warn", "title")]
    assert found[1].said == "“按装”，应为 say: 安装（…关于按装的通知…）"
    assert blocking(found) == ["content: “内部掌握”（……内部掌握……）"]


@pytest.mark.parametrize(
    ("numbers", "text", "found"),
    [
        (personal.id_numbers, "身份证11010519491231002X。", ["11010519491231002X"]),
        (personal.id_numbers, "身份证11010519491231002x", ["11010519491231002x"]),
        (personal.id_numbers, "110105 19491231 002X", ["110105 19491231 002X"]),
        (personal.id_numbers, "110105194912310021", []),  # its check digit is wrong: a document number
        (personal.id_numbers, "20260311010519491231002X", []),  # part of something longer
        (personal.bank_cards, "卡号6222 0212 3456 7890 129", []),
        (personal.bank_cards, "卡号 6222021234567890129", []),
        (personal.bank_cards, "卡号 6228480402564890018", ["6228480402564890018"]),
        (personal.bank_cards, "6228 4804 0256 4890 018", ["6228 4804 0256 4890 018"]),
        (personal.mobiles, "电话13800138000，转1", ["13800138000"]),
        (personal.mobiles, "+86 138-0013-8000", ["+86 138-0013-8000"]),
        (personal.mobiles, "02012345678", []),
        (personal.mobiles, "订单138001380001", []),
    ],
)
def test_a_number_is_a_person_s_when_its_shape_and_its_check_say_so(
    numbers: Callable[[str], Iterator[str]], text: str, found: list[str]
) -> None:
    assert list(numbers(text)) == found


def test_a_personal_number_is_shown_masked_and_only_as_the_site_wants() -> None:
    text = "张三，11010519491231002X，13800138000"
    found = proofread(WordBank(), {"content": text})
    assert [(one.level, one.kind) for one in found] == [("block", "id_card"), ("warn", "mobile")]
    assert all("1949" not in one.said and "0013" not in one.said for one in found)
    assert found[0].said.endswith("110…2X")
    lenient = WordBank.model_validate({"personal_data": {"id_card": "warn", "mobile": "off"}})
    assert [(one.level, one.kind) for one in proofread(lenient, {"content": text})] == [("warn", "id_card")]
    assert proofread(BANK, {"content": text}, numbers=False) == []
