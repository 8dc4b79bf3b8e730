"""Settings files: bounded, private where they hold secrets; YAML is loaded for one that is there."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from vasini_tui.settings.config_content import ConfigFile, config_invalid

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 1024 * 1024


def read_config_file(path: Path, *, private: bool = False) -> ConfigFile:
    """Read one settings file; one that is not there is empty. Raises VasiniError (`config_invalid`).

    `private`: refuse a file that group or others may read, before a byte of it is read. One that says who
    may decide (`identity`) is refused when they may write it.
    """
    read = read_settings_text(path, private=private)
    if read is None:
        return ConfigFile(path)
    text, mode = read
    from vasini_tui.settings.config_yaml import parse_config  # noqa: PLC0415 - most homes have no such file

    found = parse_config(path, text)
    if "identity" in found.data and mode & (stat.S_IWGRP | stat.S_IWOTH):
        shown = f"{stat.S_IMODE(mode):04o}"
        problem = (
            f"says who may decide, but group or others may write it (mode {shown}); run: chmod go-w {path}"
        )
        raise config_invalid(path, problem, line=found.line_of(("identity",)), key="identity")
    return found


def read_settings_text(path: Path, *, private: bool) -> tuple[str, int] | None:
    """The text of a settings file and its mode; None where there is no such file. Raises as
    `read_config_file`."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise config_invalid(path, f"cannot be read: {error.strerror}") from error
    if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
        shown = f"{stat.S_IMODE(mode):04o}"
        raise config_invalid(
            path, f"holds secrets but is open to group or others (mode {shown}); run: chmod 600 {path}"
        )
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise config_invalid(path, "cannot be read: it is no plain file")
    try:
        # not waited for, should it have become a pipe since
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise config_invalid(path, f"cannot be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise config_invalid(path, "is larger than 1 MiB, which is no settings file")
    try:
        return content.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        raise config_invalid(path, "is not UTF-8 text") from error
