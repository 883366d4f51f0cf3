"""The board in a real browser, inside a real Airflow: what whoever is on duty does there, and what no page may do."""

from __future__ import annotations

import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, sync_playwright

from ops.pictures import chromium
from tests.missing import skip_or_fail
from tests.weigov.board.town import SCRIPT, Town
from tests.weigov.flow.deployment import rewrite
from weigov.ledger import claims, incidents, outbox
from weigov.ledger.incidents import Wrong

pytestmark = pytest.mark.real
#: axe-core is fetched from npm for the test alone; nothing of it is installed or delivered.
AXE = "axe-core@4.14.1"
PATIENCE_MS = 60_000


@pytest.fixture
def town(board_town: Town) -> Town:
    return board_town


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        skip_or_fail("there is no Chromium; as root: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as play:
        arguments = ["--no-sandbox", "--no-proxy-server", "--disable-dev-shm-usage"]
        found = play.chromium.launch(executable_path=path, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's source."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        skip_or_fail(f"{AXE} cannot be had: {error}")
    packed = sorted(folder.glob("*.tgz"))
    if done.returncode or not packed:
        skip_or_fail(f"{AXE} cannot be had from npm: {done.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(packed[0]) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


#: Takes what waits for account:spare, writes down that it is being sent, and gets no further; its lease is over.
WORKER = """
import sys, time
from datetime import UTC, datetime
from weigov.ledger import claims, sending
from weigov.ledger.engine import Ledger
now = datetime(2026, 3, 10, 3, tzinfo=UTC)
with Ledger(sys.argv[1]).begin() as connection:
    (row,) = claims.claim(
        connection, target="account:spare", limit=1, owner="w", lease_s=90, now=now, channel="menu"
    )
    sending.begin(connection, row, "menu", owner="w", lease_s=-3600, now=now)
print("sending", flush=True)
time.sleep(600)
"""


def opened(browser: Browser, airflow: str, name: str, **options: Any) -> Page:
    """A page of somebody who has logged in to Airflow."""
    page = browser.new_context(
        **{"locale": "zh-CN", "viewport": {"width": 1280, "height": 900}, **options}
    ).new_page()
    page.set_default_timeout(PATIENCE_MS)
    login = {"username": name, "password": f"{name}-pass"}
    token = page.request.post(f"{airflow}/auth/token", data=login).json()["access_token"]
    page.context.add_cookies([{"name": "_token", "value": token, "url": airflow}])
    return page


def board_in(page: Page, airflow: str) -> Frame:
    """The board's frame, found through Airflow's navigation."""
    page.goto(airflow)
    page.get_by_role("link", name="政微通").first.click()
    page.locator("iframe").first.wait_for()
    frame = page.locator("iframe").first.element_handle().content_frame()
    assert frame is not None
    frame.wait_for_selector("h1")
    return frame


def test_why_a_citizen_got_nothing_takes_three_clicks(browser: Browser, airflow: str, town: Town) -> None:
    page = opened(browser, airflow, "viewer")
    frame = board_in(page, airflow)
    frame.get_by_role("link", name="查询").click()
    frame.get_by_role("searchbox").fill(town.unbound)
    frame.get_by_role("button", name="查询").click()
    frame.get_by_text("没有市民绑定此办件").wait_for()
    assert town.unbound not in frame.url and town.unbound not in page.url
    page.context.close()


#: So long the board believes what it read of the YAML last.
_YAML_BELIEVED_S = 5.5


@pytest.fixture
def notices_reviewed(town: Town) -> Iterator[None]:
    """As in the demo; the town's notices are not."""
    flow = town.it.settings.site / "flows" / "notices.yaml"
    before = flow.read_text(encoding="utf-8")
    for text in (before.replace("map:", "review: {needs: 1}\nmap:", 1), before):
        flow.write_text(text, encoding="utf-8")
        town.it.reopen()
        town.it.apply("notices")
        if text != before:
            time.sleep(_YAML_BELIEVED_S)
            yield


@pytest.mark.usefixtures("notices_reviewed")
def test_a_quarantined_article_is_mended_on_the_board_alone(browser: Browser, airflow: str, town: Town) -> None:
    title = "老旧小区改造施工期间交通组织通知"
    for name in ("bianji", "shenhe"):
        page = opened(browser, airflow, name)
        frame = board_in(page, airflow)
        if name == "bianji":
            frame.get_by_role("link", name="隔离").click()
            there = frame.locator("section.act", has_text=town.mended)
            there.get_by_text("为微信更正文字后重放").first.click()
            form = there.locator("form", has_text="短标题")
            form.get_by_label("短标题").fill(title)
            form.get_by_label("理由").fill("原系统周一才能改")
            form.get_by_role("button").click()
            frame.get_by_text("完成：更正文字").first.wait_for()
            town.it.compose("notices")
        else:
            frame.get_by_role("link", name="待审", exact=True).click()
            frame.get_by_role("link", name=title).click()
            frame.get_by_text("与原系统不同，bianji 于").wait_for()
            frame.get_by_role("button", name="通过", exact=True).click()
            frame.get_by_text("完成：审核通过").first.wait_for()
        page.context.close()
    town.it.drain_but_compose()
    assert title in town.it.other.titles()


def test_a_quarantined_article_is_mended_and_replayed(browser: Browser, airflow: str, town: Town) -> None:
    page = opened(browser, airflow, "bianji")
    frame = board_in(page, airflow)
    frame.get_by_role("link", name="隔离").click()
    frame.get_by_text("最多 32 个").first.wait_for()  # the reason says what to mend
    rule = "{from: title, steps: [collapse_space], max: 32, or: short_title}"
    rewrite(town.it.settings.site / "flows" / "notices.yaml", lambda text: text.replace(rule, "{from: publisher}"))
    town.it.reopen()
    town.it.apply("notices")
    before = len(town.it.other.articles())
    there = frame.locator("section.act", has_text=town.quarantined)
    form = there.locator('form[action$="/act/quarantine"]')
    form.get_by_label("理由").fill("已核对，重新生成")
    form.get_by_role("button", name="重放最新版本").click()
    frame.get_by_text("完成：重放").first.wait_for()
    assert town.log()[-1].person == "bianji" and town.log()[-1].what == "replay"
    town.it.compose("notices")
    town.it.drain_but_compose()
    ref = f"cms/articles/{town.quarantined}"
    with town.it.ctx.ledger.read() as connection:
        assert [row.state for row in outbox.find(connection, record=ref, channel="news")] == ["confirmed"]
    assert len(town.it.other.articles()) > before
    page.context.close()


def test_a_delivery_in_doubt_is_settled_after_its_risk_was_read(browser: Browser, airflow: str, town: Town) -> None:
    row = town.in_doubt("浏览器里裁定")
    page = opened(browser, airflow, "wang")
    frame = board_in(page, airflow)
    frame.get_by_role("link", name="存疑", exact=True).click()
    frame.get_by_role("link", name="浏览器里裁定").click()
    frame.get_by_text("再发一次会使公众号的每位读者看到两篇").wait_for()
    form = frame.locator("form.act", has_text="保持现状，永不再发")
    form.get_by_label("理由").fill("控制台已查看")
    form.get_by_role("button", name="放弃").click()
    frame.get_by_text("完成：裁定").first.wait_for()
    assert town.get(row.id).state == "given_up"
    page.context.close()


def test_two_people_approve_and_the_third_press_is_refused(browser: Browser, airflow: str, town: Town) -> None:
    row = town.enqueue("浏览器里审核", approvals_needed=2)
    third = opened(browser, airflow, "admin")  # has it before them when the second approves
    third.goto(f"{airflow}/weigov/item/{row.id}")
    for name, says in (
        ("bianji", "完成：审核通过"),
        ("bianji", f"bianji 已审过投递 {row.id}，须由另一人审"),  # the same person twice
        ("shenhe", "完成：审核通过"),
    ):
        page = opened(browser, airflow, name)
        frame = board_in(page, airflow)
        frame.get_by_role("link", name="待审", exact=True).click()
        frame.get_by_role("link", name="浏览器里审核").click()
        frame.get_by_role("button", name="通过", exact=True).click()
        frame.get_by_text(says).first.wait_for()
        page.context.close()
    assert town.get(row.id).state == "ready"
    third.get_by_role("button", name="通过", exact=True).click()
    third.get_by_text(f"投递 {row.id} 已不在待审，现在是“待发”").wait_for()
    third.context.close()
    assert [entry.person for entry in town.log() if entry.about.startswith(f"delivery {row.id},")] == [
        "bianji",
        "shenhe",
    ]


def test_one_whose_worker_was_killed_is_found_and_says_what_comes_next(
    browser: Browser, airflow: str, town: Town
) -> None:
    row = town.enqueue("工作进程被杀", channel="menu", flow="menu", effect="apply", target="account:spare")
    command = [sys.executable, "-c", WORKER, town.it.settings.ledger_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None and worker.stdout.readline() == b"sending\n"
        worker.send_signal(signal.SIGKILL)
    page = opened(browser, airflow, "viewer")
    frame = board_in(page, airflow)
    line = frame.get_by_role("row", name="自定义菜单")
    line.get_by_role("link", name="1", exact=True).first.click()
    frame.get_by_role("link", name="工作进程被杀").click()
    frame.get_by_text("工作进程在调用途中中断").wait_for()
    frame.get_by_text("绝不盲目重发").first.wait_for()
    assert town.get(row.id).state == "sending"
    with town.it.ctx.ledger.begin() as connection:
        claims.expire_leases(connection, now=town.it.ctx.now())
    frame.goto(frame.url)
    frame.get_by_text("工作进程在收到回答之前中断").wait_for()
    frame.get_by_text("查看微信上现在的菜单").wait_for()
    page.context.close()


def test_an_incident_stands_on_top_and_afterwards_with_its_end(browser: Browser, airflow: str, town: Town) -> None:
    began = town.it.ctx.now() - timedelta(hours=3)
    gone = Wrong("x", "cms list: it did not answer in time")
    with town.it.ctx.ledger.begin() as connection:
        incidents.observe(connection, "demo", {"stream:cms/articles": gone}, now=began)
    page = opened(browser, airflow, "viewer")
    frame = board_in(page, airflow)
    top = frame.locator("section", has=frame.locator("#incidents"))
    top.get_by_text("cms/articles 采集停住：cms list：没有及时回答").wait_for()
    top.get_by_text("联系该系统的负责人").wait_for()
    top.get_by_text("已 3 小时 · 30 天内首次 · 尚未告知任何人").wait_for()
    with town.it.ctx.ledger.begin() as connection:
        for minutes in (0, 15):
            at = began + timedelta(hours=2, minutes=minutes)
            incidents.observe(connection, "demo", {}, now=at)
    frame.get_by_role("link", name="English").click()
    over = frame.locator("section", has=frame.locator("#recent"))
    over.get_by_role("row", name="cms/articles cannot be collected: cms list: it did not answer in time").wait_for()
    over.get_by_role("cell", name="2 h").wait_for()
    page.context.close()


def test_a_script_in_a_title_and_a_body_does_nothing_anywhere(browser: Browser, airflow: str, town: Town) -> None:
    payload = {"title": SCRIPT, "content": f"{SCRIPT}<a href='javascript:top.owned=1'>x</a>", "author": SCRIPT}
    row = town.enqueue("脚本", title=SCRIPT, payload=payload | {"images": []}, approvals_needed=1)
    page = opened(browser, airflow, "admin")
    page.add_init_script("window.alert = window.confirm = () => { top.owned = 1 }")
    paths = ["/", "/deliveries", f"/item/{row.id}", f"/item/{town.published.id}", f"/preview/{row.id}"]
    paths.append(f"/item/{row.id}/phone.svg")
    for path in paths:
        page.goto(f"{airflow}/weigov{path}", wait_until="networkidle")
        for frame in page.frames:
            if frame.url.startswith("http"):
                assert frame.title() != "owned", path
        assert page.evaluate("window.owned") is None, path
    page.goto(f"{airflow}/weigov/item/{row.id}", wait_until="networkidle")
    (preview,) = [frame for frame in page.frames if "/preview/" in frame.url]
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None  # another origin
    assert "document.title" in preview.locator("h1").inner_text()  # shown as the text it is
    page.context.close()


PAGES = ("/", "/deliveries", "/deliveries?state=in_doubt", "/quarantine", "/why", "/codes", "/log", "/flow/notices",
         "/account/city", "/item/{id}", "/item/{held}", "/item/{sent}", "/nowhere")  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "theme", "width"),
    [("zh", "light", 1280), ("en", "dark", 1280), ("zh", "dark", 320), ("en", "light", 320)],
)
def test_no_page_has_an_axe_violation_or_is_wider_than_the_screen(
    lang: str, theme: Any, width: int, browser: Browser, airflow: str, town: Town, axe: str
) -> None:
    name = f"无障碍 {lang} {theme} {width}"
    row, held = town.in_doubt(name), town.enqueue(f"{name} 待审", title="按装电表的通知", approvals_needed=2)
    now, wrong = town.it.ctx.now(), Wrong("x", "cms list: it did not answer in time")
    with town.it.ctx.ledger.begin() as connection:
        incidents.again(connection, "demo", "task:flow_notices.compose", wrong, now=now - timedelta(hours=2))
        incidents.again(connection, "demo", "stopped:account:city", wrong, now=now - timedelta(hours=2))
        incidents.end(connection, "demo", "stopped:account:city", now=now)  # of both there is one to see
    page = opened(browser, airflow, "wang", color_scheme=theme, viewport={"width": width, "height": 800})
    found: list[tuple[str, str, str]] = []

    def look(where: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {iframes: false})")
        found.extend((where, one["id"], one["nodes"][0]["html"][:150]) for one in result["violations"])
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((where, "wider than the screen", ""))

    for path in PAGES:
        joint = "&" if "?" in path else "?"
        ids = {"id": row.id, "held": held.id, "sent": town.published.id}
        page.goto(f"{airflow}/weigov{path.format(**ids)}{joint}lang={lang}")
        look(path)
    page.goto(f"{airflow}/weigov/why?lang={lang}")
    page.locator("#words").fill(town.unbound)
    page.locator("form.find button").click()
    page.locator(".answers").first.wait_for()
    look("the answer")
    page.goto(f"{airflow}/weigov/item/{held.id}?lang={lang}")
    for n in range(2):  # it is counted, and the second time it is not
        page.locator('form:has(input[value="approve"]) button').click()
        page.locator('div[role="status"]').wait_for()
        look(f"what became of it, {n}")
        page.go_back()
    assert found == []
    page.context.close()
    with town.it.ctx.ledger.begin() as connection:
        incidents.end(connection, "demo", "task:flow_notices.compose", now=now)


def test_all_is_reached_by_keyboard_and_shows_its_focus(browser: Browser, airflow: str, town: Town) -> None:
    page = opened(browser, airflow, "wang")
    page.goto(f"{airflow}/weigov/why")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert {"words", "查询", "总览", "English"} <= seen
    page.locator("#words").focus()
    page.keyboard.type(town.unbound)
    page.keyboard.press("Enter")
    page.get_by_text("没有市民绑定此办件").wait_for()
    page.context.close()


def test_an_article_is_found_and_approved_without_a_mouse(browser: Browser, airflow: str, town: Town) -> None:
    """From the overview to the decision: every key but Tab, Enter and letters stays unpressed."""
    row = town.enqueue("只用键盘审核", approvals_needed=1)
    page = opened(browser, airflow, "bianji")
    page.goto(f"{airflow}/weigov/")

    def tab_to(text: str) -> None:
        for _ in range(400):
            page.keyboard.press("Tab")
            there = "document.activeElement.tagName === 'IFRAME' ? '' : document.activeElement.textContent.trim()"
            if page.evaluate(there) == text:
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                return
        raise AssertionError(f"{text} is not reached")

    for text, then in (("待审", "投递"), ("只用键盘审核", "只用键盘审核"), ("通过", "完成：审核通过")):
        tab_to(text)
        page.keyboard.press("Enter")
        page.locator("h1", has_text=then).wait_for()
    assert town.get(row.id).state == "ready"
    page.context.close()


@pytest.mark.parametrize(("theme", "ground"), [("dark", "rgb(17, 19, 21)"), ("light", "rgb(255, 255, 255)")])
def test_it_follows_airflows_theme_where_airflow_frames_it(
    theme: str, ground: str, browser: Browser, airflow: str
) -> None:
    """Whatever the browser prefers; and goes along when it is changed in Airflow's own menu."""
    other: Any = "light" if theme == "dark" else "dark"
    page = opened(browser, airflow, "viewer", color_scheme=other)
    page.add_init_script(f"localStorage.theme ??= '{theme}'")
    frame = board_in(page, airflow)
    look = "getComputedStyle(document.body).backgroundColor"
    frame.locator(f"html[data-theme={theme}]").wait_for(state="attached")
    assert frame.evaluate(look) == ground
    page.get_by_role("button", name="用户").click()
    page.get_by_role("menuitem", name="外观").click()
    page.get_by_role("menuitemradio", name="深色模式" if other == "dark" else "浅色模式").click()
    frame.locator(f"html[data-theme={other}]").wait_for(state="attached")
    assert frame.evaluate(look) != ground
    page.context.close()
