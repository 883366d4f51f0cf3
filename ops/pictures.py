"""``make pictures``: photograph what a citizen sees, Airflow and the board, into ``var/demo/``, and five of these for
the README and the guides into ``docs/pictures/``. ``make demo`` takes them too, but leaves the README's alone.

Uses the Chromium of the system. Where there is none it is installed when root, and otherwise one line says that the
pictures were skipped. The browser is told to speak to this machine only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from playwright.sync_api import Error as BrowserError

from ops import airflow_config, connections
from ops.clients import Airflow, Sandbox
from ops.far_end import Snapshot
from ops.home import ROOT, Home, OpsError

PACKAGES = ("chromium", "fonts-noto-cjk")
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 1240}
LIST: ViewportSize = {"width": 1120, "height": 900}
FORM: ViewportSize = {"width": 1120, "height": 1320}
SIDE_BY_SIDE: ViewportSize = {"width": 1280, "height": 876}
README_PICTURES = {
    "phone-desk.png": "phone.png",
    "airflow-dags.png": "airflow-dags.png",
    "airflow-review.png": "airflow-review.png",
    "board-en-light.png": "board-en.png",
    "board-zh-light.png": "board-zh.png",
}
WAIT_MS = 120_000  # a busy machine draws slowly
_QUIET = [
    # Loopback only: no look-ups, no updates, no phoning home, and no proxy of the environment's.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--no-pings",
    "--disable-dev-shm-usage",
]


def take(home: Home) -> list[Path]:
    """The pictures that were taken; none, after one line, where there is no browser. Raises OpsError."""
    browser_path = chromium()
    if browser_path is None:
        print(f"pictures: skipped, no Chromium here; as root: apt-get install {' '.join(PACKAGES)}")
        return []
    home.demo.mkdir(parents=True, exist_ok=True)
    try:
        with _browser(browser_path) as browser:
            return [
                *_phone(home, browser), *_airflow(home, browser), *_connection(home, browser),
                *_review(home, browser), *_board(home, browser),
            ]  # fmt: skip
    except BrowserError as error:
        raise OpsError(f"the pictures could not be taken: {error.message.splitlines()[0]}") from None


def chromium() -> str | None:
    """Where Chromium is; installed when it is missing and we are root."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return found
    print(f"pictures: installing {' '.join(PACKAGES)}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            print(f"pictures: apt-get {command[0]} failed: {reason}")
            break
    return shutil.which("chromium")


@contextmanager
def _browser(path: str) -> Iterator[Browser]:
    # Chromium's own sandbox refuses to run as root.
    arguments = [*_QUIET, "--no-sandbox"] if os.geteuid() == 0 else _QUIET
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _page(browser: Browser, size: ViewportSize, scale: int = 1) -> Page:
    context = browser.new_context(
        viewport=size, device_scale_factor=scale, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    return page


def _phone(home: Home, browser: Browser) -> list[Path]:
    """The conversation, the article list and one article of the citizen who got most messages."""
    sandbox = Sandbox(home.sandbox_url)
    appid = connections.appid(home)
    now = Snapshot.take(sandbox, appid)
    counts = now.messages_by_openid
    if not counts:
        return []
    address = f"{home.sandbox_url}/phone/{max(counts, key=lambda openid: counts[openid])}"
    page = _page(browser, PHONE, scale=2)
    pages = {"phone.png": address, "phone-articles.png": f"{address}/profile"}
    if now.standing:
        newest = now.standing[-1]
        pages["phone-article.png"] = f"{address}/article/{newest['article_id']}/{newest['idx']}"
    taken = []
    for name, url in pages.items():
        page.goto(url, wait_until="load")
        taken.append(_shoot(page, home.demo / name))
    page = _page(browser, SIDE_BY_SIDE)
    page.goto(f"{address}/desk", wait_until="networkidle")
    return [*taken, _shoot(page, home.demo / "phone-desk.png")]


def _airflow(home: Home, browser: Browser) -> list[Path]:
    page = _page(browser, DESK)
    _log_in(page, home.airflow_url, "admin", airflow_config.passwords(home)["admin"])
    page.goto(f"{home.airflow_url}/dags?limit=50", wait_until="load")
    page.locator("button[value=table]").click()  # a line a DAG: all of them in one look
    page.get_by_role("table").wait_for()
    page.wait_for_timeout(2500)  # the run bars are drawn after the list
    taken = [_shoot(page, home.demo / "airflow-dags.png")]
    page.goto(f"{home.airflow_url}/assets", wait_until="load")
    page.wait_for_timeout(2500)
    taken.append(_shoot(page, home.demo / "airflow-assets.png"))
    page.goto(f"{home.airflow_url}/dags/flow_notices", wait_until="load")
    page.get_by_role("button", name="显示图表").click()
    page.wait_for_timeout(2500)  # the graph is laid out after it is there
    return [*taken, _shoot(page, home.demo / "airflow-graph.png")]


def _connection(home: Home, browser: Browser) -> list[Path]:
    """What the Test button says of a wrong AppSecret, and the form: of a connection made for it and taken away."""
    account = connections.read(home)["wechat_city"]
    password = airflow_config.passwords(home)["admin"]
    airflow = Airflow(home.airflow_url, "admin", password)
    name = "wechat_picture"
    keys = json.dumps({"token": "picture", "encoding_aes_key": "x" * 43})
    made = {"host": account["host"], "login": account["login"], "password": "0" * 32, "extra": keys}
    airflow.write("POST", "/connections", {"connection_id": name, "conn_type": "wechat_account", **made})
    try:
        page = _page(browser, LIST)
        _log_in(page, home.airflow_url, "admin", password)
        page.goto(f"{home.airflow_url}/connections?connection_id_pattern={name}", wait_until="load")
        page.get_by_role("button", name="测试连接").click()
        page.get_by_text("40125").wait_for()
        taken = [_shoot(page, home.demo / "airflow-connection-test.png")]
        page.get_by_role("button", name="编辑连接").click()
        page.get_by_role("dialog").get_by_text("额外字段", exact=True).click()
        page.wait_for_timeout(1500)  # it unfolds
        return [*taken, _shoot(page, home.demo / "airflow-connection.png")]
    finally:
        airflow.write("DELETE", f"/connections/{name}", {})


def _review(home: Home, browser: Browser) -> list[Path]:
    """What a reviewer is asked, rather with something found and rather still open; nothing where nobody was asked."""
    password = airflow_config.passwords(home)["bianji"]
    airflow = Airflow(home.airflow_url, "bianji", password)
    questions = "/dags/~/dagRuns/~/hitlDetails"
    asked = [
        *airflow.get(questions, response_received="false", limit=100)["hitl_details"],
        *airflow.get(questions, order_by="-created_at", limit=100)["hitl_details"],
    ]
    if not asked:
        return []
    task = max(asked, key=lambda one: "⚠" in (one["body"] or ""))["task_instance"]  # of all the first with a finding
    page = _page(browser, FORM)
    _log_in(page, home.airflow_url, "bianji", password)
    run = f"{home.airflow_url}/dags/{task['dag_id']}/runs/{task['dag_run_id']}"
    page.goto(f"{run}/tasks/{task['task_id']}/required_actions", wait_until="load")
    page.locator("img[src*='phone.svg']").wait_for()
    page.wait_for_timeout(2500)  # what it shows is drawn after it is there
    return [_shoot(page, home.demo / "airflow-review.png")]


def _log_in(page: Page, airflow_url: str, name: str, password: str) -> None:
    page.goto(f"{airflow_url}/", wait_until="load")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)


def _board(home: Home, browser: Browser) -> list[Path]:
    """The board inside Airflow in both languages and both themes, and one article's whole life."""
    return board(home.airflow_url, browser, home.demo, "admin", airflow_config.passwords(home)["admin"])


def board(airflow_url: str, browser: Browser, folder: Path, name: str, password: str) -> list[Path]:
    """The same of any Airflow with the board in it."""
    taken = []
    for lang, theme in (("zh", "light"), ("zh", "dark"), ("en", "light"), ("en", "dark")):
        context = browser.new_context(
            viewport=DESK, locale="zh-CN" if lang == "zh" else "en-US", timezone_id="Asia/Shanghai"
        )
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        _log_in(page, airflow_url, name, password)
        page.goto(f"{airflow_url}/plugin/weigov", wait_until="load")
        frame = page.frame_locator("iframe").first
        frame.locator("h1").wait_for()
        page.wait_for_timeout(1500)  # the theme comes with Airflow's own page
        taken.append(_shoot(page, folder / f"board-{lang}-{theme}.png"))
        if (lang, theme) in (("zh", "light"), ("en", "dark")):
            page.goto(f"{airflow_url}/weigov/deliveries?channel=news&state=confirmed&lang={lang}", wait_until="load")
            first = page.locator("tbody a")
            if first.count():
                first.first.click()
                page.locator("iframe").wait_for()
                page.wait_for_timeout(1500)  # the frame is drawn after the page
                taken.append(_shoot(page, folder / f"board-item-{lang}-{theme}.png"))
        context.close()
    return taken


def _shoot(page: Page, path: Path) -> Path:
    page.screenshot(path=path, animations="disabled")
    return path


def main() -> int:
    try:
        for path in take(Home.from_environ()):
            print(f"pictures: {path}")
            if path.name in README_PICTURES:
                shutil.copyfile(path, ROOT / "docs" / "pictures" / README_PICTURES[path.name])
    except OpsError as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
