"""The question-and-answer system (咨询投诉 / 智能问答), simulated, over REST under ``/qa``.

Every call carries the header ``X-Api-Key: demo-qa-key``; without it HTTP 401. Errors are HTTP 4xx with
``{"error": {"code": "unauthorized", "message": "…"}}`` (codes: unauthorized, bad_request, not_found, conflict). Times
are ISO 8601 with ``+08:00``. Ids are texts.

Published answers, ordered by ``answered_at``, then ``id``, ascending. ``limit`` is 1 to 100 (default 20).
``next_cursor`` stands for the last item of the page, and is null on an empty page; it never ends: used later, it
continues with what was answered since. No ``cursor`` means from the beginning::

    GET /qa/api/answers?cursor=&limit=50
    {"items": [
        {"id": "Q10001", "question": "…", "short_question": "…", "answer": "<p>…</p>", "category": "社会保障",
         "asker": "P0001", "asked_at": "2026-01-05T09:00:00+08:00", "answered_at": "2026-01-07T10:12:00+08:00",
         "url": "https://www.shifan.example/hdjl/zxts/Q10001.html"}, …],
     "next_cursor": "MjAyNi0wMS0wNyAxMDoxMjowMHxRMTAwMDE", "has_more": true}

An answer corrected later gets a new ``answered_at`` and comes again; one taken back is gone from the list, and
``GET /qa/api/answers/{id}`` answers 404. ``short_question`` is empty where the question is short.

Questions, open and answered, ordered by ``asked_at``, then ``id``; the same paging::

    GET /qa/api/questions?cursor=&limit=50
    {"items": [{"id": "Q10001", "question": "…", "short_question": "…", "category": "社会保障", "asker": "P0001",
                "source": "网站", "asked_at": "2026-01-05T09:00:00+08:00", "status": "open" | "answered"}, …],
     "next_cursor": "…", "has_more": false}

Ask; ``Idempotency-Key`` is required. HTTP 201; the same key with the same body answers 200 and the first id, with
another body 409::

    POST /qa/api/questions    Idempotency-Key: 7c9e6679…    {"asker": "P0001", "text": "…", "source": "wechat"}
    {"id": "Q10131"}

Write back what became of the message about an answer; every call is kept, the newest counts. ``state`` is required.
``Idempotency-Key`` is honoured if given::

    POST /qa/api/answers/Q10001/deliveries    {"state": "confirmed", "detail": "2026-01-07T10:15:00+08:00"}
    {"ok": true}
"""

from sandbox.qa.api import install
from sandbox.qa.control import control
from sandbox.qa.seed import seed
from sandbox.qa.store import SCHEMA

__all__ = ["SCHEMA", "control", "install", "seed"]
