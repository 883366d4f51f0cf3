"""Type one ``weigov`` command in this process, as an operator would in a shell."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

from weigov import cli
from weigov.commands import console


@dataclass(frozen=True)
class Typed:
    """What a command came to."""

    code: int
    out: str
    err: str

    def good(self) -> str:
        assert self.code == 0, f"exit {self.code}: {self.out}{self.err}"
        return self.out


def command(environ: Mapping[str, str], *words: str, stdin: str = "") -> Typed:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.dict(os.environ, environ),
        mock.patch.object(sys, "argv", ["weigov", *words]),
        mock.patch.object(console.out, "_width", 300),  # tables are not broken for want of a terminal
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Typed(code, out.getvalue(), err.getvalue())
