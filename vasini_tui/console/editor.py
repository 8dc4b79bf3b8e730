"""The operator's own editor for a long text or a file: the console steps aside while it runs.

The event loop goes on meanwhile, so runs that this process works are not held up. What comes back is data.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

MOST_BYTES = 4_000_000
_FALLBACK = "vi"
_LET_GO_SECONDS = 2.0


class TerminalEditor:
    """Runs `$VISUAL`, else `$EDITOR`, else `vi`, on a private file that is gone afterwards."""

    def __init__(
        self, aside: Callable[[], AbstractContextManager[None]], environment: Mapping[str, str] = os.environ
    ) -> None:
        self._aside = aside
        self._environment = environment

    async def edit(self, text: str) -> str:
        """The text as the operator left it.

        Raises Unavailable when the editor is missing or fails, or where there is no room for its file,
        InvalidInput when what it left is no text.
        """
        command = editor_command(self._environment)
        try:
            place = await asyncio.to_thread(TemporaryDirectory, prefix="vasini-edit-")  # mode 0700
        except OSError as error:
            raise _no_room(error) from error
        try:
            file = Path(place.name, "text.txt")
            try:
                await asyncio.to_thread(_write, file, text)
            except OSError as error:
                raise _no_room(error) from error
            status = await self._run([*command, str(file)])
            if status != 0:
                words = f"The editor {command[0]} ended with status {status}: the text is as it was."
                raise Unavailable(ErrorCode.CONFIG_INVALID, words)
            left = await asyncio.to_thread(_read, file)
        finally:
            await asyncio.shield(asyncio.to_thread(place.cleanup))
        # Editors end a file with a line feed.
        return left if text.endswith("\n") else left.removesuffix("\n")

    async def open(self, path: Path) -> None:
        """Let the operator change this very file; nothing is done to it here.

        Raises Unavailable when the editor is missing or fails.
        """
        command = editor_command(self._environment)
        status = await self._run([*command, str(path)])
        if status != 0:
            words = f"The editor {command[0]} ended with status {status}; {path.name} is as it left it."
            raise Unavailable(ErrorCode.CONFIG_INVALID, words)

    async def _run(self, command: Sequence[str]) -> int:
        cancelled: asyncio.CancelledError | None = None
        status = 0
        with self._aside():
            try:
                process = await asyncio.create_subprocess_exec(*command)
            except OSError as error:
                failure: OSError | None = error
            else:
                failure = None
                try:
                    status = await process.wait()
                except asyncio.CancelledError as error:
                    # The terminal has to be taken back before anything ends.
                    cancelled = error
                    await _let_go(process)
        if cancelled is not None:
            raise cancelled
        if failure is not None:
            words = f"The editor {command[0]} cannot be started: {failure.strerror}. Set VISUAL or EDITOR."
            raise Unavailable(ErrorCode.CONFIG_INVALID, words) from failure
        return status


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The editor and its options. Raises Unavailable when there is none on the PATH."""
    name = next((key for key in ("VISUAL", "EDITOR") if environment.get(key, "").strip()), "")
    try:
        command = shlex.split(environment[name]) if name else [_FALLBACK]
    except ValueError as error:
        raise Unavailable(ErrorCode.CONFIG_INVALID, f"{name} cannot be read as a command: {error}") from None
    if not command or shutil.which(command[0], path=environment.get("PATH")) is None:
        wanted = command[0] if command else ""
        words = f"There is no editor {wanted!r}{f' (from {name})' if name else ''}. Set VISUAL or EDITOR."
        raise Unavailable(ErrorCode.CONFIG_INVALID, words)
    return command


def _no_room(error: OSError) -> Unavailable:
    words = f"No file can be made for the editor: {error.strerror}. Free or name a folder by TMPDIR."
    return Unavailable(ErrorCode.DISK_FULL, words)


async def _let_go(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _LET_GO_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _write(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as stream:
        stream.write(text)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"The editor left no file: {error.strerror}. The text is as it was.") from None
    if len(raw) > MOST_BYTES:
        raise InvalidInput(f"The text is larger than {MOST_BYTES:,} bytes: it is as it was.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("The editor left bytes that are no UTF-8 text: the text is as it was.") from None
