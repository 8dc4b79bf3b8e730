"""Which MCP servers the settings declare now, for a worker that goes on while somebody edits them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from vasini_tui.settings.loading import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.tools.mcp.settings import McpServer

logger = logging.getLogger(__name__)


class ServersNow:
    """Reads the settings again when their file has changed (blocking)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = self._stamp()

    def __call__(self) -> Mapping[str, McpServer] | None:
        """The servers; None when nothing changed, or when what changed cannot be used: then all stays."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            return load_settings().values.tools.mcp.servers
        except VasiniError as error:
            logger.warning("MCP servers stay as they were: %s", error.message)
            return None

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
