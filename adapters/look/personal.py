"""What in a record is a person's or a secret, and what may stand in its place. Pure.

Three things tell: the canonical field a column is mapped to, the column's own name, and the shape of a text wherever
it stands (identity number, mobile phone, mail). A name inside a sentence is none of these: whoever passes a tape or a
sample on reads it first. Names of columns come from published interfaces of the trade.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from weigov.personal import ID_NUMBER, ID_WEIGHTS, MOBILE
from weigov.records import Record

#: Canonical fields that say who somebody is.
FIELDS = frozenset({"applicant", "applicant_name", "asker"})

#: Columns that hold persons, by name; ``_``, ``-`` and case do not count.
_COLUMNS = re.compile(
    r"(?:apply|applicant|applier|applyer|proposer|petitioner|complainant|submitter|reporter|handler|operator|sender"
    r"|receiver|recipient|link|linker|contacts?|legal|agent|asker|citizen|user|real|true)"
    r"(?:man|person|people)?(?:name|xm|man|person)|contacts?|openid"
    r"|\w*(?:phone|mobile|tel|email|mail|mailbox|address|(?:tele|cell|mobile)phone)(?:no|num|number)?"
    r"|\w*(?:idcard|id|identity|cert|certificate|card)(?:no|num|number)|\w*idcard"
    r"|\w*(?:lxdh|sjh|sjhm|dhhm|sfzh|sfzhm|zjhm|jtzz|lxdz|txdz)|(?:sqr|lxr)(?:xm|mc)?|\w*rxm|(?:jbr|dlr|wtr|fr)(?:mc|sj|dh)|xm|xingming|frdb|fddbr"
    r"|.*(?:申请人|联系人|姓名|身份证|证件号|电话|手机|住址|地址|邮箱).*"
)
#: Columns that hold what opens doors.
_SECRETS = re.compile(
    r"(?:access|refresh|auth|id|user|login|session|sso|csrf|xsrf)?token|tk|jwt|ticket|(?:app|client)?secret|secretkey|appkey|apikey|password|passwd|pwd|sign"
    r"|signature|session|sessionid|sessionkey|sid|jsessionid|authorization|cookie|projpwd"
)
_SQUEEZE = re.compile(r"[_\-\s@.]")

#: Begins only where a word does: looked for from every letter of one very long word it would take its square.
_MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]+(?:@|%40)(?!example\.invalid)"
    r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)
#: What an input method makes of Latin letters and digits → what is meant. One for one: places in a text stay.
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_SECRET_PARAMETER = re.compile(
    r"(?i)(?<=[?&;])((?:access_?|auth_?)?token|tk|ticket|sign|signature|(?:app_?|client_?)?secret|password|passwd|pwd"
    r"|session_?(?:id|key)|sid|jsessionid|api_?key|app_?key)=([^&\s\"'<>#;]+)"
)
#: In Big5 as in GB 2312: an answer keeps its charset.
_HAN = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥春夏秋冬南西北山川江河湖海松竹梅天地日月星云"

HIDDEN = "***"
_SHORTEST, _LONG = 4, 8  # characters of a secret


def squeezed(name: str) -> str:
    """A column's name as the tables here compare it."""
    return _SQUEEZE.sub("", name.rpartition(":")[2]).lower()


def is_personal(column: str) -> bool:
    return _COLUMNS.fullmatch(squeezed(column)) is not None


def is_secret(column: str) -> bool:
    return _SECRETS.fullmatch(squeezed(column)) is not None


class StandIns:
    """Texts of the same shape, the same one for the same input; what it was cannot be computed back.

    The key is random and forgotten with the object: two tapes of one system have different ones.
    """

    def __init__(self, *, hidden: Iterable[str] = (), replaced: Mapping[str, str] | None = None) -> None:
        """``hidden`` are secrets, wherever they stand; ``replaced`` are addresses and what stands for them."""
        self._key = randomness.token_bytes(32)
        self._secrets: set[str] = set()
        self._hidden: re.Pattern[str] | None = None
        self.hide(hidden)
        self._replaced = sorted((replaced or {}).items(), key=lambda pair: -len(pair[0]))

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these go too, however they are written: a token that was granted meanwhile, say."""
        more = {form for one in secrets if len(one) >= _SHORTEST for form in _forms(one)} - self._secrets
        if not more:
            return
        self._secrets |= more
        # A short one ("admin") is also a part of other words.
        words = [
            re.escape(one) if len(one) >= _LONG else rf"(?<!\w){re.escape(one)}(?!\w)"
            for one in sorted(self._secrets, key=len, reverse=True)
        ]
        self._hidden = re.compile("|".join(words))

    def anywhere(self, text: str) -> str:
        """``text`` without secrets, identity numbers, phones and mails."""
        for old, new in self._replaced:
            text = text.replace(old, new)
        if self._hidden is not None:
            text = self._hidden.sub(HIDDEN, text)
        if "=" in text:
            text = _SECRET_PARAMETER.sub(rf"\1={HIDDEN}", text)
        for pattern, made in ((ID_NUMBER, self._identity), (MOBILE, self._mobile), (_MAIL, self._mail)):
            text = _replaced(pattern, made, text)
        return text

    def person(self, text: str) -> str:
        """What stands for the whole of a personal value."""
        whole = text.strip()
        for pattern, made in ((ID_NUMBER, self._identity), (MOBILE, self._mobile), (_MAIL, self._mail)):
            if pattern.fullmatch(whole.translate(_NARROW)):
                return text.replace(whole, made(whole.translate(_NARROW)))
        numbers = self._numbers(text)
        return "".join(_like(letter, next(numbers)) for letter in text)

    def _numbers(self, text: str) -> Iterator[int]:
        n = 0
        while True:
            yield from hmac.digest(self._key, b"%d %s" % (n, text.encode("utf-8", "surrogatepass")), hashlib.sha256)
            n += 1

    def _digits(self, text: str, length: int) -> str:
        numbers = self._numbers(text)
        return "".join(str(next(numbers) % 10) for _ in range(length))

    def _identity(self, number: str) -> str:
        # No region begins with 00, so it is nobody's; the check digit is right, for whoever checks it.
        bare = _bare(number)
        body = f"000000{1900 + int(self._digits(bare, 1))}0101{self._digits(bare, 3)}"
        check = sum(int(digit) * weight for digit, weight in zip(body, ID_WEIGHTS, strict=True)) % 11
        return _in_its_form(number, body + "10X98765432"[check])

    def _mobile(self, number: str) -> str:
        # No mobile phone begins with 100.
        return _in_its_form(number, "100" + self._digits(_bare(number)[-11:], 8))

    def _mail(self, address: str) -> str:
        at = "@" if "@" in address else "%40"
        return f"u{self._digits(address.lower().replace('%40', '@'), 8)}{at}example.invalid"


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be written: as it is, in an address, in base64."""
    yield secret
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    packed = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()
    yield from (packed, packed.rstrip("="), quote(packed, safe=""))


def _replaced(pattern: re.Pattern[str], made: Callable[[str], str], text: str) -> str:
    """``text`` with every match ``made`` anew, found though it is written in wide letters."""
    pieces, at = [], 0
    for match in pattern.finditer(text if text.isascii() else text.translate(_NARROW)):
        pieces += [text[at : match.start()], made(match.group())]
        at = match.end()
    return "".join([*pieces, text[at:]]) if pieces else text


def _bare(number: str) -> str:
    return "".join(letter for letter in number if letter.isalnum())


def _in_its_form(number: str, stand_in: str) -> str:
    """``stand_in`` in the place of the last letters of ``number``, its gaps kept."""
    made, left = list(number), list(stand_in)
    for at in range(len(made) - 1, -1, -1):
        if left and made[at].isalnum():
            made[at] = left.pop()
    return "".join(made)


def _like(letter: str, number: int) -> str:
    if letter.isdecimal():
        return str(number % 9 + 1)
    if "\u3400" <= letter <= "\u9fff":
        return _HAN[number % len(_HAN)]
    return chr(ord("A" if letter.isupper() else "a") + number % 26) if letter.isalpha() else letter


def masked(record: Record) -> Record:
    """``record`` as it may be looked at over a shoulder: persons as stars, phones and numbers by their ends."""
    return Record(
        record.kind,
        _masked("key", record.key, False),
        {name: _masked(name, value, name in FIELDS) for name, value in record.fields.items()},
        {name: _masked(name, value, is_personal(name) or is_secret(name)) for name, value in record.extra.items()},
        partition=_masked("partition", record.partition, False),
        withdrawn=record.withdrawn,
        row_digest=record.row_digest,
    )


def _masked(name: str, value: Any, personal: bool) -> Any:
    if not isinstance(value, str):
        return value
    if personal:
        return value[:1] + "*" * (len(value) - 1) if len(value) > 1 else "*" * len(value)
    value = _replaced(ID_NUMBER, lambda number: _in_its_form(number, "*" * 14 + _bare(number)[-4:]), value)
    value = _replaced(MOBILE, lambda number: _in_its_form(number, "****" + _bare(number)[-4:]), value)
    return _replaced(_MAIL, lambda address: address[:1] + "***@***", value)
