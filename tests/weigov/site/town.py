"""A small site to break in tests: one CMS, one case system, an article flow, a message flow, a menu."""

from __future__ import annotations

from pathlib import Path

from weigov.errors import ConfigError
from weigov.ports import OperationShape, StreamShape, SystemShape

SITE = """\
site: town
time_zone: Asia/Shanghai
accounts:
  city:
    type: service
    connection: wechat_city
    templates:
      progress: {id: TM1, fields: [thing1, phrase2, time3]}
  news:
    type: subscription
    connection: wechat_news
systems:
  cms:
    descriptor: a_cms
    connection: cms
    media_hosts: [img.cms.internal]
  cases:
    descriptor: a_case_system
    connection: cases
"""

NOTICES = """\
flow: notices
title: 通知公告
from:
  system: cms
  stream: articles
  where:
    column: {under: "0102"}
begin: all
to:
  accounts: [city, news]
  kind: news
  via: publish
review: {needs: 2}
map:
  title:
    from: title
    steps: [strip]
    max: 32
    or: short_title
  author:
    value: 市政府办公室
  content:
    layout: notice.html.j2
  source_url:
    from: url
    steps: [require_https]
sync_back:
  operation: mark_published
  on: [confirmed, withdrawn]
  with:
    id: key
    link: receipt.url
    state: state
  figures:
    operation: report_reads
    with: {id: key, day: figures.day, reads: figures.reads}
"""

PROGRESS = """\
flow: progress
title: 办件进度
from:
  system: cases
  stream: cases
  on_change_of: [status]
to:
  accounts: [city]
  kind: template
  template: progress
  audience: bound_applicant
valid_for: P2D
quiet_hours: "21:00-08:00"
map:
  thing1:
    from: item_name
    max: 20
    or: item_short_name
  phrase2:
    from: status
    code: status
    version_from: stdver
  time3:
    from: updated_at
    format: "YYYY年M月D日 HH:mm"
link:
  url: "https://town.example/case/{id}"
  with:
    id: case_id
"""

MENU = """\
flow: menu
title: 菜单
to:
  accounts: [city]
  kind: menu
schedule: "0 6 * * *"
menu:
  - name: 信息发布
    children:
      from:
        system: cms
        stream: columns
        under: "01"
      take: 5
      link:
        from: url
  - name: 更多+
    children:
      - name: 网站
        url: "https://town.example/"
      - name: 帮助
        key: help
"""

CODES = """\
name: status
versions:
  "1": {"0": 受理, "1": 办结}
  "2": {"0": 收件, "1": 受理}
  default: {"0": 受理}
"""

LAYOUT = """\
<section>
<p>{{ title }}</p>
{{ html | safe_html }}
{% if attachments %}
{% for file in attachments %}
<p>{{ loop.index }} {{ file.name }}</p>
{% endfor %}
{% endif %}
{% include "foot.html.j2" %}
</section>
"""

FOOT = """\
<p>{{ publisher }} {{ published_at | format("YYYY-MM-DD") }} {{ extra.office }}</p>
"""

FILES = {
    "site.yaml": SITE,
    "flows/notices.yaml": NOTICES,
    "flows/progress.yaml": PROGRESS,
    "flows/menu.yaml": MENU,
    "codes/status.yaml": CODES,
    "layouts/notice.html.j2": LAYOUT,
    "layouts/foot.html.j2": FOOT,
}

_ARTICLE = "title short_title html publisher published_at url attachments column index_number"
_CASE = "case_id item_name item_short_name status stdver updated_at applicant"
SHAPES = {
    "a_cms": SystemShape(
        "a_cms",
        {
            "columns": StreamShape("column", "0 5 * * *", frozenset({"name", "parent", "position", "url"})),
            "articles": StreamShape("article", "*/10 * * * *", frozenset(_ARTICLE.split())),
        },
        {
            "mark_published": OperationShape(frozenset({"id", "link", "state", "title", "at"}), "overwrite"),
            "report_reads": OperationShape(frozenset({"id", "day", "reads", "title"}), "overwrite"),
            "add_reads": OperationShape(frozenset({"id", "day", "reads"}), "none"),
        },
    ),
    "a_case_system": SystemShape(
        "a_case_system", {"cases": StreamShape("case", "*/5 * * * *", frozenset(_CASE.split()))}, {}
    ),
}


def shapes(descriptor: str) -> SystemShape:
    if descriptor not in SHAPES:
        raise ConfigError(f"no system descriptor is called {descriptor!r}")
    return SHAPES[descriptor]


def write(tmp_path: Path, changed: dict[str, str] | None = None) -> Path:
    """The site's folder, with the files of ``changed`` (name → text) in place of its own."""
    folder = tmp_path / "town"
    for name, text in {**FILES, **(changed or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
