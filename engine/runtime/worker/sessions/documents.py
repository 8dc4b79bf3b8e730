"""The documents of a run's folder: its input, what people said, and when it has ended its response.

They repeat what the journal holds, masked, for programs and people who look at files.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.contracts.times import from_micros, rfc3339
from engine.journal.encoding import decode
from engine.journal.rules.rows.run_words import run_words
from engine.machine.walk import run_status
from engine.values import is_blob

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.machine.model.state import RunState
    from engine.runtime.files.run_folder import RunFolders
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.tools.context import ToolLimits

WAIT_SECONDS = 0.02
MAX_WAITS = 250
"""While runs are being worked, documents wait five seconds at the most."""
MAX_REQUESTS, MAX_ANSWERS = 1_000, 1_000_000


class DocumentQueue:
    """Runs what writes files in a thread, gathered, one batch at a time, and after more urgent work.

    Making files one by one, or beside running steps, slows every commit of the journal.
    """

    def __init__(self, spawn: Callable[..., asyncio.Task[None]], busy: Callable[[], bool]) -> None:
        self._spawn = spawn
        self._busy = busy
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._turn = asyncio.Lock()

    async def write(self, work: Callable[[], Any]) -> Any:
        """What `work` returns; raises what it raises."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
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
            await self._write_all(taken)

    @staticmethod
    async def _write_all(taken: list[tuple[Callable[[], Any], asyncio.Future[Any]]]) -> None:
        def run() -> list[tuple[Any, Exception | None]]:
            done: list[tuple[Any, Exception | None]] = []
            for work, _ in taken:
                try:
                    done.append((work(), None))
                except Exception as error:  # noqa: BLE001 - handed to the one who asked for it
                    done.append((None, error))
            return done

        for (_, future), (result, error) in zip(taken, await asyncio.to_thread(run), strict=True):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)


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

        def write() -> tuple[dict[str, Any], str]:
            before()
            document = self._folders.write_response(row["pack"], row["run_id"], response)
            return document, run_words(row["subject"], given, state.error, response["result"])

        written: tuple[dict[str, Any], str] = await self._queue.write(write)
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
            self._folders.write_input(row["pack"], row["run_id"], payload, sources, handoff=handoff)

        await asyncio.to_thread(write)

    async def write_so_far(self, row: RunRow, flow: PinnedFlow, state: RunState) -> None:
        """Write the documents of a run that waits. Raises Unavailable."""
        payload = await self._values.redacted(state.payload)
        await self._queue.write(await self._so_far(row, flow, state, payload))

    async def _so_far(
        self, row: RunRow, flow: PinnedFlow, state: RunState, payload: Any
    ) -> Callable[[], None]:
        """Writing of the input (`payload`, masked), its attachments, the answers and comments until now."""
        pack, run_id = row["pack"], row["run_id"]
        handoff = await self._values.redacted(state.handoff)
        steps = flow.graph.every_step
        forms = {step.type for step in steps if step.asks is RequestKind.FORM}
        answers = await self._answers(row, flow, forms) if forms else []
        approvals = any(step.asks is RequestKind.APPROVAL for step in steps)
        comments = await self._comments(run_id) if approvals else []

        def write() -> None:
            sources = _sources(self._limits, payload.get("files"))
            self._folders.write_input(pack, run_id, payload, sources, handoff=handoff)
            for request_id, form_id, answer in answers:
                self._folders.write_answer(pack, run_id, form_id, request_id, answer)
            if comments:
                self._folders.write_comments(pack, run_id, comments)

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

    async def _comments(self, run_id: str) -> list[dict[str, Any]]:
        of_run = RequestFilter(run_id=run_id)
        rows = await self._journal.request_rows(RequestKind.APPROVAL, of_run, MAX_REQUESTS)
        return [
            {
                "comment": row["comment"],
                "decision": row["decision"],
                "step_id": row["step_id"],
                "by": row["decided_by"],
                "ts": rfc3339(from_micros(row["decided_at"])),
            }
            for row in rows
            if row["comment"] and row["decided_at"] is not None
        ]


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
