"""``weigov``: the verbs by hand, and what an engineer or operator asks of a deployment.

The DAGs call the same functions. A user's mistake is one line on standard error and exit code 1 (2 for a wrong
command line), never a stack trace. Here is the list of commands; what each does is in ``weigov.commands``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer

from weigov.commands import (
    audit,
    bindings,
    deployment,
    doctor,
    doubts,
    figures,
    log,
    menu,
    pause,
    quarantine,
    quota,
    recover,
    review,
    schema,
    state,
    systems,
    tape,
    trial,
    verbs,
)
from weigov.errors import WeigovError

#: In the order ``--help`` shows them. A command's name is its function's, with hyphens.
COMMANDS: tuple[Callable[..., Any], ...] = (
    deployment.lint,
    systems.check,
    systems.sample,
    schema.schema,
    deployment.migrate,
    deployment.gateway,
    verbs.collect,
    verbs.reset,
    verbs.compose,
    verbs.deliver,
    verbs.reconcile,
    verbs.statistics,
    verbs.sync_back,
    verbs.watch,
    state.status,
    state.plan,
    state.apply,
    figures.figures,
    doubts.settle,
    doubts.replay,
    trial.release,
    pause.pause,
    pause.resume,
    recover.recover,
    audit.audit,
)

#: Commands with commands of their own.
GROUPS: dict[str, typer.Typer] = {
    "tape": tape.app,
    "review": review.app,
    "quarantine": quarantine.app,
    "menu": menu.app,
    "quota": quota.app,
    "bindings": bindings.app,
    "guests": trial.app,
    "log": log.app,
    "doctor": doctor.app,
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__.rpartition(" Here is")[0],
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a pretty trace shows local variables, and with them secrets
)
for command in COMMANDS:
    app.command()(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """The command. One line for a user's mistake, a stack trace only for ours."""
    try:
        code = app(standalone_mode=False)  # typer.Exit comes back as its code
    except WeigovError as error:
        for line in str(error).splitlines():
            print(line, file=sys.stderr)
        sys.exit(1)
    except typer.Abort:
        sys.exit(1)
    except typer._click.exceptions.ClickException as error:
        error.show()
        sys.exit(2)
    except Exception as error:
        database = sys.modules.get("sqlalchemy.exc")  # --help need not import it
        if database is None or not isinstance(error, database.OperationalError):
            raise
        from weigov.ledger.migrate import unusable

        print(unusable(error), file=sys.stderr)  # in the midst of work: the disk is full, the server went away
        sys.exit(1)
    sys.exit(code)
