"""The documents of a run's folder: its input, what people said, and when it has ended its response.

They repeat what the journal holds, masked, for programs and people who look at files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.contracts.times import from_micros, rfc3339
from engine.errors import Unavailable
from engine.journal.encoding import decode
from engine.journal.rows import CommentRow
from engine.journal.rules.rows.run_words import run_words
from engine.machine.walk import run_status
from engine.values import is_blob

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.machine.model.state import RunState
    from engine.runtime.files.run_folder import RunFolder
    from engine.runtime.files.run_folders import RunFolders
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.tools.context import ToolLimits

WAIT_SECONDS = 0.02
MAX_WAITS = 250
"""While runs are being worked, documents wait five seconds at the most."""
MAX_ANSWERS = 1_000_000

Comments = Sequence[CommentRow]
"""What people said about one run, oldest first; what was said beside an answer stands with that."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is to be written of a run; it is told what people said with their decisions."""

    work: Callable[[Comments], Any]
    run_id: str
    future: asyncio.Future[Any]


class DocumentQueue:
    """Runs what writes files in a thread, gathered, one batch at a time, and after more urgent work.

    Making files one by one, or beside running steps, slows every commit of the journal; so does asking it
    for each run what people said.
    """

    def __init__(
        self, journal: Journal, spawn: Callable[..., asyncio.Task[None]], busy: Callable[[], bool]
    ) -> None:
        self._journal = journal
        self._spawn = spawn
        self._busy = busy
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def write(self, work: Callable[[Comments], Any], run_id: str) -> Any:
        """What `work` returns; raises what it raises. It is told the comments on the run."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, run_id, future))
        if len(self._waiting) == 1:
            self._spawn(self._write_next)
        return await future

    async def _write_next(self) -> None:
        for _ in range(MAX_WAITS):
            await asyncio.sleep(WAIT_SECONDS)
            if not self._busy():
                break
        async with self._turn:
            taken, self._waiting = self._waiting, []
            try:
                said = await self._journal.comments([one.run_id for one in taken])
            except Unavailable as error:
                outcomes: list[tuple[Any, Exception | None]] = [(None, error)] * len(taken)
            else:
                outcomes = await asyncio.to_thread(_written, taken, said)
        for one, (result, failure) in zip(taken, outcomes, strict=True):
            if one.future.done():
                continue
            if failure is not None:
                one.future.set_exception(failure)
            else:
                one.future.set_result(result)


def _written(waiting: Sequence[_Waiting], said: Mapping[str, Comments]) -> list[tuple[Any, Exception | None]]:
    done: list[tuple[Any, Exception | None]] = []
    for one in waiting:
        try:
            done.append((one.work(said.get(one.run_id, ())), None))
        except Exception as error:  # noqa: BLE001 - handed to the one who asked for it
            done.append((None, error))
    return done


class RunDocuments:
    """Writes the documents of runs through a queue."""

    def __init__(
        self,
        journal: Journal,
        values: ValueStore,
        folders: RunFolders,
        limits: ToolLimits,
        queue: DocumentQueue,
    ) -> None:
        self._journal = journal
        self._values = values
        self._folders = folders
        self._limits = limits
        self._queue = queue

    async def write_response(
        self, row: RunRow, flow: PinnedFlow, state: RunState, ended_at: int
    ) -> tuple[dict[str, Any], str]:
        """Write all documents of an ended run; what the output_written event says about them, and its words.

        Raises Unavailable when the disk is full or read-only.
        """
        given = await self._values.redacted(state.payload)
        before = await self._so_far(row, flow, state, given)
        output = await self._values.redacted(state.output)
        status = run_status(state)
        response = {
            "run_id": row["run_id"],
            "pack": row["pack"],
            "pack_version": row["pack_version"],
            "flow": row["flow"],
            "status": status.value,
            "result": output if status is RunStatus.COMPLETED else None,
            "error": state.error,
            "finished_at": rfc3339(from_micros(ended_at)),
        }

        def write(comments: Comments) -> tuple[dict[str, Any], str]:
            with self._folders.opened(row["pack"], row["run_id"]) as folder:
                before(folder, comments)
                document = folder.write_response(response)
            return document, run_words(row["subject"], given, state.error, response["result"])

        written: tuple[dict[str, Any], str] = await self._queue.write(write, row["run_id"])
        return written

    async def keep_input(self, row: RunRow, state: RunState) -> None:
        """Copy what the payload attaches, before a step can read it. Raises Unavailable.

        Nothing is written for a run without attachments: its input waits for a quiet moment.
        """
        if not isinstance(state.payload, dict) or not (is_blob(state.payload) or "files" in state.payload):
            return
        payload = await self._values.redacted(state.payload)
        if not isinstance(payload.get("files"), list):
            return
        handoff = await self._values.redacted(state.handoff)

        def write() -> None:
            sources = _sources(self._limits, payload["files"])
            with self._folders.opened(row["pack"], row["run_id"]) as folder:
                folder.write_input(payload, sources, handoff=handoff)

        await asyncio.to_thread(write)

    async def write_so_far(self, row: RunRow, flow: PinnedFlow, state: RunState) -> None:
        """Write the documents of a run that waits. Raises Unavailable."""
        payload = await self._values.redacted(state.payload)
        before = await self._so_far(row, flow, state, payload)

        def write(comments: Comments) -> None:
            with self._folders.opened(row["pack"], row["run_id"]) as folder:
                before(folder, comments)

        await self._queue.write(write, row["run_id"])

    async def _so_far(
        self, row: RunRow, flow: PinnedFlow, state: RunState, payload: Any
    ) -> Callable[[RunFolder, Comments], None]:
        """Writing of the input (`payload`, masked), its attachments, the answers and comments until now."""
        handoff = await self._values.redacted(state.handoff)
        steps = flow.graph.every_step
        forms = {step.type for step in steps if step.asks is RequestKind.FORM}
        answers = await self._answers(row, flow, forms) if forms else []

        def write(folder: RunFolder, comments: Comments) -> None:
            sources = _sources(self._limits, payload.get("files"))
            folder.write_input(payload, sources, handoff=handoff)
            for request_id, form_id, answer in answers:
                folder.write_answer(form_id, request_id, answer)
            if comments:
                folder.write_comments([_comment(one) for one in comments])

        return write

    async def _answers(self, row: RunRow, flow: PinnedFlow, forms: set[str]) -> list[tuple[str, str, Any]]:
        """Answers that have no file yet: a conversation has many, and they change no more."""
        run_id = row["run_id"]
        wanted = RequestFilter(status=RequestStatus.ANSWERED, run_id=run_id)
        answered = await self._journal.request_rows(RequestKind.FORM, wanted, MAX_ANSWERS)
        asked = {
            one["step_id"]: one["request_id"]
            for one in answered
            if flow.graph.step_at(one["step_id"]).type in forms
        }
        if not asked:
            return []
        there = await asyncio.to_thread(self._folders.answered, row["pack"], run_id)
        new = {path: request for path, request in asked.items() if request not in there}
        found: list[tuple[str, str, Any]] = []
        for path, event in (await self._journal.step_outputs(run_id, list(new))).items():
            output = await self._values.redacted(decode(event)["output"])
            found.append((new[path], output["form_id"], output))
        return found


def _comment(row: CommentRow) -> dict[str, Any]:
    return {
        "comment": row["comment"],
        "decision": row["decision"],
        "step_id": row["step_id"],
        "by": row["decided_by"],
        "ts": rfc3339(from_micros(row["decided_at"])),
    }


def _sources(limits: ToolLimits, files: Any) -> list[Path]:
    """Files the payload names by absolute `path`, as far as they can be read and tools may read there."""
    named = (
        [entry.get("path") for entry in files if isinstance(entry, dict)] if isinstance(files, list) else []
    )
    return [path for name in named if isinstance(name, str) and (path := _readable(limits, name)) is not None]


def _readable(limits: ToolLimits, name: str) -> Path | None:
    try:
        path = Path(name).resolve(strict=True)
        usable = Path(name).is_absolute() and path.is_file() and os.access(path, os.R_OK)
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a loop of links: not there
        return None
    allowed = any(path.is_relative_to(root) for root in limits.allowed_roots)
    denied = any(path.is_relative_to(root) for root in limits.denied_roots)
    return path if usable and allowed and not denied else None
