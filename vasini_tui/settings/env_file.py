"""`.env` beside the other settings: variables as in the environment, of which that itself is the stronger."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from engine.errors import VasiniError
from vasini_tui.settings.config_content import ConfigFile, config_invalid
from vasini_tui.settings.config_files import read_settings_text
from vasini_tui.settings.variables import DELIMITER, PREFIX, sets_something, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EnvFile:
    """Its variables, and the settings among them."""

    variables: Mapping[str, str]
    settings: ConfigFile


def read_env_file(path: Path) -> EnvFile:
    """Read it; one that is not there is empty. It may hold keys: group and others may not read it.

    Names that are not ours are left to others. Raises VasiniError (`config_invalid`) naming file and line.
    """
    read = read_settings_text(path, private=True)
    if read is None:
        return EnvFile({}, ConfigFile(path))
    variables, lines = _parsed(path, read[0])
    unknown = next(iter(unknown_variables(variables, own=frozenset())), None)
    if unknown is not None:
        raise config_invalid(path, "sets nothing: no such setting", line=lines[unknown], key=unknown)
    if not sets_something(variables):
        return EnvFile(variables, ConfigFile(path))
    from vasini_tui.settings.environment import lower_name, read_environment  # noqa: PLC0415 - as of the environment

    try:
        data: dict[str, Any] = read_environment(variables)
    except VasiniError as error:
        for problem in error.details.get("problems", ()):
            key = problem["key"]
            raise config_invalid(path, problem["message"], line=lines.get(key), key=key) from None
        raise config_invalid(path, error.message.removeprefix("environment: ")) from None
    places = {
        tuple(lower_name(name).removeprefix(PREFIX.lower()).split(DELIMITER)): line
        for name, line in lines.items()
        if name.startswith(PREFIX)
    }
    return EnvFile(variables, ConfigFile(path, data, places))


def _parsed(path: Path, text: str) -> tuple[dict[str, str], dict[str, int]]:
    """Each variable, and the line it stands on; what was said last counts."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - few have such a file

    variables: dict[str, str] = {}
    lines: dict[str, int] = {}
    for found in parse_stream(StringIO(text)):
        written = found.original.string
        line = found.original.line + written[: -len(written.lstrip()) or None].count("\n")
        if found.error or (found.key is not None and found.value is None):
            raise config_invalid(path, "is no line NAME=value", line=line)
        if found.key is not None and found.value is not None:
            variables[found.key], lines[found.key] = found.value, line
    return variables, lines
