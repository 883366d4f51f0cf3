"""What is to be said of a stream that was looked at: facts, and contradictions with their place. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Loc = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that is not as the descriptor says: where it says so, and what to do."""

    loc: Loc  # inside the descriptor
    message: str
    hint: str = ""


@dataclass(slots=True)
class Findings:
    """What is to be said of a stream."""

    facts: dict[str, str] = field(default_factory=dict)  # about what → a short sentence
    contradictions: list[Contradiction] = field(default_factory=list)

    def no(self, loc: Sequence[str], message: str, hint: str = "") -> None:
        self.contradictions.append(Contradiction(tuple(loc), message, hint))
