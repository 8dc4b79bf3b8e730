"""The output files of a run as readers see them: listed, and their text masked."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from engine.contracts.housekeeping import LeftOutFile
from engine.contracts.runs.run import FileText, OutputLine, OutputPage, RunFile
from engine.contracts.times import from_micros
from engine.errors import NotFound
from engine.journal.encoding import decode
from engine.runtime.views.paging import page_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.governance.redactor import Redactor
    from engine.journal.rows import RunRow
    from engine.runtime.files.call_outputs import CallOutputs
    from engine.runtime.files.run_folders import RunFolders

MAX_FILE_TEXT = 8 * 1024 * 1024
MAX_WHOLE_FILE = 64 * 1024 * 1024
MARGIN = 4 * 1024
"""Bytes that are read beyond what is shown: what stands across the cut is masked as well."""


class OutputFiles:
    """Reads the output files below the runs' folders, in threads."""

    def __init__(
        self,
        folders: RunFolders,
        outputs: CallOutputs,
        redactor: Redactor,
        coming: Callable[[str], list[dict[str, Any]]],
    ) -> None:
        self._coming = coming
        self._folders = folders
        self._outputs = outputs
        self._redactor = redactor

    async def of(self, row: RunRow) -> tuple[RunFile, ...]:
        """The files of the run of this row. Raises Unavailable."""
        entries = await asyncio.to_thread(self._folders.list_files, row["pack"], row["run_id"])
        return tuple(RunFile(**entry) for entry in entries)

    async def text(self, row: RunRow, stored_name: str, limit: int) -> FileText:
        """The beginning of a file as masked text. Raises NotFound, InvalidInput, Unavailable."""
        size = page_size(limit, MAX_FILE_TEXT)
        text = await asyncio.to_thread(self._read, row["pack"], row["run_id"], stored_name, size)
        if text is None:
            words = f"run {row['run_id']} has no file {stored_name[:200]!r}"
            raise NotFound(words, {"run_id": row["run_id"], "stored_name": stored_name[:200]})
        return text

    async def output(self, row: RunRow, step_id: str | None, after: int) -> OutputPage:
        """Lines that the calls of a run wrote. Raises Unavailable."""
        found = self._coming(row["run_id"])
        lines = [OutputLine(**{**line, "ts": from_micros(line["ts"])}) for line in found]
        page = await asyncio.to_thread(self._read_output, row["pack"], row["run_id"], step_id, after)
        kept = set(page.lines) if lines else set()  # what got into the file meanwhile
        coming = tuple(line for line in lines if _is_of(line, step_id) and line not in kept)
        return page.model_copy(update={"coming": coming}) if coming and page.ended else page

    def _read_output(self, pack: str, run_id: str, step_id: str | None, after: int) -> OutputPage:
        raw, start, size = self._outputs.read(pack, run_id, after)
        lines = (line for text in raw.splitlines() if (line := _output_line(text)) is not None)
        wanted = tuple(line for line in lines if _is_of(line, step_id))
        end = start + len(raw)
        return OutputPage(lines=wanted, next=end, ended=end >= size or not raw)

    async def whole(self, row: RunRow, stored_name: str) -> str | LeftOutFile:
        """All of a file as masked text, or why it cannot be given. Raises Unavailable."""
        return await asyncio.to_thread(self._read_whole, row["pack"], row["run_id"], stored_name)

    def _read_whole(self, pack: str, run_id: str, stored_name: str) -> str | LeftOutFile:
        found = self._folders.read_output(pack, run_id, stored_name, MAX_WHOLE_FILE)
        if found is None:
            return LeftOutFile(name=stored_name, size=0, sha256="", why="it is not there any more")
        raw, length = found
        if length > len(raw):
            why = f"it is larger than {MAX_WHOLE_FILE} bytes"
            return LeftOutFile(name=stored_name, size=length, sha256="", why=why)
        text = self._masked(raw, length * 4, whole=True)
        if text is None:
            digest = hashlib.sha256(raw).hexdigest()
            why = "it is no text, so it cannot be masked"
            return LeftOutFile(name=stored_name, size=length, sha256=digest, why=why)
        return text

    def _read(self, pack: str, run_id: str, stored_name: str, size: int) -> FileText | None:
        found = self._folders.read_output(pack, run_id, stored_name, size + MARGIN)
        if found is None:
            return None
        raw, length = found
        text = self._masked(raw, size, whole=length <= len(raw))
        return FileText(
            run_id=run_id,
            stored_name=stored_name,
            path=str(self._folders.path(pack, run_id, "output", stored_name)),
            size=length,
            text=text or "",
            truncated=text is not None and length > size,
            binary=text is None,
        )

    def _masked(self, raw: bytes, size: int, *, whole: bool) -> str | None:
        """At most `size` bytes of text, cut after it was masked; None when it is no UTF-8 text."""
        if b"\0" in raw:
            return None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as fault:
            if whole or fault.start < len(raw) - 3:
                return None
            text = raw[: fault.start].decode("utf-8")  # a character that the end of the reading cut through
        masked: str = self._redactor.redact(text) if whole else self._redactor.redact_beginning(text)
        return masked.encode()[:size].decode("utf-8", "ignore")


def _is_of(line: OutputLine, step_id: str | None) -> bool:
    """Whether a call of that step wrote it, or of one below it."""
    return step_id is None or line.step_id == step_id or line.step_id.startswith(f"{step_id}/")


def _output_line(text: bytes) -> OutputLine | None:
    """A line of the file; None for what was half written when the machine stopped."""
    try:
        found = decode(text)
        return OutputLine(**{**found, "ts": from_micros(found["ts"])})
    except (ValueError, KeyError, TypeError):
        return None
