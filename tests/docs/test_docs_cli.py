"""docs/cli.md lists exactly the commands, options and exit statuses there are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import typer

from engine.contracts.status import RequestStatus, RunStatus, StepStatus
from vasini_tui.cli.app import command_tree
from vasini_tui.exit_codes import ExitCode

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
COMMON = {"--json", "--as NAME"}
IN_VIEW = {"--tenant T", "--all-tenants"}


def commands(command: Any, name: str) -> dict[str, Any]:
    """Every command by its words, groups opened."""
    below = getattr(command, "commands", {})
    if not below:
        return {name: command}
    return {
        key: value
        for word, inner in below.items()
        for key, value in commands(inner, f"{name} {word}").items()
    }


@cache
def offered() -> dict[str, set[str]]:
    """Options of each command, by its heading: its words and arguments."""
    found: dict[str, set[str]] = {}
    for name, command in commands(typer.main.get_command(command_tree()), "vasini").items():
        options, arguments = set(), [name]
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                arguments.append(parameter.metavar)
            else:
                options.add(" ".join(filter(None, (parameter.opts[0], parameter.metavar))))
        found[" ".join(arguments)] = options
    return found


def documented() -> dict[str, set[str]]:
    sections = re.split(r"^### `(.*)`$", TEXT, flags=re.MULTILINE)[1:]
    found: dict[str, set[str]] = {}
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        rows = re.findall(r"^\| `(--.*?)` \|", body.partition("\n## ")[0], re.MULTILINE)
        found[heading] = {row.replace("\\|", "|") for row in rows} | COMMON
    return found


def test_every_command_and_option_is_documented_and_no_other() -> None:
    assert documented() == {name: options - IN_VIEW for name, options in offered().items()}


def test_what_is_in_view_can_be_chosen_for_whatever_belongs_to_a_tenant() -> None:
    sections = re.search(r"^## Runs$(.*)^## Packs", TEXT, re.MULTILINE | re.DOTALL)
    assert sections is not None
    of_tenants = set(re.findall(r"^### `(.*)`$", sections[1], re.MULTILINE))
    assert {name for name, options in offered().items() if options >= IN_VIEW} == of_tenants
    assert all(f"`{option}`" in TEXT.partition("## Runs")[0] for option in IN_VIEW)


def test_every_exit_status_is_documented() -> None:
    table = TEXT.partition("## Exit statuses")[2].partition("\n## ")[0]
    assert [int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(ExitCode)


def test_every_status_is_documented() -> None:
    section = TEXT.partition("## Statuses of runs")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE) == list(RunStatus)
    others = set(StepStatus) - {status.value for status in RunStatus}
    assert {*others, *RequestStatus} <= set(re.findall(r"`([A-Z_]+)`", section))


def test_help_says_what_every_command_option_and_argument_is() -> None:
    for name, command in commands(typer.main.get_command(command_tree()), "vasini").items():
        assert command.help, name
        silent = [one.name for one in command.params if not getattr(one, "help", None)]
        assert silent == [], name
        flags = [one.name for one in command.params if getattr(one, "is_flag", False)]
        unnamed = [one.name for one in command.params if not one.metavar and one.name not in flags]
        assert unnamed == [], f"{name}: what these take has no name"
