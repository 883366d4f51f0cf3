"""Layouts print plain values and little else; what they may not do is known before any record comes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from weigov.mapping.layout import MAX_OUTPUT_CHARS, Body, LayoutError, Layouts
from weigov.records import KINDS

ARTICLE = {"key": "text", **KINDS["article"]}


def faults(text: str, **others: str) -> list[str]:
    return [fault.message for fault in Layouts({"a": text, **others}).faults("a", ARTICLE)]


def rendered(text: str, **values: object) -> str:
    everything = {**dict.fromkeys(ARTICLE), **values}
    return Layouts({"a": text}).render("a", everything, {"office": "法制办<"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ title }}{{ key }}{{ extra.anything }}",
        "{% if html %}{{ html | safe_html }}{% else %}无{% endif %}",
        "{% for f in attachments %}{{ loop.index }}{{ f.name }}{{ f.url }}{% else %}无{% endfor %}",
        '{{ published_at | format("YYYY年M月D日") }}',
        "{{ title if title else short_title }}{{ title ~ author }}",
        '{% if title == "x" and not author or source %}y{% endif %}',
        "{{ title | trim }}",
    ],
)
def test_what_a_layout_can_do(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ range(10) }}", "Call"),
        ("{{ title.upper() }}", "Call"),
        ("{{ ''.__class__ }}", "Getattr"),
        ("{{ title.__class__ }}", "only extra and the entries"),
        ("{{ title['x'] }}", "Getitem"),
        ("{{ 'x' * 999999 }}", "Mul"),
        ("{{ 2 ** 9999 }}", "Pow"),
        ("{% set x = 1 %}", "Assign"),
        ("{% macro m() %}{% endmacro %}", "Macro"),
        ("{% autoescape false %}{{ title }}{% endautoescape %}", "is not among"),
        ("{% import 'b' as b %}", "Import"),
        ("{% include title %}", "Include"),
        ("{% include '../secret' %}", "not in the layouts folder"),
        ("{{ title | safe }}", "filter"),
        ("{{ title | safe_html }}", "no body of HTML"),
        ("{{ (title ~ 'x') | safe_html }}", "takes a field"),
        ("{{ html }}", "print it as html | safe_html"),
        ("{{ html ~ title }}", "print it as html | safe_html"),
        ("{{ attachments }}", "go through it with for"),
        ("{% for c in title %}{% endfor %}", "'title' is not a list"),
        ("{% for f in attachments %}{{ f }}{% endfor %}", "has parts"),
        ("{% for f in attachments %}{{ f.size }}{% endfor %}", "an entry has name, url"),
        ("{% for f in attachments recursive %}{% endfor %}", "write loops as"),
        ("{% for f in attachments if f.name %}{% endfor %}", "write loops as"),
        ("{{ titel }}", "'titel' is not a field"),
        ('{{ published_at | format("yyyy") }}', "'yyyy'"),
        ("{{ published_at | format(title) }}", "format takes one text"),
        ("{% if title %}", "end of template"),
        ("{{ title ", "unexpected"),
        ("{% for a in attachments %}" * 3 + "x" + "{% endfor %}" * 3, "nested deeper than 2"),
    ],
)
def test_what_a_layout_cannot_do_is_a_fault_at_load(text: str, words: str) -> None:
    assert any(words in message for message in faults(text)), faults(text)


def test_a_fault_in_an_included_layout_names_that_file_and_line() -> None:
    layouts = Layouts({"a": "{% include 'b' %}", "b": "\n\n{{ nothing }}"})
    fault = layouts.faults("a", ARTICLE)[0]
    assert (fault.layout, fault.line, fault.unknown) == ("b", 3, "nothing")


def test_reads_and_closure_follow_includes() -> None:
    layouts = Layouts({"a": "{{ title }}{% include 'b' %}", "b": "{{ extra.x }}{% if url %}{% endif %}", "c": ""})
    assert layouts.closure("a") == ("a", "b")
    assert layouts.reads("a") == {"title", "extra.x", "url"}


def test_values_are_escaped_and_absent_ones_print_nothing() -> None:
    assert rendered("{{ title }}|{{ author }}|{{ extra.office }}|{{ extra.none }}", title="<b>&") == (
        "&lt;b&gt;&amp;||法制办&lt;|"
    )


def test_times_print_as_they_are_told() -> None:
    moment = datetime(2026, 3, 5, 1, 2, tzinfo=UTC)
    text = '{{ published_at }}|{{ published_at | format("M月D日") }}|{{ written_on }}|{{ updated_at | format("M") }}'
    assert rendered(text, published_at=moment, written_on=date(2026, 1, 2)) == "2026-03-05 01:02|3月5日|2026-01-02|"


def test_a_body_goes_in_through_safe_html_alone() -> None:
    body = Body()
    assert body.token in rendered("{{ html | safe_html }}", html=body)
    assert rendered("{% if html %}有{% endif %}", html=body) == "有"
    assert rendered("{% if html %}有{% endif %}{{ html | safe_html }}", html=Body(present=False)) == ""
    for text in ("{{ html }}", "{{ title | safe_html }}"):
        with pytest.raises(LayoutError):
            rendered(text, html=body, title="<b>")


def test_a_layout_that_grows_without_end_is_stopped() -> None:
    files = [{"name": "x" * 1000, "url": ""}] * 200
    text = "{% for a in attachments %}{% for b in attachments %}{{ b.name }}{% endfor %}{% endfor %}"
    with pytest.raises(LayoutError, match=f"{MAX_OUTPUT_CHARS:,}"):
        rendered(text, attachments=files)


def test_a_record_a_layout_cannot_show_is_told_without_its_values() -> None:
    with pytest.raises(LayoutError) as caught:
        rendered("{% for f in attachments %}{% endfor %}", attachments=1234567)
    assert "1234567" not in str(caught.value)
