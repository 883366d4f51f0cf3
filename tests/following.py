"""A guide, read as what a person does who follows it: files made and changed, commands given, answers compared.

Of a page's blocks, in order:

    ```yaml      a file of the site; its first line names it
    ```diff      changes the file its ``---`` names: the lines with a blank or ``-`` before them, which stand there
                 once, become those with a blank or ``+``; ``@@`` alone divides one change from the next
    ```text      what the commands before it say, on both outputs: ``…`` alone is any number of lines, within a line
                 any words
    other fences below a line that ends with "`NAME`:" the file NAME
    four blanks  commands; one that must fail says how in its comment: ``# ends with 1``
    <!-- meanwhile: … -->  what somebody else does; no reader sees it

It runs nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

_BLOCK = re.compile(
    r"(?:`(?P<name>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$"
    r"|^(?P<commands>(?: {4}\S[^\n]*\n)+)"
    r"|^<!-- meanwhile: (?P<event>.*?) -->$",
    re.MULTILINE | re.DOTALL,
)
_FIRST_LINE = re.compile(r"\A# (\S+\.yaml)\n")

Kind = Literal["file", "change", "commands", "answer", "meanwhile"]


@dataclass(frozen=True, slots=True)
class Step:
    """``name`` is a file's; ``text`` its content, the change of it, the commands, the answer, or the event."""

    kind: Kind
    text: str
    name: str = ""

    def at(self, places: dict[str, str]) -> Step:
        """The same with every address of the page replaced by where the system is."""
        text = self.text
        for shown, real in places.items():
            text = text.replace(shown, real)
        return replace(self, text=text)


def steps(page: str) -> Iterator[Step]:
    """What the page has its reader do. Raises ValueError for a block nobody knows what to do with."""
    for found in _BLOCK.finditer(page):
        body, name = found["body"], found["name"]
        if found["commands"]:
            yield Step("commands", found["commands"])
        elif found["event"]:
            yield Step("meanwhile", found["event"])
        elif found["language"] == "text":
            yield Step("answer", body)
        elif found["language"] == "diff":
            head, _, change = body.partition("\n")
            yield Step("change", change, head.removeprefix("--- "))
        elif first := _FIRST_LINE.match(body):
            yield Step("file", body, first[1])
        elif name:
            yield Step("file", body, name)
        else:
            raise ValueError(f"a block that names no file: {body.splitlines()[0]!r}")


def changed(content: str, change: str) -> str:
    """``content`` after one ``diff`` block. Raises ValueError where it does not fit."""
    for part in re.split(r"^@@\n", change, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        if content.count(old) != 1:
            raise ValueError(f"what is to be changed stands there {content.count(old)} times: {old!r}")
        content = content.replace(old, new)
    return content


def commands(text: str) -> Iterator[tuple[str, int]]:
    """(command, the code it ends with), each."""
    for line in text.splitlines():
        command, _, comment = line.strip().partition(" #")
        ends = re.fullmatch(r"ends with (\d+)", comment.strip())
        yield command.strip(), int(ends[1]) if ends else 0


def is_said(shown: str, said: str) -> bool:
    """Whether ``said`` is what the page shows, but for what it leaves out."""
    pattern = ""
    for line in shown.splitlines():
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*".join(map(re.escape, line.rstrip().split("…"))) + r"\n"
    trimmed = "".join(f"{line.rstrip()}\n" for line in said.splitlines())
    return re.fullmatch(pattern, trimmed) is not None
