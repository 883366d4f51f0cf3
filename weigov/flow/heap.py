"""Keeping Python's garbage collector away from what a long piece of work does not touch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: As many new objects may wait for the collector: a thousand records with what belongs to them.
_OBJECTS = 20_000


@contextmanager
def set_aside() -> Iterator[None]:
    """What is there already is no garbage, and is not looked through again until this ends; what comes is looked
    through less often.

    A pull makes and drops objects by the hundred thousand. Each time the collector is at it, it would go through all
    that the imports left as well, which costs a tenth of the pull. And hardly any of what a pull makes is in a
    circle: a collection for every seven hundred objects, which is Python's habit, finds nothing. Nothing is ever
    leaked by this: only put off.
    """
    if gc.get_freeze_count():  # somebody else did, and ends it
        yield
        return
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
