"""What an archive of a run holds: the run and those below it, their steps, events, files and pack contents.

All of it is whole, with large values in their places, and masked.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.journal.encoding import encode
from engine.runtime.archive.in_thread import in_thread
from engine.runtime.views.history_lines import event_view
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.housekeeping import LeftOutFile
    from engine.journal.port import Journal
    from engine.runtime.archive.writing import ArchiveWriter
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.output_files import OutputFiles
    from engine.runtime.views.run_reader import RunReader

EVENTS_AT_ONCE = 200
PIECE = 256 * 1024
"""Bytes of lines that are packed at once."""
_STEPS_APART = {"steps"}


class RunArchive:
    """Puts runs into an archive; each in a folder that has its id.

    Who is cancelled goes on once nothing is written any more: an archive cannot be left while something is.
    """

    def __init__(
        self,
        journal: Journal,
        reader: RunReader,
        values: ValueStore,
        files: OutputFiles,
        archive: ArchiveWriter,
    ) -> None:
        self._journal = journal
        self._reader = reader
        self._values = values
        self._files = files
        self._archive = archive
        self._packs: set[str] = set()
        self.left_out: list[LeftOutFile] = []

    async def add(self, run_id: str) -> None:
        """Put in one run. Raises NotFound, Unavailable."""
        detail = await self._reader.detail(run_id, steps=False)
        document = detail.model_dump(mode="json", by_alias=True, exclude=_STEPS_APART)
        await self._add(f"{run_id}/run.json", _pretty(document))
        await self._add_lines(f"{run_id}/steps.jsonl", self._steps(run_id))
        await self._add_lines(f"{run_id}/events.jsonl", self._events(run_id))
        await self._add_lines(f"{run_id}/output.jsonl", self._output(run_id))
        for file in detail.files:
            await self._add_file(run_id, file.stored_name)
        await self._add_pack(detail.run.pack_digest)

    async def _steps(self, run_id: str) -> AsyncIterator[Any]:
        async for step in self._reader.whole_steps(run_id):
            yield step.model_dump(mode="json", by_alias=True)

    async def _events(self, run_id: str) -> AsyncIterator[Any]:
        after, trace_id = 0, (await self._reader.row(run_id))["trace_id"]
        while batch := await self._journal.page_events(run_id, after, EVENTS_AT_ONCE):
            for stored in batch:
                line = event_view(stored, trace_id).model_dump(mode="json", by_alias=True)
                yield {**line, "payload": await self._values.redacted(line["payload"])}
            after = batch[-1].run_seq

    async def _output(self, run_id: str) -> AsyncIterator[Any]:
        after, ended = 0, False
        while not ended:
            page = await self._reader.output(run_id, None, after)
            for line in page.lines:
                yield line.model_dump(mode="json")
            after, ended = page.next, page.ended

    async def _add_file(self, run_id: str, stored_name: str) -> None:
        row = await self._reader.row(run_id)
        found = await self._files.whole(row, stored_name)
        if isinstance(found, str):
            await self._add(f"{run_id}/files/{stored_name}", found.encode())
        else:
            self.left_out.append(found)

    async def _add_pack(self, digest: str) -> None:
        if digest in self._packs:
            return
        self._packs.add(digest)
        content = await self._journal.content(digest)
        if content is not None:
            masked = self._values.redact(json.loads(content))
            await self._add(f"packs/{digest}.json", _pretty(masked))

    async def _add_lines(self, name: str, values: AsyncIterator[Any]) -> None:
        """Lines of which no more is held than a piece."""
        async with in_thread(self._archive.begin(name)) as put:
            lines: list[bytes] = []
            size = 0
            async for value in values:
                lines.append(f"{encode(value)}\n".encode())
                size += len(lines[-1])
                if size > PIECE:
                    await finish(asyncio.to_thread(put, b"".join(lines)))
                    lines, size = [], 0
            await finish(asyncio.to_thread(put, b"".join(lines)))

    async def _add(self, name: str, content: bytes) -> None:
        await finish(asyncio.to_thread(self._archive.add, name, content))


def _pretty(document: Any) -> bytes:
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"the run cannot be written as JSON: {error}") from error
