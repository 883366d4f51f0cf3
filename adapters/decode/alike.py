"""Rows of XML written as the row before them: read by a pattern made of it, at a third of what a parser takes.

A service writes every row of a list in the same words. What stands between two rows is the list's content, and what
is well-formed in XML stays so when whole elements are taken out of content: so a row that is, tag by tag, written as
one that the parser took just before, in the same parent, is not given to the parser at all. Whatever else is in a
row (attributes, structures, other columns, references but the five that XML defines, characters XML does not have)
leaves it to the parser, and so does all that stands before, between and behind the rows.

This holds where tags are tags: from the first comment, CDATA section or processing instruction on, everything is the
parser's. Rules: XML 1.0, productions 39 and 43 (content), 14 (text), 2.11 (line ends), 4.6 (references).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.decode.answer import Row

_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s[^<>]*\?>")
_OTHER_ENCODING = re.compile(rb"encoding\s*=\s*[\"'](?!utf-8[\"'])", re.IGNORECASE)
_TAG = re.compile(r"<([^\s<>/!?&\"'=]+)(?:>[^<]*</\1>|/>)")
_OTHER_REFERENCE = re.compile("&(?!(?:lt|gt|amp|quot|apos);)")
#: Looked for one by one: that takes a third of what looking at each character does.
_NOT_XML = bytes(sorted({*range(32)} - {*b"\t\n\r"}))
_GAP = r"[ \t\n]*+"

#: A row cut off by the end of a piece waits for the next one up to this many bytes.
_MAX_HELD = 1 << 18
#: This often in a row a row was unlike the one before it: so will be those that follow.
_MAX_MISSES = 8


class Alike:
    """The rows called ``name`` of one document, which arrives in pieces of UTF-8.

    Offer each piece to ``tags_are_tags`` first. Then ``behind`` finds where a row ends that the parser must take, and
    ``rows`` reads those that follow.
    """

    @property
    def pays(self) -> bool:
        """Whether rows are written alike at all."""
        return self._misses < _MAX_MISSES

    def __init__(self, name: str) -> None:
        tag = rb"(?:[^\s<>/!?&\"'=:]+:)?" + re.escape(name.encode())
        self._flat = re.compile(
            rb"<(" + tag + rb")>(?:\s*+<([^\s<>/!?&\"'=]++)(?:>[^<]*+</\2>|/>))++\s*+</\1>"
        )  # fmt: skip
        self._last = b""  # of the piece before
        self._first = True
        self._end = b""
        self._written: tuple[str, ...] = ()  # the tags of the row found last, its own first
        self._pattern: re.Pattern[str] | None = None
        self._misses = 0
        self.names: tuple[str, ...] = ()  #: the columns of the row found last, in order
        self.follows = False  #: the parser took that row as one, and nothing else since

    def tags_are_tags(self, piece: bytes, utf8: bool) -> bool:
        """Whether all that came up to the end of ``piece`` is, as far as XML goes, tags and text in UTF-8.

        ``utf8``: somebody said that it is; else what the document declares decides.
        """
        at = 0
        if self._first:
            self._first = False
            if declaration := _DECLARATION.match(piece):
                at = declaration.end()
                if not utf8 and _OTHER_ENCODING.search(declaration[0]):
                    return False
        joined, self._last = self._last + piece[:1], piece[-1:]
        if joined in (b"<!", b"<?"):
            return False
        # One byte is found a hundred times quicker than two, and most pieces do not have it.
        return not any(sign[1:] in piece and piece.find(sign, at) >= 0 for sign in (b"<!", b"<?"))

    def behind(self, data: bytes, at: int) -> int:
        """Where the next row behind ``at`` ends that others can be compared with; 0 where there is none."""
        found = self._flat.search(data, at)
        if found is None:
            return 0
        try:
            row = found[0].decode()
        except UnicodeDecodeError:
            return 0
        tag = found[1].decode()
        tags = _TAG.findall(row, len(tag) + 2)
        if self._written != (tag, *tags):
            self._written = (tag, *tags)
            inside = "".join(f"{_GAP}(?:<{t}>([^<]*+)</{t}>|<{t}/>)" for t in map(re.escape, tags))
            self._pattern = re.compile(f"{_GAP}<{re.escape(tag)}>{inside}{_GAP}</{re.escape(tag)}>")
            self._end = b"</" + found[1] + b">"
            self.names = tuple(one.rpartition(":")[2] for one in tags)
        return found.end()

    def rows(self, data: bytes, at: int, made: list[Row]) -> int:
        """Append to ``made`` the rows that follow from ``at`` on, written as the last; where the rest begins."""
        before = len(made)
        at = self._rows(data, at, made)
        self._misses = 0 if len(made) > before else self._misses + 1
        return at

    def _rows(self, data: bytes, at: int, made: list[Row]) -> int:
        end = data.rfind(self._end, at)
        if end < 0 or self._pattern is None:
            return at
        end += len(self._end)
        run = data[at:end]
        try:
            text = run.decode()
        except UnicodeDecodeError:
            return at
        if any(map(run.__contains__, _NOT_XML)) or "\ufffe" in text or "\uffff" in text:
            return at
        if b"]" in run and "]]>" in text:
            return at
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        before, done = len(made), self._matched(text, made)
        if done == len(text):
            return end
        # What was not read is the parser's. Lengths in characters say nothing about bytes: the tags do.
        for _ in range(len(made) - before):
            at = data.index(self._end, at) + len(self._end)
        return at

    def _matched(self, text: str, made: list[Row]) -> int:
        assert self._pattern is not None
        names, match, at = self.names, self._pattern.match, 0
        references = "&" in text
        strange = references and _OTHER_REFERENCE.search(text) is not None
        while (found := match(text, at)) is not None:
            values: Sequence[str] = found.groups("")
            if references:
                if strange and _OTHER_REFERENCE.search(text, at, found.end()):
                    break
                values = [_resolved(value) if "&" in value else value for value in values]
            made.append(dict(zip(names, values, strict=False)))
            at = found.end()
        return at

    def missed(self) -> None:
        """The row found last was none of the kind that can be compared."""
        self._misses += 1

    def cut_off(self, data: bytes, at: int) -> bool:
        """Whether what stands from ``at`` on may be the beginning of a row, and is short enough to wait."""
        return len(data) - at <= _MAX_HELD and data.find(self._end, at) < 0


def _resolved(value: str) -> str:
    value = value.replace("&lt;", "<").replace("&gt;", ">")
    return value.replace("&quot;", '"').replace("&apos;", "'").replace("&amp;", "&")
