"""The site's content management system, simulated, over REST under ``/cms``.

Every answer is HTTP 200 with an envelope; the outcome is its ``code`` (200 = done), never the HTTP status::

    {"code": 200, "msg": "操作成功", "data": ...}
    {"code": 401, "msg": "token已失效", "data": null}            missing, wrong or expired token
    {"code": 403, "msg": "appId或appSecret错误", "data": null}   log-in refused
    {"code": 404, "msg": "信息不存在", "data": null}
    {"code": 400, "msg": "参数错误：updatedAfter", "data": null}

Times are ``yyyy-MM-dd HH:mm:ss`` in GMT+8. Article ids are JSON *numbers* of 19 digits, beyond 2^53.

Log in; the token lives 30 minutes and goes into the header ``X-Access-Token``::

    POST /cms/api/login   {"appId": "weigov", "appSecret": "demo-cms-secret"}
    {"code": 200, "msg": "操作成功", "data": {"token": "9f0c…64 hex", "expiresIn": 1800}}

Columns (栏目), all at once, ordered by code; ``parentId`` 0 is the top::

    GET /cms/api/channels
    {"code": 200, "msg": "操作成功", "data": {"rows": [
        {"id": 1004, "parentId": 1000, "code": "0102", "name": "通知公告", "sort": 2,
         "url": "https://www.shifan.example/xxfb/tzgg/"}, …], "total": 28}}

Articles, without body, ordered by ``updateTime``, then ``id``, ascending. ``page`` begins at 1; ``pageSize`` (default
20) above 50 is lowered to 50 without a word; past the last page ``rows`` is empty. ``channelCode`` covers the column
and all below it; ``updatedAfter`` is inclusive. Withdrawn articles (``status`` 0, 撤稿) stay in the list::

    GET /cms/api/articles?page=1&pageSize=50&channelCode=0102&updatedAfter=2026-01-05 09:00:00
    {"code": 200, "msg": "操作成功", "data": {"rows": [
        {"id": 1893021547810004993, "title": "…", "shortTitle": "…", "channelCode": "010202", "status": 1,
         "publishTime": "2026-01-05 09:12:00", "updateTime": "2026-01-05 09:12:00",
         "url": "https://www.shifan.example/xxfb/tzgg/1893021547810004993.html", "source": "示范市气象局",
         "docNumber": "", "indexNumber": ""}, …], "total": 14, "page": 1, "pageSize": 50}}

``shortTitle``, ``docNumber`` (文号) and ``indexNumber`` (索引号) may be empty texts. Titles may hold HTML entities.

One article: the row above and ``html`` (as pasted from Word; images relative to the site, absolute, ``data:``),
``summary``, ``author`` (责任编辑), ``writtenOn`` (成文日期, ``yyyy-MM-dd`` or empty), ``cover`` (address or
empty) and ``attachments``. A withdrawn one answers with ``status`` 0 and empty ``html``::

    GET /cms/api/articles/1893021547810004993
    {"code": 200, "msg": "操作成功", "data": {…, "html": "<style>…", "summary": "…", "author": "…",
        "writtenOn": "2026-01-04", "cover": "http://127.0.0.1:8600/cms/files/hall.jpg",
        "attachments": [{"name": "附件：报名表.doc", "url": "http://127.0.0.1:8600/cms/files/…", "size": 1024}]}}

Write back what became of an article in WeChat; the same call again overwrites. ``state`` is required; ``link``,
``reason`` (why it came back, for its author) and any further field may be there or not. It does not touch
``updateTime``::

    POST /cms/api/articles/1893021547810004993/wechat   {"link": "https://mp.weixin.qq.com/s/…", "state": "confirmed"}
    {"code": 200, "msg": "操作成功", "data": {"id": 1893021547810004993}}

Write back how many read and shared it in WeChat on a day; the same day again overwrites. An empty count is 0::

    POST /cms/api/articles/1893021547810004993/reads   {"day": "2026-01-05", "reads": "41", "shares": "4"}
    {"code": 200, "msg": "操作成功", "data": {"id": 1893021547810004993}}

Files (no token): ``GET /cms/files/{name}``.
"""

from sandbox.cms.api import install
from sandbox.cms.control import control
from sandbox.cms.seed import seed
from sandbox.cms.store import SCHEMA

__all__ = ["SCHEMA", "control", "install", "seed"]
