"""Settings files: YAML read safely, with the line of every key for the messages about them."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from engine.errors import ErrorCode, VasiniError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_BYTES = 1024 * 1024

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The content of a settings file, and the line each key stands on."""

    path: Path
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    def line_of(self, key: KeyPath) -> int | None:
        """The line of the key, or of the nearest one above it."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.lines:
                return self.lines[key[:end]]
        return None


def config_invalid(path: Path, problem: str, *, line: int | None = None, key: str = "") -> VasiniError:
    """The error for one fault in a settings file; the message says where and what, never a value."""
    place = f"{path}:{line}" if line else str(path)
    words = f"{place}: {key}: {problem}" if key else f"{place}: {problem}"
    details = {"problems": [{"file": str(path), "line": line, "key": key, "message": problem}]}
    return VasiniError(ErrorCode.CONFIG_INVALID, words, details)


def read_config_file(path: Path, *, private: bool = False) -> ConfigFile:
    """Read one settings file; one that is not there is empty. Raises VasiniError (`config_invalid`).

    `private`: refuse a file that group or others may read, before a byte of it is read.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ConfigFile(path)
    except OSError as error:
        raise config_invalid(path, f"cannot be read: {error.strerror}") from error
    if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
        shown = f"{stat.S_IMODE(mode):04o}"
        raise config_invalid(
            path, f"holds secrets but is open to group or others (mode {shown}); run: chmod 600 {path}"
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise config_invalid(path, f"cannot be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise config_invalid(path, "is larger than 1 MiB, which is no settings file")
    try:
        return _parse(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise config_invalid(path, "is not UTF-8 text") from error


def _parse(path: Path, text: str) -> ConfigFile:
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            return ConfigFile(path)
        if not isinstance(node, yaml.MappingNode):
            _refuse(path, "must be a mapping of settings groups, such as `policies:`", node)
        lines: dict[KeyPath, int] = {}
        _index(path, node, (), lines)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise config_invalid(path, f"is not valid YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise config_invalid(path, f"is not valid YAML: {type(error).__name__}") from error
    # An empty group (`policies:` with nothing below) means its defaults.
    return ConfigFile(path, {key: value for key, value in data.items() if value is not None}, lines)


def _index(path: Path, node: Any, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    """Remember the line of every key; refuse what safe_load would take without a word."""
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            _refuse(path, "a key must be plain text", key_node)
        key = (*above, key_node.value)
        if key in lines:
            _refuse(path, f"the key {'.'.join(key)} stands here a second time", key_node)
        lines[key] = key_node.start_mark.line + 1
        if isinstance(value_node, yaml.MappingNode):
            _index(path, value_node, key, lines)


def _refuse(path: Path, problem: str, node: Any) -> NoReturn:
    raise config_invalid(path, problem, line=node.start_mark.line + 1)
