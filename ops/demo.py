"""``make demo``: everything up, one round of work, and a report of what arrived at the far ends.

The first time it also imports who is bound to whom and, after the baseline was delivered, lets the sandbox move 12
cases and publish 5 answers, and works once more. Run again it delivers nothing, and says so. Services stay up.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from ops import connections, pictures, services
from ops.clients import Sandbox
from ops.far_end import Snapshot, brought
from ops.home import Home, OpsError
from ops.round import Round

CASES_TO_MOVE = 12
ANSWERS_TO_PUBLISH = 5
ARTICLE = ("title", "author", "url", "content_source_url")  # what the report says of one


def demo(home: Home) -> dict[str, Any]:
    """The report, also written to var/demo/report.json. Raises OpsError."""
    services.up(home)
    services.write_shell_settings(home)
    sandbox = Sandbox(home.sandbox_url)
    appid = connections.appid(home)
    before = Snapshot.take(sandbox, appid)
    first = not (home.demo / "moved.json").exists()

    round_ = Round(home)
    if first:
        _import_bindings(home, sandbox)
    _say("collecting, composing, reviewing, delivering, writing back")
    round_.work()
    if first:
        _say(f"moving {CASES_TO_MOVE} cases, publishing {ANSWERS_TO_PUBLISH} answers, and again")
        moved = {
            "cases": sandbox.post("/cases/advance", {"count": CASES_TO_MOVE}),
            "answers": sandbox.post("/qa/answer", {"count": ANSWERS_TO_PUBLISH}),
        }
        (home.demo / "moved.json").write_text(json.dumps(moved, ensure_ascii=False, indent=2), encoding="utf-8")
        round_.work()

    after = Snapshot.take(sandbox, appid)
    report = _report(home, round_, before, after)
    (home.demo / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2), encoding="utf-8")
    _check(report)
    return report


def _report(home: Home, round_: Round, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    return {
        "articles": [
            {key: a[key] for key in ("title", "author", "url", "content_source_url")} for a in after.standing
        ],
        "menu": after.menu,
        "messages_by_openid": after.messages_by_openid,
        "write_backs": {name: len(rows) for name, rows in after.write_backs.items()},
        "dag_runs": round_.runs(),
        "approvals": round_.approvals,
        "told_twice": after.told_twice,
        "published_twice": after.published_twice,
        "new": brought(before, after),
        "pictures": [],
        "phone": f"{home.sandbox_url}/phone/",
        "airflow": home.airflow_url,
    }


def _check(report: dict[str, Any]) -> None:
    """Every section has something in it, and nobody was told anything twice. Raises OpsError."""
    empty = [name for name in ("articles", "menu", "messages_by_openid", "dag_runs") if not report[name]]
    empty += [f"write_backs.{name}" for name, count in report["write_backs"].items() if not count]
    if empty:
        raise OpsError(f"nothing arrived for {', '.join(empty)}; see weigov status and var/demo/report.json")
    if report["told_twice"] or report["published_twice"]:
        raise OpsError("something was delivered twice; see told_twice and published_twice in var/demo/report.json")


def _import_bindings(home: Home, sandbox: Sandbox) -> None:
    file = home.demo / "bindings.csv"
    file.write_text(sandbox.text("/cases/bindings.csv"), encoding="utf-8")
    file.chmod(0o600)
    services.weigov(home, "bindings", "import", str(file))


def _show(home: Home, report: dict[str, Any], took_s: float) -> None:
    new = report["new"]
    print()
    print(f"demo: done in {took_s:.0f} s; new at the far ends this time:")
    print(
        f"  WeChat      {new['articles_published']} articles published, {new['articles_deleted']} deleted,"
        f" menu {'set' if new['menu_changed'] else 'unchanged'}, {new['messages']} template messages"
    )
    print(
        f"  write-backs {new['write_backs_cms']} to the CMS, {new['write_backs_cases']} to the case system,"
        f" {new['write_backs_qa']} to Q&A"
    )
    print(
        f"  in all      {len(report['articles'])} articles stand, {sum(report['messages_by_openid'].values())}"
        f" messages to {len(report['messages_by_openid'])} citizens, {report['approvals']} approvals this time"
    )
    print(f"  report      {home.demo / 'report.json'}")
    for picture in report["pictures"]:
        print(f"  picture     {picture}")


def _say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def main() -> int:
    began = time.monotonic()
    try:
        home = Home.from_environ()
        report = demo(home)
        taken = pictures.take(home)
        report["pictures"] = [str(path) for path in taken]
        Path(home.demo / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2), encoding="utf-8")
        _show(home, report, time.monotonic() - began)
        services.show(home)
    except OpsError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; make down stops the services", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
