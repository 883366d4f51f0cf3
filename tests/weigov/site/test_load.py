"""A site's folder is read whole: every fault at once, each with its file, line and a way out."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.weigov.site.town import FILES, MENU, NOTICES, PROGRESS, SITE, shapes, write
from weigov.errors import ConfigError, Fault
from weigov.site.load import load_site, load_site_parts
from weigov.site.menu_models import MenuChildren
from weigov.site.models import Constant, Formatted


def faults_of(folder: Path) -> list[Fault]:
    with pytest.raises(ConfigError) as caught:
        load_site(folder, shapes)
    return list(caught.value.faults)


def test_a_sound_site_loads_whole(tmp_path: Path) -> None:
    site = load_site(write(tmp_path), shapes)
    assert site.site == "town" and site.zone == ZoneInfo("Asia/Shanghai")
    assert list(site.flows) == ["menu", "notices", "progress"]
    assert site.flows["progress"].valid_for == timedelta(days=2)
    assert site.flows["progress"].streams() == (("cases", "cases"),)
    assert site.flows["menu"].streams() == (("cms", "columns"),)
    assert isinstance(site.flows["menu"].menu[0].children, MenuChildren)
    assert site.shapes["cms"].name == "a_cms"


# file, what stands there, what is put in its place, path of the fault, words of the fault
N, P, M = "flows/notices.yaml", "flows/progress.yaml", "flows/menu.yaml"

BROKEN = [
    ("site.yaml", "site: town", "site: village", "site", "not the name of its folder"),
    ("site.yaml", "Asia/Shanghai", "Asia/Shangai", "time_zone", "not a time zone"),
    ("site.yaml", "type: subscription", "type: subscribtion", "accounts.news.type", "did you mean subscription?"),
    ("site.yaml", "wechat_news", "wechat_city", "accounts.news.connection", "two accounts cannot be one appid"),
    ("site.yaml", "phrase2, time3", "phrase2, thyme3", "fields.2", "'thyme3' is not a template key"),
    ("site.yaml", "phrase2, time3", "phrase2, thing1", "fields.2", "there twice"),
    ("site.yaml", "descriptor: a_cms", "descriptor: b_cms", "systems.cms.descriptor", "'b_cms'"),
    ("site.yaml", "img.cms.internal", "http://img.cms/", "media_hosts.0", "not a host name"),
    ("site.yaml", "    media_hosts", "    media_host", "systems.cms.media_host", "did you mean media_hosts?"),
    (N, "flow: notices", "flow: notes", "flow", "not the file's name"),
    (N, "system: cms", "system: cmss", "from.system", "did you mean cms?"),
    (N, "stream: articles", "stream: article", "from.stream", "did you mean articles?"),
    (N, "    column:", "    colunm:", "from.where.colunm", "did you mean column?"),
    (N, '{under: "0102"}', "{above: x}", "from.where.column.above", "not a word here"),
    (N, '{under: "0102"}', "{under: 0102}", "from.where.column.under", "put it in quotes"),
    (N, '{under: "0102"}', "{}", "from.where.column", "says nothing"),
    (N, '{under: "0102"}', "{since: 2026-01-01}", "column.since", "not a time"),
    (N, "begin: all", "begin: yesterday", "begin", "must be now, all or a date"),
    (N, "city, news]", "city, nwes]", "to.accounts.1", "did you mean news?"),
    (N, "city, news]", "city, city]", "to.accounts.1", "there twice"),
    (N, "  kind: news", "  kind: newspaper", "to.kind", "did you mean news?"),
    (
        N,
        "via: publish",
        "via: post",
        "to.via",
        "'post' is not a word here (known: draft, mass, publish)",
    ),
    (N, "  via: publish\n", "", "to.via", "news needs it"),
    (N, "begin: all", "gathers: {take: 8}", "gathers", "is not a word here"),
    (N, "  via: publish", "  via: publish\n  as: newspics", "to.as", "did you mean newspic?"),
    (P, "  kind: template", "  kind: template\n  as: newspic", "to.as", "means nothing for template"),
    (N, "begin: all", 'schedule: "0 1 * * *"', "schedule", "means nothing for news"),
    (N, "begin: all", "urgent: true", "urgent", "means nothing for news"),
    (N, "begin: all", "correction: {edited: {}}", "correction", "means nothing for news"),
    (N, "begin: all", "trial: {guests: []}", "trial.guests", "at least 1"),
    (N, "  via: publish", "  via: draft\ntrial: {guests: [a]}", "trial", "stay drafts anyway"),
    (P, "valid_for: P2D", "valid_for: P2D\nurgent: true", "urgent", "quiet_hours says the contrary"),
    (P, "valid_for: P2D", "valid_for: P2D\ncorrection: {}", "correction", "says nothing"),
    (P, "valid_for: P2D", "valid_for: P2D\ncorrection: {withdrawn: {}}", "withdrawn.map", "was withdrawn"),
    (
        P,
        "valid_for: P2D",
        "valid_for: P2D\ncorrection: {edited: {template: x}}",
        "edited.template",
        "no template 'x'",
    ),
    (
        P,
        "valid_for: P2D",
        "valid_for: P2D\ncorrection: {edited: {map: {thing1: {from: key}}}}",
        "edited.map.phrase2",
        "missing",
    ),
    (P, "kind: template", "kind: subscribe", "to.template", "is of kind template"),
    (P, "audience: bound_applicant", "audience: subscribers", "to.audience", "of a subscribe notice"),
    ("site.yaml", "{id: TM1,", "{id: TM1, long_term: true,", "progress.long_term", "about subscribe notices"),
    (P, "audience: bound_applicant", "audience: bound\nreview: {needs: 1}", "review", "an audience of bound"),
    ("site.yaml", "type: service", "type: service\n    per_citizen: 5", "accounts.city.per_citizen", "string"),
    (N, "needs: 2", "needs: 0", "review.needs", "greater than 0"),
    (N, "    from: title", "    from: titel", "map.title.from", "did you mean title?"),
    (N, "    from: title", "    from: summary", "map.title.from", "does not fill 'summary'"),
    (N, "    from: title", "    from: html", "map.title.from", "add the step plain_text"),
    (N, "    from: title", "    from: attachments", "map.title.from", "only a layout"),
    (N, "    from: title", "    from: published_at", "map.title.from", "add a format"),
    (N, "steps: [strip]", "steps: [stripp]", "map.title.steps.0", "did you mean strip?"),
    (
        N,
        "    or: short_title",
        "    or: shorter_title",
        "map.title.or",
        "did you mean short_title?",
    ),
    (N, "    max: 32", "    maks: 32", "map.title.maks", "did you mean max?"),
    (N, "  author:", "  auhtor:", "map.auhtor", "did you mean author?"),
    (
        N,
        "    value: 市政府办公室",
        "    max: 3",
        "map.author",
        "exactly one of from, layout, value",
    ),
    (
        N,
        "layout: notice.",
        "layout: notices.",
        "map.content.layout",
        "did you mean notice.html.j2?",
    ),
    (N, "layout: notice.html.j2", "from: title", "map.content.from", "content is HTML"),
    (N, "    value: 市政府办公室", "    layout: notice.html.j2", "author.layout", "only content"),
    (N, "  source_url:", "  digest:", "map.source_url", "is missing"),
    (N, "mark_published", "mark_publish", "sync_back.operation", "did you mean mark_published?"),
    (N, "[confirmed, w", "[confirmt, w", "sync_back.on.0", "did you mean confirmed?"),
    (N, "    link: receipt", "    lnk: receipt", "sync_back.with.lnk", "did you mean link?"),
    (N, "receipt.url", "receipt.uri", "sync_back.with.link", "did you mean receipt.url?"),
    (N, "    state: state", "    title: state", "sync_back.with.title", "which the flow reads"),
    (
        N,
        "    state: state",
        "    at: {from: state, format: YYYY}",
        "with.at.from",
        "is not a time",
    ),
    (
        N,
        "    state: state",
        "    at: {from: receipt.at, format: Q}",
        "with.at.format",
        "'Q' is not a part",
    ),
    (N, "report_reads", "report_read", "sync_back.figures.operation", "did you mean report_reads?"),
    (N, "report_reads", "add_reads", "sync_back.figures.operation", "not safe to repeat"),
    (N, "reads: figures.reads", "reeds: figures.reads", "figures.with.reeds", "did you mean reads?"),
    (N, "reads: figures.reads", "reads: figures.reeds", "figures.with.reads", "did you mean figures.reads?"),
    (N, "reads: figures.reads", "reads: receipt.url", "figures.with.reads", "neither a figure nor of the record"),
    (N, "reads: figures.reads", "title: figures.reads", "figures.with.title", "which the flow reads"),
    (N, "day: figures.day", "day: {from: figures.day, format: HH}", "with.day.format", "asks a date for its hour"),
    (N, "via: publish", "via: draft", "sync_back.figures", "only of published articles there are figures"),
    (P, "valid_for: P2D\n", "", "valid_for", "template needs it"),
    (P, "valid_for: P2D", "valid_for: 2 days", "valid_for", "ISO-8601"),
    (P, "valid_for: P2D", "valid_for: P0D", "valid_for", "greater than"),
    (P, "21:00-08:00", "21:00", "quiet_hours", "two times of day"),
    (
        P,
        "title: 办件进度",
        "title: 办件进度\nbegin: all",
        "begin",
        "messages cannot begin with all",
    ),
    (P, "accounts: [city]", "accounts: [news]", "to.accounts.0", "only a service account"),
    (P, "template: progress", "template: progres", "to.template", "did you mean progress?"),
    (P, "bound_applicant", "everybody", "to.audience", "is not a word here"),
    (P, "[status]", "[statuses]", "from.on_change_of.0", "did you mean status?"),
    (P, "  phrase2:", "  phrase3:", "map.phrase3", "did you mean phrase2?"),
    (P, "code: status", "code: statsu", "map.phrase2.code", "did you mean status?"),
    (P, "version_from: stdver", "version_from: std", "phrase2.version_from", "stdver"),
    (P, "    code: status\n", "", "map.phrase2.version_from", "goes with code"),
    (P, "YYYY年M月D日 HH:mm", "yyyy年M月", "map.time3.format", "'yyyy' is not a part of a time"),
    (P, "case/{id}", "case/{no}", "link.url", "{no} is not filled"),
    (P, "https://town.example/", "town.example/", "link.url", "begins with https://"),
    (P, "https://town.example/", "https://{id}.example/", "link.url", "may not take its host"),
    (P, '  url: "https://town.example/case/{id}"', "  page: case", "link.page", "with url:"),
    (P, "    id: case_id", "    id: case_no", "link.with.id", "did you mean case_id?"),
    (M, "0 6 * * *", "0 66 * * *", "schedule", "not a cron line"),
    (M, "name: 信息发布", "name: 政府信息发布", "menu.0.name", "has 18 bytes; WeChat takes 16"),
    (
        M,
        "name: 网站",
        f"name: {'网' * 21}",
        "menu.1.children.0.name",
        "has 63 bytes; WeChat takes 60",
    ),
    (
        M,
        '        url: "https://town.example/"\n',
        "",
        "menu.1.children.0",
        "exactly one of url, page",
    ),
    (
        M,
        "https://town.example/",
        "ftp://town.example/",
        "menu.1.children.0.url",
        "begins with https://",
    ),
    (M, "key: help", f"key: {'k' * 129}", "menu.1.children.1.key", "129 bytes"),
    (M, "key: help", "page: me", "menu.1.children.1.page", "link to an address with url:"),
    (M, "stream: columns", "stream: articles", "from.stream", "not columns"),
    (M, "take: 5", "take: 6", "menu.0.children.take", "less than or equal to 5"),
    (M, "        from: url", "        from: link", "menu.0.children.link.from", "is not a field of"),
    (M, "      take: 5", "      takes: 5", "takes", "did you mean take?"),
    (M, "  kind: menu", "  kind: menu\n  via: draft", "to.via", "means nothing for menu"),
    ("codes/status.yaml", "name: status", "name: statuses", "name", "not the file's name"),
    ("layouts/notice.html.j2", "{{ title }}", "{{ titel }}", "", "did you mean title?"),
    ("layouts/notice.html.j2", "{{ title }}", "{{ html }}", "", "print it as html | safe_html"),
    ("layouts/notice.html.j2", "{{ title }}", "{{ title.__class__ }}", "", "only extra and the entries of a list"),
    ("layouts/notice.html.j2", "{{ title }}", "{{ range(9) }}", "", "Call is not among what a layout can do"),
    ("layouts/foot.html.j2", "{{ publisher }}", "{{ office }}", "", "'office' is not a field"),
]


def test_a_picture_message_needs_other_fields_than_an_article(tmp_path: Path) -> None:
    folder = write(tmp_path)
    file = folder / "flows" / "notices.yaml"
    file.write_text(file.read_text().replace("  via: publish", "  via: publish\n  as: newspic"))
    assert {(fault.path, fault.message) for fault in faults_of(folder)} == {
        ("map.images", "is missing"),
        ("map.author", "'author' is not a field of this target"),
        ("map.content.layout", "only content of a news target has a layout"),
    }
    text = file.read_text().replace("  author:\n    value: 市政府办公室\n", "  images: {from: html, max: 3}\n")
    file.write_text(text.replace("    layout: notice.html.j2", "    from: html\n    steps: [plain_text]"))
    assert [fault.path for fault in faults_of(folder)] == ["map.images.max"]
    file.write_text(file.read_text().replace("{from: html, max: 3}", "{from: html}"))
    assert load_site(folder, shapes).flows["notices"].to.as_ == "newspic"


@pytest.mark.parametrize(("file", "old", "new", "path", "words"), BROKEN)
def test_one_wrong_thing_is_one_line_that_names_its_place(
    tmp_path: Path, file: str, old: str, new: str, path: str, words: str
) -> None:
    text = FILES[file]
    assert text.count(old) == 1, f"the test must break one place: {old!r}"
    broken = text.replace(old, new)
    folder = write(tmp_path, {file: broken})
    found = faults_of(folder)
    matching = [fault for fault in found if words in str(fault)]
    assert matching, "\n".join(map(str, found))
    fault = matching[0]
    assert fault.file == str(folder / file)
    assert fault.path.endswith(path)
    if new and "\n" not in new:
        assert fault.line is not None
        shown = broken.splitlines()[fault.line - 1]
        around = path.split(".")[-2:] if words == "is missing" else path.split(".")[-1:]
        assert new in shown or any(key in shown for key in around), f"line {fault.line} is {shown!r}"
    assert len({(f.file, f.line, f.path) for f in found if f.file == fault.file}) <= 2


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "flows/notices.yaml": NOTICES.replace("max: 32", "maks: 32").replace("short_title", "sort_title"),
            "flows/progress.yaml": PROGRESS.replace("P2D", "two days").replace("case_id", "case"),
            "flows/menu.yaml": MENU.replace("name: 信息发布", "name: 政府信息发布"),
            "codes/status.yaml": "name: status\n",
            "layouts/foot.html.j2": "{{ nothing }}",
        },
    )
    told = "\n".join(str(fault) for fault in faults_of(folder))
    for words in ("maks", "sort_title", "ISO-8601", "'case'", "18 bytes", "versions: is missing", "'nothing'"):
        assert words in told, told


def test_a_broken_flow_does_not_hide_the_sound_ones(tmp_path: Path) -> None:
    folder = write(tmp_path, {"flows/notices.yaml": NOTICES.replace("stream: articles", "stream: nothing")})
    site, faults = load_site_parts(folder, shapes)
    assert list(site.flows) == ["menu", "progress"]
    assert [Path(fault.file).name for fault in faults] == ["notices.yaml"]


def test_a_system_without_descriptor_takes_only_its_own_flows_along(tmp_path: Path) -> None:
    folder = write(tmp_path, {"site.yaml": SITE.replace("a_case_system", "gone")})
    site, faults = load_site_parts(folder, shapes)
    assert list(site.flows) == ["menu", "notices"]
    assert list(site.systems) == ["cms"]
    assert len(faults) == 1 and "gone" in str(faults[0])


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "flow: [\n", "flow: a\nflow: b\n", "\tflow: a\n", "flow: a\n---\nflow: b\n", "just text"],
)
def test_what_is_no_flow_file_at_all_is_a_fault_and_no_crash(tmp_path: Path, text: str) -> None:
    site, faults = load_site_parts(write(tmp_path, {"flows/odd.yaml": text}), shapes)
    assert list(site.flows) == ["menu", "notices", "progress"]
    assert {Path(fault.file).name for fault in faults} == {"odd.yaml"}


def test_bytes_that_are_not_utf8_are_a_fault(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "flows" / "gbk.yaml").write_bytes("flow: gbk\ntitle: 关于".encode("gbk"))
    assert "UTF-8" in str(faults_of(folder)[0])


def test_a_site_whose_own_file_is_broken_has_no_flows_and_says_why(tmp_path: Path) -> None:
    folder = write(tmp_path, {"site.yaml": SITE.replace("type: service", "type: servic")})
    site, faults = load_site_parts(folder, shapes)
    assert not site.flows and not site.systems
    assert any("did you mean service?" in str(fault) for fault in faults)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "no such folder" in str(faults_of(tmp_path / "nowhere")[0])


def test_a_yml_file_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    assert "rename it to late.yaml" in str(faults_of(write(tmp_path, {"flows/late.yml": NOTICES}))[0])


def test_a_fault_is_told_once_however_many_flows_meet_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "flows/second.yaml": NOTICES.replace("flow: notices", "flow: second"),
            "layouts/foot.html.j2": "{{ nothing }}",
        },
    )
    assert len(faults_of(folder)) == 1


def test_layouts_that_include_each_other_in_a_circle_are_a_fault(tmp_path: Path) -> None:
    folder = write(tmp_path, {"layouts/foot.html.j2": '{% include "notice.html.j2" %}'})
    assert any("in a circle" in str(fault) for fault in faults_of(folder))


def test_begin_may_be_a_date_and_sync_back_may_hold_fixed_texts_and_times(tmp_path: Path) -> None:
    text = NOTICES.replace("begin: all", "begin: 2026-01-31").replace(
        "    state: state", '    state: {value: done}\n    at: {from: receipt.at, format: "YYYY-MM-DD"}'
    )
    flow = load_site(write(tmp_path, {"flows/notices.yaml": text}), shapes).flows["notices"]
    assert flow.begin == date(2026, 1, 31)
    assert flow.sync_back is not None
    assert isinstance(flow.sync_back.with_["state"], Constant)
    assert isinstance(flow.sync_back.with_["at"], Formatted)


def test_a_flow_reads_what_its_rules_layouts_and_conditions_name(tmp_path: Path) -> None:
    site = load_site(write(tmp_path), shapes)
    assert site.reads("notices") == {
        "title", "short_title", "html", "attachments", "publisher", "published_at", "extra.office", "url", "column",
    }  # fmt: skip
    assert site.reads("progress") == {"status"}  # on_change_of alone decides
    assert site.reads("menu") == {"name", "parent", "position", "url"}


@pytest.mark.parametrize(
    ("file", "old", "new", "flow", "changes"),
    [
        ("flows/notices.yaml", "max: 32", "max: 30", "notices", True),
        ("layouts/foot.html.j2", "<p>", "<p >", "notices", True),
        ("codes/status.yaml", "办结", "完成", "progress", True),
        ("codes/status.yaml", "办结", "完成", "notices", False),
        ("flows/notices.yaml", "begin: all", "begin: all  # a comment", "notices", False),
        ("flows/progress.yaml", "valid_for: P2D", "valid_for: PT48H", "progress", False),
        ("flows/progress.yaml", "valid_for: P2D", "valid_for: P2D\norder: latest", "progress", False),
    ],
)
def test_the_digest_of_a_mapping_follows_its_meaning_only(
    tmp_path: Path, file: str, old: str, new: str, flow: str, changes: bool
) -> None:
    before = load_site(write(tmp_path / "a"), shapes).mapping_digest(flow)
    after = load_site(write(tmp_path / "b", {file: FILES[file].replace(old, new)}), shapes).mapping_digest(flow)
    assert (before != after) is changes


@pytest.mark.parametrize(
    ("clock", "until"),
    [
        ("20:59", None),
        ("21:00", "08:00+1"),
        ("23:30", "08:00+1"),
        ("07:59", "08:00"),
        ("08:00", None),
        ("12:00", None),
    ],
)
def test_quiet_hours_may_pass_midnight(tmp_path: Path, clock: str, until: str | None) -> None:
    site = load_site(write(tmp_path), shapes)
    quiet = site.flows["progress"].quiet_hours
    assert quiet is not None
    now = datetime.fromisoformat(f"2026-03-05T{clock}:00+08:00").astimezone(UTC)
    found = quiet.until(now, site.zone)
    if until is None:
        assert found is None
    else:
        day = 6 if until.endswith("+1") else 5
        assert found == datetime.fromisoformat(f"2026-03-0{day}T{until[:5]}:00+08:00")


def test_reading_a_site_loads_no_engine_no_database_and_no_wechat() -> None:
    heavy = {"zeep", "wechatpy", "sqlalchemy", "selectolax", "airflow", "requests", "lxml"}
    code = f"import sys, weigov.site.load; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
