"""What `--help` shows: arguments by the names that a person knows, commands below headings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vasini_tui.cli.commands import SECTIONS
from vasini_tui.cli.quick_values import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter

_BESIDE_NAMES = 6
"""Cells of a line that are neither name nor words."""


class HelpedCommand(QuickCommand):
    """A command whose arguments stand in its help without their types: their names say what they take."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """See typer."""
        return [_without_type(param) for param in super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """`[OPTIONS] RUN [STEP]`: typer writes braces around what is needed, and brackets once more."""
        arguments = (param for param in self.get_params(ctx) if param.param_type_name == "argument")
        return ["[OPTIONS]", *(param.metavar or "" for param in arguments)]


class HelpedGroup(QuickGroup):
    """All commands, by what they are for."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """See typer."""
        room = formatter.width - _BESIDE_NAMES - max(map(len, self.commands))
        width = max(map(len, self.commands))
        for heading, names in SECTIONS.items():
            rows = [
                (f"{name:<{width}}", self.commands[name].get_short_help_str(room)) for name in names.split()
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)


def _without_type(param: Any) -> Any:
    """The same parameter; typer compares them by identity."""
    if param.param_type_name == "argument":
        param.display_type_rich = lambda ctx: None
    return param
