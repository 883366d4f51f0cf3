"""Write the next migration from what ``tables`` has and the migrations do not."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from weigov.ledger.engine import Ledger
from weigov.ledger.migrate import _config


def main(what_it_does: str) -> None:
    """Compare against a database migrated so far, and write the difference down."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger(f"sqlite:///{Path(directory) / 'ledger.db'}")
        with ledger.begin() as connection:
            config = _config(connection)
            steps = list(ScriptDirectory.from_config(config).walk_revisions())
            if steps:
                command.upgrade(config, "head")
            command.revision(config, what_it_does, autogenerate=True, rev_id=f"{len(steps) + 1:04d}")
        ledger.close()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
