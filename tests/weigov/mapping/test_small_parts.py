"""The small pure parts: steps, styles, times, unseen characters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weigov.mapping.model import Step
from weigov.mapping.steps import STEPS, StepRefused
from weigov.mapping.style import clean_style
from weigov.mapping.text import UNSEEN, plain
from weigov.mapping.times import format_fault, format_time


def test_every_step_a_flow_may_name_is_there_and_no_other() -> None:
    assert set(STEPS) == set(get_args(Step))


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("strip", " 　通知 \n", "通知"),
        ("collapse_space", " 关于\n 印发　办法 ", "关于 印发 办法"),
        ("first_line", "\n \n第一行 \n第二行", "第一行"),
        ("first_line", "", ""),
        ("plain_text", "<p>您好，<b>已办</b></p><p>谢谢</p>", "您好，已办\n谢谢"),
        ("require_https", " https://www.gov.cn/a ", "https://www.gov.cn/a"),
        ("require_https", "", ""),
        ("require_http", "http://www.gov.cn/a", "http://www.gov.cn/a"),
        ("mask_name", "王建国", "王**"),
        ("mask_name", "王", "*"),
        ("mask_name", "阿依古丽·买买提", "阿*******"),
        ("mask_id", "110101199003078515", "**************8515"),
        ("mask_id", "1234567", "*******"),
        ("mask_id", "", ""),
    ],
)
def test_a_step_does_what_it_is_called(step: Step, text: str, expected: str) -> None:
    assert STEPS[step](text) == expected


@pytest.mark.parametrize(
    "text", ["http://www.gov.cn", "www.gov.cn", "https:///x", "https://a b", "https://[x", "javascript:x"]
)
def test_an_address_that_is_not_https_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(StepRefused) as caught:
        STEPS["require_https"](text)
    assert text not in str(caught.value)


@given(st.text())
def test_a_masked_name_shows_one_character_at_most(name: str) -> None:
    assert sum(c != "*" for c in STEPS["mask_name"](name.replace("*", ""))) <= 1


@pytest.mark.parametrize(
    ("style", "css"),
    [
        ("COLOR: Red ; font-weight:bold", "color:red;font-weight:bold"),
        ("color:red!important", "color:red"),
        ("text-indent:32.0pt", "text-indent:2em"),
        ("font-size:16.0pt;line-height:28.0pt", ""),
        ("font-size:18px;line-height:1.75em", "font-size:18px;line-height:1.75em"),
        ("font-size:200px", ""),
        ("border:1px solid #ddd", "border:1px solid #ddd"),
        ("border:solid windowtext 1.0pt", ""),
        ("background:#fff", "background-color:#fff"),
        ("background:url(x) #fff", ""),
        ("margin:0 auto;padding:4px 8px", "margin:0 auto;padding:4px 8px"),
        ("width:960px;height:3px;float:left;position:absolute", ""),
        ("font-family:仿宋;mso-bidi-font-family:宋体", ""),
        ("color:rgba(0, 0, 0, .5)", "color:rgba(0, 0, 0, .5)"),
        ("color:/**/red", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_only_named_properties_with_plain_values_stay(style: str, css: str) -> None:
    assert clean_style(style).css == css


@given(st.text(alphabet=st.sampled_from(list("color:red;#f0px 1em-(url)\\/*!%borde")), max_size=60))
def test_cleaning_a_style_twice_equals_once(style: str) -> None:
    once = clean_style(style).css
    assert clean_style(once).css == once
    assert "(" not in once.replace("rgb(", "").replace("rgba(", "") and "\\" not in once


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("YYYY年M月D日 HH:mm", "2026年3月5日 08:07"),
        ("YYYY-MM-DD HH:mm:ss", "2026-03-05 08:07:09"),
        ("M/D H:mm", "3/5 8:07"),
    ],
)
def test_a_time_is_shown_in_the_sites_zone(pattern: str, expected: str) -> None:
    moment = datetime(2026, 3, 5, 0, 7, 9, tzinfo=UTC)
    assert format_time(moment, pattern, ZoneInfo("Asia/Shanghai")) == expected


def test_a_date_belongs_to_no_zone() -> None:
    assert format_time(date(2026, 3, 5), "YYYY年M月D日", ZoneInfo("America/New_York")) == "2026年3月5日"


@pytest.mark.parametrize(
    ("pattern", "clock", "words"),
    [("yyyy-MM", True, "'yyyy'"), ("今天", True, "no part"), ("YYYY HH", False, "hour"), ("YYYYMMDD", True, None)],
)
def test_a_wrong_format_is_known_before_any_record_comes(pattern: str, clock: bool, words: str | None) -> None:
    fault = format_fault(pattern, has_clock=clock)
    assert (fault is None) if words is None else (fault is not None and words in fault)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("关于\u202e文\u202c", "关于文"),
        ("零\u200b宽\ufeff\u2060", "零宽"),
        ("a\x00b\x07c", "abc"),
        ("一\r\n二\r三\u2028四", "一\n二\n三\n四"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("字\u200d字", "字字"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("制表\t符", "制表\t符"),
    ],
)
def test_characters_nobody_sees_are_taken_out_unless_a_script_needs_them(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_taking_them_out_twice_equals_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_no_unseen_character_is_printable_so_printable_text_needs_no_look() -> None:
    assert not [code for code in range(0x110000) if UNSEEN.fullmatch(chr(code)) and chr(code).isprintable()]
    assert not any(sign.isprintable() for sign in "\r\n\t\f")
