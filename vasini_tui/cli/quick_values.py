"""Values of options that are right as they stand: nothing is loaded to look at them.

typer has pydantic look at the value of every parameter, also of those that nobody wrote, with a
validator made for each: that takes longer than most commands need to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer._click.core import Context, Parameter


class QuickCommand(TyperCommand):
    """A command whose parameters are looked at only where somebody wrote what is no plain text."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """See typer."""
        return [_looked_at_less(param) for param in super().get_params(ctx)]


class QuickGroup(TyperGroup):
    """The same for what stands before a command."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """See typer."""
        return [_looked_at_less(param) for param in super().get_params(ctx)]


class _QuickValue:
    """Stands before what typer makes of a value."""

    def __init__(self, typers: Callable[[], Any]) -> None:
        self._typers = typers

    def coerce(self, value: Any, param: Any, ctx: Context) -> Any:
        """The value as the command gets it. Raises what typer does for one that cannot be."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        kind = param.type_descriptor.annotation
        if kind is str and isinstance(value, str) and not several:
            return value
        if kind in {bool, int} and type(value) is kind and value == param.default:
            return value
        return self._typers().coerce(value, param=param, ctx=ctx)


def _looked_at_less(param: Any) -> Any:
    """The same parameter; typer compares them by identity."""
    if "get_runtime_param" not in vars(param):
        quick = _QuickValue(param.get_runtime_param)
        param.get_runtime_param = lambda: quick
    return param
