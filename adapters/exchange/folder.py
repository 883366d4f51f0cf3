"""Files of one folder, and of no other: symbolic links are never followed, nothing is overwritten."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, suppress
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


def put(folder: Path, file: str, into: str, name: str) -> None:
    """Move a file of ``folder`` into the folder ``into`` in it, which is made where it is missing; '' is ``folder``
    itself. It is called ``name`` there, or the same with a number: what was put aside before is never overwritten.

    Raises OSError, and ValueError where ``into`` is a symbolic link.
    """
    with ExitStack() as opened:
        here = there = _opened(opened, folder, None)
        if into:
            with suppress(FileExistsError):
                os.mkdir(into, dir_fd=here)
            try:
                there = _opened(opened, into, here)
            except OSError as error:
                if error.errno in _LINK:
                    raise ValueError("is a symbolic link, or no folder") from None
                raise
        number, free = 1, name
        while _is_there(free, there):
            number += 1
            free = f"{name}.{number}"
        os.rename(file, free, src_dir_fd=here, dst_dir_fd=there)


def _opened(opened: ExitStack, folder: Path | str, within: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | (0 if within is None else os.O_NOFOLLOW)
    descriptor = os.open(folder, flags, dir_fd=within)
    opened.callback(os.close, descriptor)
    return descriptor


def _is_there(name: str, folder: int) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def shown(name: str) -> str:
    """A file's name as it can be stored and shown: bytes that are no UTF-8 (names in GBK) and what does not print as
    escapes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
