"""What the value of a template field must look like, by the prefix of its key. (Rulebook §5, "Field rules".)"""

import re

FIELD = re.compile(r"\{\{\s*([a-z_]+\d*)\.DATA\s*\}\}")
_PREFIX = re.compile(r"^([a-z_]+?)_?\d*$")

_CHINESE = r"\u4e00-\u9fff"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})"
_MOMENT = rf"(?:{_DAY}(?: {_CLOCK})?|{_CLOCK})"

_RULES: dict[str, re.Pattern[str]] = {
    "thing": re.compile(r"[^\r\n]{1,20}"),
    "short_thing": re.compile(r"[^\r\n]{1,5}"),
    "number": re.compile(r"[+-]?\d{1,32}(?:\.\d{1,32})?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "character_string": re.compile(r"[\x20-\x7e]{1,32}"),
    "time": re.compile(rf"{_MOMENT}(?:\s?~\s?{_MOMENT})?"),
    "date": re.compile(rf"{_DAY}(?: {_CLOCK})?(?:\s?~\s?{_DAY}(?: {_CLOCK})?)?"),
    "amount": re.compile(r"[¥￥$€£]?\d{1,10}(?:\.\d{1,2})?元?"),
    "phone_number": re.compile(r"[\d+-]{1,17}"),
    "car_number": re.compile(rf"[{_CHINESE}A-Za-z0-9·]{{1,8}}"),
    "name": re.compile(rf"[{_CHINESE}·]{{1,10}}|[A-Za-z .'-]{{1,20}}"),
    "phrase": re.compile(rf"[{_CHINESE}]{{1,5}}"),
    "const": re.compile(r".{1,20}"),
    "enum": re.compile(r".{1,20}"),
}


def problem(key: str, value: str, allowed: list[str] | None = None) -> str | None:
    """Why ``value`` may not stand in the field ``key``; None if it may."""
    match = _PREFIX.match(key)
    kind = match.group(1) if match else key
    rule = _RULES.get(kind)
    if rule is None:
        return None
    if not rule.fullmatch(value):
        return f"not a {kind}"
    if kind in ("const", "enum") and allowed is not None and value not in allowed:
        return "not one of the registered values"
    return None
