"""Reading one run, now or as it was: from the journal, or from its history replayed into one."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MODEL
from engine.contracts.runs.listed import Page, RequestFilter
from engine.contracts.runs.run import EventMatches, EventPage, RunDetail
from engine.contracts.status import RequestKind
from engine.errors import InvalidInput, NotFound
from engine.governance.access import AccessScoped
from engine.journal.encoding import decode
from engine.journal.errors import reading
from engine.machine.model.state import outer_path_of
from engine.runtime.views.conversations.reading import read_conversation
from engine.runtime.views.history_lines import event_view
from engine.runtime.views.items import ItemWords, item_at
from engine.runtime.views.paging import number_cursor
from engine.runtime.views.row_views import with_limits
from engine.runtime.views.timelines.bar_cache import BarCache
from engine.runtime.views.timelines.failed_tries import failed_tries
from engine.runtime.views.timelines.timeline import timeline_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.run import EventFilter, EventView, FileText, OutputPage, RunFile, StepView
    from engine.contracts.runs.timeline import FailedTry, Timeline
    from engine.journal.port import Journal
    from engine.journal.records import NewRun
    from engine.journal.rows import RequestViewRow, RunRow, RunViewRow, StepViewRow
    from engine.runtime.value_store import ValueStore
    from engine.runtime.views.output_files import OutputFiles
    from engine.runtime.views.row_views import RowViews
    from engine.runtime.views.time_travel import RunHistory

STEPS_AT_ONCE = 100
"""Steps made into views before the loop is given back."""


class RunReader(AccessScoped):
    """Runs as readers see them: masked, with previews for large values of steps."""

    def __init__(self, journal: Journal, values: ValueStore, views: RowViews, files: OutputFiles) -> None:
        self._journal = journal
        self._values = values
        self._views = views
        self._files = files
        self._bars = BarCache()
        self._items = ItemWords(values)

    @cached_property
    def _history(self) -> RunHistory:
        from engine.runtime.views.time_travel import RunHistory  # noqa: PLC0415 - lists need no replay

        return RunHistory()

    async def row(self, run_id: str) -> RunRow:
        """The run's row. Raises NotFound."""
        return self.access.visible_run(run_id, await self._journal.run_row(run_id))

    async def row_with_events(self, run_id: str) -> RunViewRow:
        """The run's row with its input and output events. Raises NotFound."""
        return self.access.visible_run(run_id, await self._journal.run_view_row(run_id))

    async def view(self, row: RunViewRow) -> RunView:
        """The run of a row with events."""
        return await self._views.run(row)

    async def created(self, run: NewRun) -> RunView:
        """A run that was just queued."""
        return await self._views.created(run)

    async def whole_input(self, run_id: str) -> tuple[RunViewRow, dict[str, Any]]:
        """The run's row, and its input as it was given, for starting again; nobody is shown it.

        Raises NotFound, InvalidInput when it was not kept.
        """
        row = await self.row_with_events(run_id)
        first = decode(row["first_event"]) if row["first_event"] else {}
        given = await self._values.load(first.get("input"))
        if not isinstance(given, dict):
            words = f"run {run_id} was refused, so its input was not kept; start {row['pack']}/{row['flow']}"
            raise InvalidInput(words, {"run_id": run_id})
        return row, given

    async def detail(self, run_id: str, *, steps: bool = True) -> RunDetail:
        """Everything about the run as it is. Raises NotFound."""
        row = await self.row_with_events(run_id)
        successors = tuple(found for found, _ in await self._journal.successors(run_id))
        return await self._detail(self._journal, row, await self._files.of(row), successors, steps=steps)

    async def detail_as_of(self, run_id: str, run_seq: int, *, steps: bool = True) -> RunDetail:
        """Everything about the run as it was after an event. Raises NotFound, InvalidInput."""
        from engine.runtime.views.time_travel import files_written, steps_as_of  # noqa: PLC0415 - see _history

        then = await self._history.row(self._journal, await self.row(run_id), run_seq)
        now = await self.row_with_events(run_id)
        output = now["output_event"] if then["output_seq"] == now["output_seq"] else None
        row: RunViewRow = {**now, **then, "output_event": output}
        requests = await _requests(self._journal, now)
        asked = {request["step_id"] for of_kind in requests.values() for request in of_kind}
        past = await steps_as_of(self._journal, then, None if steps else sorted(asked))
        if files := await self._files.of(row):
            written = await files_written(self._journal, self._values, run_id, run_seq)
            files = tuple(file for file in files if file.stored_name in written)
        successors = await self._successors_as_of(run_id, run_seq)
        return await self._detail(past, row, files, successors, steps=steps)

    async def steps(self, run_id: str, of_type: str | None, after: str | None, limit: int) -> Page[StepView]:
        """A page of executions, or of those of a type, in the order they started; previews for large values.

        Raises NotFound, InvalidInput.
        """
        row = await self.row(run_id)
        rows = await self._journal.page_steps(run_id, number_cursor(after), limit + 1, of_type)
        following = f"{rows[limit - 1]['first_seq']}" if len(rows) > limit else None
        return Page(items=await self._steps(self._journal, row, rows[:limit]), next=following)

    async def steps_at(self, run_id: str, paths: Sequence[str], as_of: int | None) -> tuple[StepView, ...]:
        """Executions of some paths, those that there are; as they were after an event.

        Raises NotFound, InvalidInput.
        """
        row, journal = await self.row(run_id), self._journal
        if as_of is not None:
            from engine.runtime.views.time_travel import steps_as_of  # noqa: PLC0415 - see _history

            row = await self._history.row(self._journal, row, as_of)
            journal = await steps_as_of(self._journal, row, sorted({*paths, *_around(paths)}))
        return await self._steps(journal, row, await journal.step_rows_at(run_id, paths))

    async def whole_steps(self, run_id: str) -> AsyncIterator[StepView]:
        """All executions with their values whole, in the order they started. Raises NotFound."""
        row, after = await self.row(run_id), 0
        while rows := await self._journal.page_steps(run_id, after, STEPS_AT_ONCE):
            for step in await self._steps(self._journal, row, rows, full=True):
                yield step
            after = rows[-1]["first_seq"]

    async def timeline(self, run_id: str, at: int | None) -> Timeline:
        """What each step did when, in the page of an event. Raises NotFound."""
        row = await self.row(run_id)
        with reading("what stands in the timeline", run_id):
            return await timeline_of(self._journal, row, self._items, cache=self._bars, at=at)

    async def step(self, run_id: str, step_id: str) -> StepView:
        """One execution with its values whole. Raises NotFound."""
        run = await self.row(run_id)
        rows = await self._journal.step_rows_at(run_id, [step_id])
        if not rows:
            raise NotFound(f"run {run_id} has no step {step_id}", {"run_id": run_id, "step_id": step_id})
        return (await self._steps(self._journal, run, rows, full=True))[0]

    async def turns(self, run_id: str, agent: str, numbers: Iterable[int]) -> dict[str, StepView]:
        """The executions in some turns of an agent by path, those of its models with their values whole."""
        rows = await self._journal.step_rows_below(run_id, [f"{agent}/{number}" for number in numbers])
        return {row["path"]: await self._views.step(row, full=row["type"] == MODEL) for row in rows}

    async def conversation(
        self, run_id: str, step_id: str, after: int, limit: int | None, *, calls: bool
    ) -> Conversation:
        """What an agent was told and said, masked. Raises NotFound, InvalidInput for a step that is none."""
        row, agent = await self.row(run_id), await self.step(run_id, step_id)
        return await read_conversation(
            self._journal, self._views, row, agent, after=after, limit=limit, calls=calls
        )

    async def events(self, run_id: str, after_run_seq: int, limit: int) -> tuple[EventView, ...]:
        """A page of the run's history. Raises NotFound."""
        row = await self.row(run_id)
        stored = await self._journal.page_events(run_id, after_run_seq, limit)
        return tuple(event_view(item, row["trace_id"]) for item in stored)

    async def all_events(self, start: int, size: int) -> EventPage:
        """A page of the events of all runs in view."""
        stored = await self._journal.feed_events(start, size)
        rows = {run_id: await self._journal.run_row(run_id) for run_id in {item.run_id for item in stored}}
        traces = {
            run_id: row["trace_id"]
            for run_id, row in rows.items()
            if row is not None and self.access.sees(row["tenant"])
        }
        return EventPage(
            events=tuple(event_view(item, traces[item.run_id]) for item in stored if item.run_id in traces),
            next=stored[-1].seq if stored else start,
            ended=len(stored) < size,
        )

    async def find_events(
        self, run_id: str, filters: EventFilter, start: int, looked_at: int
    ) -> EventMatches:
        """Where events match, of so many from a place on. Raises NotFound."""
        last = (await self.row(run_id))["run_seq"]
        end = min(start + looked_at, max(last, start))
        found = await self._journal.lists.find_events(run_id, filters, start, end)
        return EventMatches(run_seqs=tuple(found), scanned_to=end, ended=end >= last)

    async def successors(self, run_id: str) -> tuple[str, ...]:
        """Runs that took over from this one, oldest first. Raises NotFound."""
        await self.row(run_id)
        return tuple(found for found, _ in await self._journal.successors(run_id))

    async def session(self, session_id: str) -> tuple[RunView, ...]:
        """Runs of a session that are in view, oldest first."""
        rows = [
            await self._journal.run_view_row(found) for found in await self._journal.session_runs(session_id)
        ]
        return tuple([await self._views.run(row) for row in rows if row and self.access.sees(row["tenant"])])

    async def files(self, run_id: str) -> tuple[RunFile, ...]:
        """The files that the run has written. Raises NotFound, Unavailable."""
        return await self._files.of(await self.row(run_id))

    async def file_text(self, run_id: str, stored_name: str, limit: int) -> FileText:
        """The beginning of an output file as masked text. Raises NotFound, InvalidInput, Unavailable."""
        return await self._files.text(await self.row(run_id), stored_name, limit)

    async def output(self, run_id: str, step_id: str | None, after: int) -> OutputPage:
        """Lines that calls wrote. Raises NotFound, Unavailable."""
        return await self._files.output(await self.row(run_id), step_id, after)

    async def _successors_as_of(self, run_id: str, run_seq: int) -> tuple[str, ...]:
        """Runs that had taken over before the run's next event."""
        following = await self._journal.page_events(run_id, run_seq, 1)
        return tuple(
            found
            for found, created_at in await self._journal.successors(run_id)
            if not following or created_at < following[0].event.ts
        )

    async def _detail(
        self,
        journal: Journal,
        row: RunViewRow,
        files: tuple[RunFile, ...],
        successors: tuple[str, ...],
        *,
        steps: bool,
    ) -> RunDetail:
        run_id = row["run_id"]
        requests = await _requests(journal, row)
        outcomes = requests[RequestKind.OUTCOME]
        of_outcomes = await journal.step_rows_at(run_id, [row["step_id"] for row in outcomes])
        asking = {row["path"]: row for row in of_outcomes}
        begun = await journal.page_steps(run_id, 0, row["run_seq"]) if steps else ()
        return RunDetail(
            run=await self._views.run(row),
            steps=await self._steps(journal, row, begun),
            approvals=tuple([await self._views.approval(item) for item in requests[RequestKind.APPROVAL]]),
            forms=tuple([await self._views.form(item) for item in requests[RequestKind.FORM]]),
            outcomes=tuple(
                [await self._views.outcome(item, asking.get(item["step_id"])) for item in outcomes]
            ),
            files=files,
            handed_off_to=successors,
        )

    async def _steps(
        self, journal: Journal, run: RunRow, rows: Sequence[StepViewRow], *, full: bool = False
    ) -> tuple[StepView, ...]:
        """What these rows tell, whose journal is the run's or one of its past."""
        items = await self._items_around(journal, run["run_id"], rows)
        tries = await failed_tries(self._journal, run["run_id"], rows, run["run_seq"])
        found: list[StepView] = []
        for row in rows:
            found.append(await self._step(row, items, tries, full=full))
            if len(found) % STEPS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(found)

    async def _step(
        self,
        row: StepViewRow,
        items: Mapping[str, Sequence[str]],
        tries: Mapping[str, tuple[FailedTry, ...]],
        *,
        full: bool,
    ) -> StepView:
        """One execution, with what its own row does not hold: its item, and tries that failed."""
        view, path = await self._views.step(row, full=full), row["path"]
        item, failed = item_at(items.get(outer_path_of(path), ()), path), tries.get(path)
        return view.model_copy(update={"item": item, "tries": failed or ()}) if item or failed else view

    async def _items_around(
        self, journal: Journal, run_id: str, rows: Sequence[StepViewRow]
    ) -> dict[str, Sequence[str]]:
        """The items of every `for_each` that one of these executions stands in, by its path."""
        found: dict[str, Sequence[str]] = {}
        around = _around(row["path"] for row in rows)
        heads = await journal.step_heads_at(run_id, sorted(around)) if around else ()
        loops = [head["path"] for head in heads if head["type"] == "for_each"]
        for row in await journal.step_rows_at(run_id, loops) if loops else ():
            if row["input_seq"] is not None and row["input_event"]:
                given = decode(row["input_event"]).get("input")
                found[row["path"]] = await self._items.of(run_id, row["input_seq"], given)
        return found


async def _requests(journal: Journal, run: RunRow) -> dict[RequestKind, Sequence[RequestViewRow]]:
    """All that a run has asked people; every request began with an event."""
    of_run = RequestFilter(run_id=run["run_id"])
    return {
        kind: await with_limits(journal, await journal.request_rows(kind, of_run, run["run_seq"]))
        for kind in RequestKind
    }


def _around(paths: Iterable[str]) -> set[str]:
    """The paths of the executions that these stand directly in."""
    return {around for path in paths if (around := outer_path_of(path))}
