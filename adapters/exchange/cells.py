"""What a database driver gives for a cell → what a row of ours holds. Pure.

Numbers become their exact text, times stay times (``times.reader`` gives them their zone), bytes become text by the
charset the descriptor names.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adapters.rows import Unfit

_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030"}


def cell(value: Any, charset: str | None = None) -> Any:
    """One value. Raises Unfit when bytes cannot be read; the message does not quote them."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        named = (charset or "utf-8").lower()
        try:
            return bytes(value).decode(_ALIASES.get(named, named))
        except (UnicodeDecodeError, LookupError):
            raise Unfit(f"is bytes that are no {named} text: is `charset` right?") from None
    return value if isinstance(value, (str, int, dict, list)) else str(value)


def rank(value: Any) -> tuple[int, Any]:
    """A value to compare versions by: 10 comes after 9 also where both are texts."""
    if value is None or value == "":
        return 0, 0
    if isinstance(value, datetime):
        return 2, value.timestamp()
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        return 3, str(value)
    return (1, number) if number.is_finite() else (3, str(value))
