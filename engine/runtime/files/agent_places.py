"""Where an agent of another program lives while it works for a run: a home beside the work folder.

All methods block on the disk: call them in a thread. They raise Unavailable.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from engine.runtime.files.folder_access import open_directory, read_beginning, storage_errors
from engine.safe_files.writing import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_SESSION_BYTES = 1_000
_SESSION = "session"


class AgentPlaces:
    """Folders below `<root>/<pack>/<run_id>/runtime`, one for each agent's step."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, pack: str, run_id: str, step_path: str) -> tuple[Path, Path]:
        """The run's work folder, and the agent's home."""
        found = []
        for parts in ((pack, run_id, "runtime", "work"), (*_parts(pack, run_id, step_path), "home")):
            with storage_errors(self._root, parts), open_directory(self._root, parts):
                found.append(self._root.joinpath(*parts))
        return found[0], found[1]

    def known_session(self, pack: str, run_id: str, step_path: str) -> str | None:
        """The id of the session that the agent had before, as the agent called it."""
        parts = _parts(pack, run_id, step_path)
        with storage_errors(self._root, parts), open_directory(self._root, parts) as directory:
            found = read_beginning(directory, _SESSION, _SESSION_BYTES)
        return None if found is None else found[0].decode("utf-8", "replace") or None

    def keep_session(self, pack: str, run_id: str, step_path: str, session_id: str) -> None:
        """Keep it for whoever goes on; one that is very long is not kept."""
        content = session_id.encode("utf-8", "replace")
        if len(content) > _SESSION_BYTES:
            return
        parts = _parts(pack, run_id, step_path)
        with storage_errors(self._root, parts), open_directory(self._root, parts) as directory:
            write_atomically(directory, _SESSION, [content], fsync=False)


def _parts(pack: str, run_id: str, step_path: str) -> tuple[str, ...]:
    name = hashlib.sha256(step_path.encode()).hexdigest()[:16]
    return (pack, run_id, "runtime", "agents", name)
