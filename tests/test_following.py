"""Reading a guide as somebody who follows it: what is a step, what a change does, what counts as said."""

from __future__ import annotations

import pytest

from tests.following import Step, changed, commands, is_said, steps

PAGE = """
Text.

```yaml
# systems/a.yaml
one: 1
```

    weigov lint   # ends with 1
    weigov migrate

```text
ledger
```

The file `b.csv`:

```csv
x,y
```

<!-- meanwhile: it rains -->
"""


def test_every_block_is_a_step_in_the_order_of_the_page() -> None:
    assert list(steps(PAGE)) == [
        Step("file", "# systems/a.yaml\none: 1\n", "systems/a.yaml"),
        Step("commands", "    weigov lint   # ends with 1\n    weigov migrate\n"),
        Step("answer", "ledger\n"),
        Step("file", "x,y\n", "b.csv"),
        Step("meanwhile", "it rains"),
    ]
    assert list(commands("    weigov lint   # ends with 1\n    weigov migrate\n")) == [
        ("weigov lint", 1), ("weigov migrate", 0),
    ]  # fmt: skip


def test_a_block_that_names_no_file_is_a_fault_of_the_page() -> None:
    with pytest.raises(ValueError, match="names no file"):
        list(steps("```yaml\none: 1\n```\n"))


def test_a_change_fits_once_or_is_refused() -> None:
    assert changed("a: 1\nb: 2\n", "-a: 1\n+a: 3\n@@\n b: 2\n+c: 4\n") == "a: 3\nb: 2\nc: 4\n"
    for content in ("b: 2\n", "a: 1\na: 1\n"):
        with pytest.raises(ValueError, match="times"):
            changed(content, "-a: 1\n+a: 3\n")


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nb\nc\n", False),
        ("a\n…\n", "a\nb\nc\n", True),
        ("…\nb\n", "a\nc\n", False),
        ("at … o'clock\n", "at 12 o'clock\n", True),
        ("at … o'clock\n", "at 12\no'clock\n", False),
        ("(a)\n", "(b)\n", False),
    ],
)
def test_only_what_is_marked_may_differ(shown: str, said: str, same: bool) -> None:
    assert is_said(shown, said) is same
