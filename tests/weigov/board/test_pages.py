"""Lists, one item's life, and why a citizen got nothing."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from tests.weigov.board.town import SCRIPT, Town
from tests.weigov.serving import Web
from weigov.board.item import masked
from weigov.ledger import audit_log, board
from weigov.ledger.board import Wanted


def find(web: Web, words: str) -> str:
    answer = web.post("/why", data={"words": words})
    assert answer.status_code == 200 and answer.url.endswith("/why")
    return answer.text


def test_a_list_is_filtered_and_paged_by_key(web: Web, town: Town) -> None:
    for n in range(60):
        town.enqueue(f"翻页 {n}", flow="policies", approvals_needed=1)
    first = web.get("/deliveries?flow=policies&state=waiting_review").text
    assert first.count("翻页 ") >= 50 and "翻页 59<" in first and "翻页 9<" not in first
    assert "waits for reviewers" in first  # what the state means stands above the list
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = web.get(older.replace("&amp;", "&")).text
    assert "翻页 9<" in second and "翻页 0<" in second and "翻页 10<" not in second and 'rel="next"' not in second
    assert "Nothing matches" in web.get("/deliveries?flow=policies&state=in_doubt").text
    assert "Nothing matches" in web.get("/deliveries?since=2027-01-01").text
    assert "翻页 59<" in web.get("/deliveries?since=2026-03-10&until=2026-03-10&flow=policies").text
    assert "Nothing matches" in web.get("/deliveries?until=2026-03-09").text
    assert web.get("/deliveries?before=x&since=never&state=odd").status_code == 200


def test_a_filter_without_an_index_stops_after_a_while_and_goes_on(
    web: Web, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "LOOK_AT", 4)
    monkeypatch.setattr(board, "_STEP", 2)
    wanted = Wanted(flow="answers", words="埋得深")
    deep = town.enqueue("埋得深", flow="answers", approvals_needed=1)
    for n in range(8):
        town.enqueue(f"在上面 {n}", flow="answers", approvals_needed=1)
    with town.it.ctx.ledger.read() as connection:
        page = board.listed(connection, "demo", ["answers"], wanted)
        assert page.rows == () and page.next is not None
        for _ in range(5):
            page = board.listed(
                connection, "demo", ["answers"], Wanted(flow="answers", words="埋得深", before=page.next)
            )
            if page.rows:
                break
        assert [row.id for row in page.rows] == [deep.id]
    assert "It stopped after looking at a part" in web.get("/deliveries?flow=answers&channel=menu").text


def test_one_items_life_is_told_from_the_source_to_what_its_system_was_told(web: Web, town: Town) -> None:
    page = web.get(f"/item/{town.published.id}").text
    for part in (
        town.published.record, town.published.digest, "draft 1", "submit 1", "article ", "confirmed",
        "write:mark_published:confirmed", "Nothing to do.", "Link: <a href=",
    ):  # fmt: skip
        assert part in page, part
    assert re.search(r'<iframe class="phone" sandbox="" src="/preview/\d+"', page)
    assert web.get("/item/999999999").status_code == 404


def test_what_upstream_wrote_is_shown_in_a_frame_without_script_or_origin(web: Web, town: Town) -> None:
    answer = web.get(f"/preview/{town.published.id}")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;") and "default-src 'none'" in policy and "allow-" not in policy
    hostile = town.enqueue(
        "恶意", title=SCRIPT, payload={"title": SCRIPT, "content": SCRIPT, "author": SCRIPT, "images": []}
    )
    for path in (f"/item/{hostile.id}", "/deliveries", "/"):
        page = web.get(path).text
        assert "<script>document" not in page and 'onerror="document' not in page
    assert "&lt;script&gt;document.title" in web.get(f"/item/{hostile.id}").text
    document = web.get(f"/preview/{hostile.id}").text
    assert f"<h1>{SCRIPT[:8]}" not in document  # the title is text; the content is what the frame is for


def test_why_a_citizen_got_nothing_is_one_form_away(web: Web, town: Town) -> None:
    assert "Nobody is bound to this case" in find(web, town.unbound)
    told = find(web, town.told)
    assert "It was delivered 2026-03-10" in told and "Citizens bound to it (city): 1" in told
    held = find(web, f"cms/articles/{town.quarantined}")
    assert "The record could not be mapped: " in held and "title" in held
    assert "Nothing is known of “ZX-不存在”" in find(web, "ZX-不存在")
    assert f"/item/{town.published.id}" in find(web, "停水")
    assert f"Delivery {town.published.id}" in find(
        web, str(town.published.id)
    ) or f"/item/{town.published.id}" in find(web, str(town.published.id))
    chinese = web.post("/why", data={"words": town.unbound}, headers={"Accept-Language": "zh"}).text
    assert "没有市民绑定此办件" in chinese


def test_the_quarantine_says_why_and_offers_the_replay(web: Web, town: Town) -> None:
    page = web.get("/quarantine?flow=notices").text
    assert f"cms/articles/{town.quarantined}" in page and 'action="/act/quarantine"' in page
    assert "act/quarantine" not in web.get("/quarantine", headers={"X-Role": "viewer"}).text


def test_flow_account_and_code_pages_and_the_tab_of_a_run(web: Web, town: Town) -> None:
    assert 'action="/act/pause"' in web.get("/flow/notices").text
    assert "were used this month" in web.get("/account/city").text
    assert "clear the quota" in web.get("/codes?code=45009").text
    for dag, page in (
        ("flow_notices", "/flow/notices"),
        ("review_notices", "/flow/notices"),
        ("deliver_city", "/account/city"),
        ("collect_cms_articles", "/"),
        ("flow_gone", "/"),
    ):
        answer = web.get(f"/dag/{dag}", allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
    for path in ("/flow/gone", "/account/gone", "/preview/999999", "/nowhere"):
        answer = web.get(path)
        assert answer.status_code == 404 and "There is no such page." in answer.text, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_audit_log_is_shown_whole_and_taken_out(web: Web, town: Town) -> None:
    with town.it.ctx.ledger.begin() as connection:
        audit_log.append(
            connection, "demo", "pause", about="flow x", person="王芳", reason="=1+1", at=town.it.ctx.now()
        )
    page = web.get("/log").text
    assert "The chain is whole" in page and "王芳" in page
    rows = [json.loads(line) for line in web.get("/log.jsonl").text.splitlines()]
    assert audit_log.verify(rows).problem == "" and rows[-1]["person"] == "王芳"
    read = list(csv.DictReader(io.StringIO(web.get("/log.csv").text)))
    assert read[-1]["reason"] == "'=1+1" and len(read) == len(rows)
    assert web.get("/log.xml").status_code == 404


def test_no_openid_is_on_any_page(web: Web, town: Town) -> None:
    from sandbox.people import PEOPLE

    pages = [web.get(path).text for path in ("/", "/deliveries", "/deliveries?flow=case_progress")]
    pages += [find(web, town.told)]
    told = re.findall(r"/item/(\d+)", pages[-1])
    pages += [web.get(f"/item/{each}").text + web.get(f"/preview/{each}").text for each in told]
    assert len(pages) > 4 and not any(person.openid in page for page in pages for person in PEOPLE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("电话 13812345678。", "电话 138****5678。"),
        ("11010119900307123X", "110****123X"),
        ("2026-03-10 10:00", "2026-03-10 10:00"),
        ("编号 1234567890", "编号 1234567890"),
    ],
)
def test_a_message_is_shown_without_whole_numbers_of_people(text: str, shown: str) -> None:
    assert masked(text) == shown
