"""What a number that belongs to a person looks like in a text. Pure; imports nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Digits are any that people type, and numbers may be written in groups.
#: An identity number: region, day of birth, serial, check character.
ID_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?!000000)\d{6}[- ]?(?:19|20)\d{2}[- ]?(?:0[1-9]|1[0-2])[- ]?(?:0[1-9]|[12]\d|3[01])[- ]?"
    r"\d{3}[\dXx](?![0-9A-Za-z])"
)
MOBILE = re.compile(r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])")
#: A debit or credit card of a bank in China: 62 and 16 to 19 digits in all.
_BANK_CARD = re.compile(r"(?<![0-9A-Za-z])62(?:[ -]?\d){14,17}(?![0-9A-Za-z])")

#: GB 11643: the weights of an identity number's first 17 digits, and what their sum leaves → the last character.
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_LAST = "10X98765432"


def id_numbers(text: str) -> Iterator[str]:
    """Those whose check character is right: 18 digits of a document number rarely are."""
    for match in ID_NUMBER.finditer(text):
        number = _squeezed(match.group()).upper()
        total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, number[:17], strict=True))
        if _ID_LAST[total % 11] == number[17]:
            yield match.group()


def bank_cards(text: str) -> Iterator[str]:
    """Those whose check digit (Luhn) is right."""
    for match in _BANK_CARD.finditer(text):
        digits = [int(digit) for digit in reversed(_squeezed(match.group()))]
        doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[1::2]]
        if (sum(digits[::2]) + sum(doubled)) % 10 == 0:
            yield match.group()


def mobiles(text: str) -> Iterator[str]:
    """Mobile phone numbers."""
    for match in MOBILE.finditer(text):
        yield match.group()


def masked(number: str) -> str:
    """Enough of it to find the place, not enough to use: 110***********123X → ``110…23X``."""
    plain = _squeezed(number)
    return f"{plain[:3]}…{plain[-2:]}"


def _squeezed(number: str) -> str:
    return number.replace(" ", "").replace("-", "")
