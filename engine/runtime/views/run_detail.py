"""Everything about one run, now or then: from the journal, or from its history replayed into one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.contracts.run import FileText, RunDetail, RunFile, StepView
from engine.contracts.status import RequestKind
from engine.errors import NotFound
from engine.runtime.views.paging import MAX_PAGE, page_size
from engine.runtime.views.row_views import approval_view, form_view, run_view, step_view
from engine.runtime.views.time_travel import files_written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.door import ValueDoor
    from engine.journal.port import Journal
    from engine.runtime.toolbox import Toolbox
    from engine.runtime.views.time_travel import RunHistory

MAX_FILE_TEXT = 8 * 1024 * 1024
MARGIN = 4 * 1024
"""Bytes that are read beyond what is shown: what stands across the cut is masked as well."""
STEPS_AT_ONCE = 100
"""Steps made into views before the loop is given back."""


async def run_detail(box: Toolbox, run_id: str) -> RunDetail:
    """The run as it is. Raises NotFound."""
    row = await view_row(box, run_id)
    successors = tuple(found for found, _ in await box.journal.successors(run_id))
    return await _detail(box, box.journal, row, await _files(box, row), successors)


async def run_detail_then(box: Toolbox, pasts: RunHistory, run_id: str, run_seq: int) -> RunDetail:
    """The run as it was after an event. Raises NotFound, InvalidInput."""
    past = await pasts.of(box.journal, await row_of(box, run_id), run_seq)
    row = await past.run_view_row(run_id)
    assert row is not None, run_id
    written = await files_written(box.blobs, await past.step_rows(run_id))
    files = tuple(file for file in await _files(box, row) if file.stored_name in written)
    return await _detail(box, past, row, files, await _successors_then(box.journal, run_id, run_seq))


async def _successors_then(journal: Journal, run_id: str, run_seq: int) -> tuple[str, ...]:
    """Runs that had taken over before the run's next event."""
    following = await journal.page_events(run_id, run_seq, 1)
    return tuple(
        found
        for found, created_at in await journal.successors(run_id)
        if not following or created_at < following[0].event.ts
    )


async def _detail(
    box: Toolbox,
    journal: Journal,
    row: Mapping[str, Any],
    files: tuple[RunFile, ...],
    successors: tuple[str, ...],
) -> RunDetail:
    run_id = row["run_id"]
    requests = {kind: await journal.request_rows(kind, None, MAX_PAGE, None, run_id) for kind in RequestKind}
    return RunDetail(
        run=await run_view(box, row),
        steps=await steps_of(box, journal, run_id),
        approvals=tuple([await approval_view(box, item) for item in requests[RequestKind.APPROVAL]]),
        forms=tuple([await form_view(box, item) for item in requests[RequestKind.FORM]]),
        files=files,
        handed_off_to=successors,
    )


async def steps_of(box: Toolbox, journal: Journal, run_id: str) -> tuple[StepView, ...]:
    """Executions in the order they started, previews for large values."""
    found: list[StepView] = []
    for row in await journal.step_rows(run_id):
        found.append(await step_view(box, row, full=False))
        if len(found) % STEPS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return tuple(found)


async def _files(box: Toolbox, row: Mapping[str, Any]) -> tuple[RunFile, ...]:
    entries = await asyncio.to_thread(box.folders.list_files, row["pack"], row["run_id"])
    return tuple(RunFile(**entry) for entry in entries)


async def file_text(box: Toolbox, run_id: str, stored_name: str, limit: int) -> FileText:
    """The beginning of an output file as masked text. Raises NotFound, InvalidInput, Unavailable."""
    row = await row_of(box, run_id)
    size = page_size(limit, MAX_FILE_TEXT)

    def read() -> FileText | None:
        found = box.folders.read_output(row["pack"], run_id, stored_name, size + MARGIN)
        if found is None:
            return None
        raw, length = found
        text = _masked(box.door, raw, size, whole=length <= len(raw))
        return FileText(
            run_id=run_id,
            stored_name=stored_name,
            path=str(box.folders.path(row["pack"], run_id) / "output" / stored_name),
            size=length,
            text=text or "",
            truncated=text is not None and length > size,
            binary=text is None,
        )

    text = await asyncio.to_thread(read)
    if text is None:
        words = f"run {run_id} has no file {stored_name[:200]!r}"
        raise NotFound(words, {"run_id": run_id, "stored_name": stored_name[:200]})
    return text


def _masked(door: ValueDoor, raw: bytes, size: int, *, whole: bool) -> str | None:
    """At most `size` bytes of text, cut after it was masked; None when it is no UTF-8 text."""
    if b"\0" in raw:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        if whole or fault.start < len(raw) - 3:
            return None
        text = raw[: fault.start].decode("utf-8")  # a character that the end of the reading cut through
    masked: str = door.present(text) if whole else door.present_beginning(text)
    return masked.encode()[:size].decode("utf-8", "ignore")


async def view_row(box: Toolbox, run_id: str) -> Mapping[str, Any]:
    """A run's row with its input and output events. Raises NotFound."""
    row = await box.journal.run_view_row(run_id)
    if row is None:
        raise unknown(run_id)
    return row


async def row_of(box: Toolbox, run_id: str) -> Mapping[str, Any]:
    """A run's row. Raises NotFound."""
    row = await box.journal.run_row(run_id)
    if row is None:
        raise unknown(run_id)
    return row


def unknown(run_id: str) -> NotFound:
    """The error of a run that is not there."""
    return NotFound(f"there is no run {run_id}", {"run_id": run_id})
