"""Settings of the environment. Loaded where one is set: what reads them is larger than most commands."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import create_model
from pydantic.dataclasses import dataclass
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from engine.errors import ErrorCode, VasiniError
from engine.values import parse_json
from vasini_tui.settings.config_content import BY_PACK, BY_PRODUCT, OF_PACKS, config_error
from vasini_tui.settings.in_force import GROUPS, kind_of
from vasini_tui.settings.variables import DELIMITER, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo


class _Base(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )


@cache
def _variables() -> type[BaseSettings]:
    """How the environment names the settings; never made."""
    groups: dict[str, Any] = {}
    for name in GROUPS:
        kind = kind_of(name)
        groups[name] = (
            dataclass(kind, frozen=True) if isinstance(kind, type) and is_dataclass(kind) else kind,
            None,
        )
    return create_model("_Variables", __base__=_Base, **groups)


class _NoJsonError(ValueError):
    """The value of this variable is none."""


class _Environment(EnvSettingsSource):
    """Variables; a secret is text there even when it looks like a number or JSON."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_variables())

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {lower_name(name): value for name, value in self._environ.items() if value}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list or mapping. Raises _NoJsonError, by which it is known whose value is none."""
        try:
            return parse_json(value)
        except (ValueError, RecursionError) as error:
            named = (name for name, given in self._environ.items() if given == value)
            meant = (name for name in named if lower_name(name).endswith(field_name.lower()))
            raise _NoJsonError(next(meant, field_name)) from error

    def __call__(self) -> dict[str, Any]:
        state = super().__call__()
        prefix = f"{PREFIX}secrets{DELIMITER}".lower()
        secrets = {
            name[len(prefix) :]: value
            for name, value in self.env_vars.items()
            if name.startswith(prefix) and value is not None
        }
        if secrets:
            whole = state.get("secrets")
            state["secrets"] = {**(whole if isinstance(whole, dict) else {}), **secrets}
        return state


def lower_name(variable: str) -> str:
    """In lower case, with `by_pack` where it says `by_product`."""
    group, *parts = variable.lower().split(DELIMITER)
    if parts[:1] == [BY_PRODUCT] and group.removeprefix(PREFIX.lower()) in OF_PACKS:
        parts[0] = BY_PACK
    return DELIMITER.join([group, *parts])


def read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """What variables set, by group, unchecked. Raises VasiniError (`config_invalid`)."""
    try:
        return _Environment(environ)()
    except SettingsError as error:
        if not isinstance(error.__cause__, _NoJsonError):
            raise VasiniError(ErrorCode.CONFIG_INVALID, f"environment: {error}", {"source": "env"}) from None
        problem = {"file": "environment", "line": None, "key": str(error.__cause__)}
        fault = error.__cause__.__cause__
        words = f": {fault}" if type(fault) is ValueError else ""  # else those of the library
        message = f"is no JSON, as which a list or mapping is written here{words}"
        raise config_error("env", [{**problem, "message": message}]) from None
