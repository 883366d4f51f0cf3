"""Files of one folder, and of no other: symbolic links are never followed, nothing is overwritten."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_LINK = (errno.ELOOP, errno.ENOTDIR)  # what a symbolic link is refused with


def read_within(folder: Path, inside: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file below ``folder``, no part of whose path is a symbolic link.

    Raises OSError, and ValueError for a link, what is no file, and what is too large.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in inside.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
            os.close(opened)
            opened = inner
        # NONBLOCK: a named pipe must not hold us up.
        file = os.open(inside.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
    except OSError as error:
        if error.errno in _LINK:
            raise ValueError("is reached by a symbolic link") from None
        raise
    finally:
        os.close(opened)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise ValueError("is no file")
    with os.fdopen(file, "rb") as stream:
        body = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise ValueError(f"is larger than {max_bytes} bytes")
    return body


def free_name(target: Path) -> Path:
    """``target``, or the same with a number: what was put aside before is never overwritten."""
    number, free = 1, target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.name}.{number}")
    return free
