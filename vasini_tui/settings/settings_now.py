"""Which MCP servers and models the settings name now, for a worker that goes on while somebody edits them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.config import ChangedSettings
from engine.errors import VasiniError
from vasini_tui.settings.loading import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)


class SettingsNow:
    """Reads the settings again when one of their files has changed (blocking). `hide` is told the secrets
    before anybody uses them."""

    def __init__(self, *files: Path, hide: Callable[[Iterable[str]], None]) -> None:
        self._files = files
        self._hide = hide
        self._seen = self._stamps()

    def __call__(self) -> ChangedSettings | None:
        """What they say now; None when nothing changed, or when it cannot be used: then all stays."""
        stamps = self._stamps()
        if stamps == self._seen:
            return None
        self._seen = stamps
        try:
            values = load_settings().values
        except VasiniError as error:
            logger.warning("MCP servers and models stay as they were: %s", error.message)
            return None
        secrets = {name: secret.get_secret_value() for name, secret in values.secrets.items()}
        self._hide(secrets.values())
        return ChangedSettings(values.tools.mcp.servers, values.models, values.budget, secrets)

    def _stamps(self) -> list[tuple[int, int] | None]:
        return list(map(_stamp, self._files))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
