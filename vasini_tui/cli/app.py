"""The command tree. Parsing does nothing yet: it ends in an `Invocation` (or in help, or a usage error)."""

from __future__ import annotations

import asyncio
import platform
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vasini_tui.cli import doctor, keys, look, packs, requests, run, steer, worker
from vasini_tui.cli.invocation import ActAs, Invocation, Tenant
from vasini_tui.exit_codes import ExitCode, TerminalError, UsageError
from vasini_tui.version import program_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vasini_tui.console import ConsoleOptions
    from vasini_tui.wiring import Session


def parse(arguments: Sequence[str]) -> Invocation | int:
    """The invocation, or an exit status when help or the version was written.

    Raises UsageError for a command that is not written as it has to be.
    """
    try:
        result = typer.main.get_command(_app()).main(
            args=list(arguments), prog_name="vasini", standalone_mode=False
        )
    except typer.TyperException as error:
        raise UsageError(" ".join(error.format_message().split())) from None
    except typer.Abort:
        return ExitCode.INTERRUPTED
    return result if isinstance(result, Invocation | int) else ExitCode.OK


def _app() -> typer.Typer:
    app = typer.Typer(
        name="vasini",
        help="Operate runs of agents and flows. Without a command the console opens.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        result_callback=_console_unless_a_command,
    )
    app.callback(invoke_without_command=True)(_root)
    for subject in (run, look, requests, steer, packs, worker, doctor, keys):
        subject.register(app)
    return app


def _root(
    context: typer.Context,
    act_as: ActAs = None,
    tenant: Tenant = "default",
    demo: Annotated[
        bool, typer.Option("--demo", help="Open the console on a throw-away workspace full of sample runs.")
    ] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Write the version and end.")] = False,
) -> None:
    """Operate runs of agents and flows. Without a command the console opens."""
    if show_version:
        typer.echo(f"vasini {program_version()} (Python {platform.python_version()})")
        raise typer.Exit
    if context.invoked_subcommand and demo:
        raise UsageError("--demo opens the console: write it without a command")
    if context.invoked_subcommand and (act_as or tenant != "default"):
        raise UsageError(
            f"write --as and --tenant after the command: vasini {context.invoked_subcommand} ..."
        )


def _console_unless_a_command(
    invocation: Invocation | None, act_as: str | None, tenant: str, demo: bool, show_version: bool
) -> Invocation:
    del show_version  # has ended the program before this
    return invocation or Invocation(partial(_console, tenant=tenant, demo=demo), act_as=act_as)


async def _console(session: Session, *, tenant: str, demo: bool) -> int:
    # Textual takes longer to load than most commands take to run.
    from vasini_tui.terminal import terminal_problem  # noqa: PLC0415  # only the console needs it

    problem = terminal_problem()
    if problem is not None:
        raise TerminalError(problem)
    from screens.keymap import read_keymap  # noqa: PLC0415  # only the console needs it
    from vasini_tui.console import ConsoleOptions, run_console  # noqa: PLC0415  # only the console needs it
    from vasini_tui.themes import find_themes  # noqa: PLC0415  # only the console needs it

    options = session.loaded.values.console
    shown = ConsoleOptions(
        theme=options.theme,
        grace_ms=options.grace_ms,
        bell=options.bell,
        keymap=read_keymap(options.keys)[0],
        themes=await asyncio.to_thread(find_themes, session.loaded.places.themes_dir),
    )
    if demo:
        return await _demo(session, tenant, shown)
    # An open console works runs like any worker.
    async with session.engine() as engine, engine.work(slots=session.loaded.values.engine.slots):
        return await run_console(engine, actor=session.actor, tenant=tenant, settings=shown)


async def _demo(session: Session, tenant: str, shown: ConsoleOptions) -> int:
    from vasini_tui.console import run_console  # noqa: PLC0415  # only the console needs it
    from vasini_tui.demo.workspace import LABEL, open_demo  # noqa: PLC0415  # only --demo needs it

    async with open_demo(session, tenant=tenant) as opened:
        return await run_console(
            opened.engine,
            actor=session.actor,
            tenant=tenant,
            settings=replace(shown, label=LABEL),
            base_dir=opened.samples.base_dir,
        )
