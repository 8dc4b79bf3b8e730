"""Where everything of an installation lives: under `VASINI_HOME`, or in the user's own directories."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.safe_files.naming import at_home

if TYPE_CHECKING:
    from collections.abc import Mapping

_APP = "vasini"
_BY_ERRNO = {
    errno.EROFS: ErrorCode.READ_ONLY,
    errno.EACCES: ErrorCode.READ_ONLY,
    errno.EPERM: ErrorCode.READ_ONLY,
    errno.ENOSPC: ErrorCode.DISK_FULL,
    errno.EDQUOT: ErrorCode.DISK_FULL,
    errno.ENOTDIR: ErrorCode.CONFIG_INVALID,
    errno.EEXIST: ErrorCode.CONFIG_INVALID,
}


@dataclass(frozen=True, slots=True)
class Places:
    """Directories and files. The journal has a directory of its own: no tool may enter it."""

    home: Path | None
    config_dir: Path
    data_dir: Path
    runs_dir: Path
    cache_dir: Path
    packs_dir: Path

    @property
    def own(self) -> tuple[Path, ...]:
        """All of them: what an isolated call sees nothing of."""
        if self.home is not None:
            return (self.home,)
        return (self.config_dir, self.data_dir, self.runs_dir, self.cache_dir, self.packs_dir)

    @property
    def config_file(self) -> Path:
        """Settings that may be shown to anybody."""
        return self.config_dir / "config.yaml"

    @property
    def secrets_file(self) -> Path:
        """Settings only the owner may read."""
        return self.config_dir / "secrets.yaml"

    @property
    def env_file(self) -> Path:
        """Settings as variables, which only the owner may read."""
        return self.config_dir / ".env"

    @property
    def themes_dir(self) -> Path:
        """The operator's own themes of the console."""
        return self.config_dir / "themes"

    @property
    def journal_file(self) -> Path:
        """The file all runs are in."""
        return self.data_dir / "journal.db"

    @property
    def log_file(self) -> Path:
        """Where the program writes what is not for the screen."""
        return self.data_dir / "vasini.log"


def find_places(environ: Mapping[str, str] = os.environ) -> Places:
    """The places in force. Nothing is made here. Raises VasiniError where nobody knows a home directory."""
    named = environ.get("VASINI_HOME", "")
    if named:
        home = at_home(Path(named)).absolute()
        return _below(home, home=home, config_dir=home, cache_dir=home / "cache")
    import platformdirs  # noqa: PLC0415 - not where a home is named

    try:
        return _below(
            platformdirs.user_data_path(_APP, appauthor=False),
            home=None,
            config_dir=platformdirs.user_config_path(_APP, appauthor=False),
            cache_dir=platformdirs.user_cache_path(_APP, appauthor=False),
        )
    except RuntimeError as error:
        message = "this account has no home directory; name a place for everything with VASINI_HOME"
        raise VasiniError(ErrorCode.CONFIG_INVALID, message) from error


def make_places(places: Places) -> None:
    """Make the directories the engine writes to. Raises VasiniError when that cannot be.

    They are the owner's alone, unless the home they are in was made for a group.
    """
    for directory in (places.data_dir, places.runs_dir, places.cache_dir):
        try:
            directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not directory.is_dir():
                directory.mkdir(exist_ok=True)
                _give_mode(directory)
        except OSError as error:
            code = _BY_ERRNO.get(error.errno or 0, ErrorCode.JOURNAL_UNAVAILABLE)
            message = (
                f"cannot make the directory {directory}: {error.strerror}; "
                "free or choose another place with VASINI_HOME"
            )
            details = {"path": str(directory)}
            if code is ErrorCode.CONFIG_INVALID:
                raise VasiniError(code, message, details) from error
            raise Unavailable(code, message, details) from error


def shared_with_group(directory: Path) -> bool:
    """True when the directory is there and its group may write to it."""
    try:
        return bool(directory.stat().st_mode & stat.S_IWGRP)
    except OSError:
        return False


def _give_mode(directory: Path) -> None:
    if shared_with_group(directory.parent):
        keep = directory.stat().st_mode & stat.S_ISGID
        directory.chmod(0o770 | keep)
    else:
        directory.chmod(0o700)


def _below(base: Path, *, home: Path | None, config_dir: Path, cache_dir: Path) -> Places:
    return Places(
        home=home,
        config_dir=config_dir,
        data_dir=base / "data",
        runs_dir=base / "runs",
        cache_dir=cache_dir,
        packs_dir=base / "packs",
    )
