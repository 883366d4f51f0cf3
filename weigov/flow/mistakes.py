"""Mistakes of ours that one record or delivery brings to light: they must not stand in the way of all the others.

Errors of the database, of memory and of the network are none of these: there the whole run stops.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath

MISTAKES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def where(error: BaseException) -> str:
    """``KeyError at images.py:76``: without the error's own words, which may quote a record."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {PurePath(place.filename).name}:{place.lineno}"
