"""Where a task that could not work leaves its one line, for its note and for the people on duty."""

from __future__ import annotations

#: The key of the XCom.
REASON = "reason"
