"""The command tree. Parsing does nothing yet: it ends in an `Invocation` (or in help, or a usage error)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli.arguments.options import ActAs, Tenant
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.commands import COMMANDS, GROUPS, asked_for, command
from vasini_tui.cli.help_text import HelpedCommand, HelpedGroup
from vasini_tui.cli.open_console import open_console
from vasini_tui.exit_codes import ExitCode, UsageError
from vasini_tui.version import version_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FIRST_STEPS = """\b
A look around: vasini --demo
A first run:   vasini run hello/hello --wait
Of a command:  vasini COMMAND --help"""


def parse(arguments: Sequence[str]) -> Invocation | int:
    """The invocation, or an exit status when help or the version was written.

    Raises UsageError for a command that is not written as it has to be, BrokenPipeError when nobody reads the
    help.
    """
    try:
        result = typer.main.get_command(command_tree(asked_for(arguments))).main(
            args=list(arguments), prog_name="vasini", standalone_mode=False
        )
    except typer.TyperException as error:
        words = " ".join(error.format_message().split()).replace(": Value error, ", ": ")
        place = _command_meant(error, arguments)
        whole = words if words.endswith("?") else words.rstrip(".") + "."
        raise UsageError(f"{whole} See `{place} --help`.") from None
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except SystemExit:  # so the parser says that
        raise BrokenPipeError from None
    return result if isinstance(result, Invocation | int) else ExitCode.OK


def _command_meant(error: typer.TyperException, arguments: Sequence[str]) -> str:
    """The command as far as it was understood."""
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is not None:
        return context.command_path
    offered = tuple(asked_for(arguments))  # the parser's own faults know no context
    return " ".join(("vasini", *offered)) if len(offered) == 1 else "vasini"


def command_tree(offered: Iterable[str] = COMMANDS) -> typer.Typer:
    """The parser of these commands (vasini_tui.cli.commands)."""
    app = typer.Typer(
        name="vasini",
        help="Operate runs of agents and flows. Without a command the console opens.",
        epilog=_FIRST_STEPS,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        result_callback=_console_unless_a_command,
        cls=HelpedGroup,
    )
    app.callback(invoke_without_command=True)(_root)
    groups: dict[str, typer.Typer] = {}
    for words in offered:
        first, _, second = words.partition(" ")
        if second and first not in groups:
            groups[first] = typer.Typer(help=GROUPS[first], rich_markup_mode=None)
            app.add_typer(groups[first], name=first)
        (groups[first] if second else app).command(second or first, cls=HelpedCommand)(command(words))
    return app


def _root(
    context: typer.Context,
    act_as: ActAs = None,
    tenant: Tenant = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Open the console on a throw-away workspace full of sample runs.")
    ] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Write the version and end.")] = False,
) -> None:
    """Operate runs of agents and flows. Without a command the console opens."""
    if show_version:
        typer.echo(version_line())
        raise typer.Exit
    if context.invoked_subcommand and demo:
        raise UsageError("--demo opens the console: write it without a command")
    if context.invoked_subcommand and (act_as or tenant):
        raise UsageError(
            f"write --as and --tenant after the command: vasini {context.invoked_subcommand} ..."
        )


def _console_unless_a_command(
    invocation: Invocation | None, act_as: str | None, tenant: str | None, demo: bool, show_version: bool
) -> Invocation:
    del show_version  # has ended the program before this
    return invocation or Invocation(
        partial(open_console, demo=demo), act_as=act_as, tenant=tenant, via="console"
    )
