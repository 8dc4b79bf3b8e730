"""Runs of the fake engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts.runs.listed import Page, RunFilter, RunSort, RunSummary, RunView
from engine.contracts.runs.run import (
    EventFilter,
    EventMatches,
    EventPage,
    EventView,
    FileText,
    OutputPage,
    RunCounts,
    RunDetail,
    RunFile,
    StepView,
    VerbResult,
)
from engine.contracts.runs.timeline import Timeline
from engine.contracts.status import CancelMode, RequestStatus, RunStatus
from engine.errors import InvalidInput, NotFound
from engine.governance.access import DEFAULT_TENANT, AccessScoped
from engine.journal.rules.id_parts import is_part
from engine.journal.rules.run_filter import micros
from engine.journal.rules.verb_rules import changes
from engine.machine.model.inputs import Cancel, Input, Pause, Resume, Retry, Tell
from engine.runtime.embedded.starting.again import merged
from engine.runtime.embedded.steering.narrowing import narrowing
from engine.runtime.views.conversations.agent_steps import AgentSteps
from engine.runtime.views.conversations.conversation import conversation_of
from engine.runtime.views.paging import number_cursor, page_offset, page_size
from engine.runtime.views.timelines.timeline import page_of
from tests.fakes.run_lists import event_fits, found_runs, page_of_runs, run_row, without_damaged
from tests.fakes.views import a_row, a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
    from engine.contracts.runs.snapshot import RunSnapshot
    from tests.fakes.engine import FakeEngine

MAX_LOOKED_AT = 10_000


@dataclass
class FakeRuns(AccessScoped):
    """Runs of the fake. `rests_as` is what one waits for; `never_rests` happens to one who waits for ever."""

    engine: FakeEngine
    rests_as: RunView | None = None
    never_rests: Callable[[], None] | None = None

    async def start(
        self,
        pack: str,
        flow: str,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        tenant: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
        traceparent: str | None = None,
        session_id: str | None = None,
    ) -> RunView:
        owner = self.access.narrowed(tenant) or DEFAULT_TENANT
        self.engine.note("start", (pack, flow, dict(payload), actor.name, tenant))
        self.engine.note("start_with", (idempotency_key, base_dir))
        begun = {"tenant": owner, "requested_by": actor.name, "session_id": session_id}
        return self._queued(pack, flow, payload, **begun)

    async def session(self, session_id: str) -> tuple[RunView, ...]:
        runs = self.engine.stored_runs.values()
        return tuple(run for run in runs if run.session_id == session_id and self.access.sees(run.tenant))

    async def start_again(
        self,
        run_id: str,
        changes: Mapping[str, Any],
        *,
        actor: Actor,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        before = self._run(run_id)
        self.engine.note("start_again", (run_id, dict(changes), actor.name))
        payload = merged(before.input or {}, changes)
        given = {"tenant": before.tenant, "requested_by": actor.name}
        return self._queued(before.pack, before.flow, payload, **given)

    async def all_events(self, *, after_seq: int = 0, limit: int = 500) -> EventPage:
        start = page_offset(after_seq, "after_seq")
        seen = (run for run in self.engine.stored_runs.values() if self.access.sees(run.tenant))
        events = [event for run in seen for event in self.engine.stored_events.get(run.run_id, ())]
        later = sorted((e for e in events if e.seq > start), key=lambda event: event.seq)[:limit]
        return EventPage(
            events=tuple(later), next=later[-1].seq if later else after_seq, ended=len(later) < limit
        )

    async def find_id(self, part: str, kind: Literal["run", "request"] = "run") -> str:
        stored: Iterable[RunView | ApprovalView | FormView | OutcomeView] = self.engine.stored_runs.values()
        ids = {view.run_id: view.tenant for view in stored}
        if kind == "request":
            asked = (self.engine.stored_approvals, self.engine.stored_forms, self.engine.stored_outcomes)
            ids = {name: view.tenant for views in asked for name, view in views.items()}
        seen = {name for name, tenant in ids.items() if self.access.sees(tenant)}
        found = {part} & seen or {name for name in seen if is_part(part, name)}
        if len(found) > 1:
            raise InvalidInput(f"Several {kind}s have {part} in their ids.", {"ids": sorted(found)})
        if not found:
            raise NotFound(f"there is no {kind} {part}{self.access.where}", {f"{kind}_id": part})
        return found.pop()

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        self.engine.note("handoffs", run_id)
        self._run(run_id)
        return self.engine.stored_handoffs.get(run_id, ())

    async def hand_off(
        self,
        run_id: str,
        target: str,
        flow: str | None,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        note: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        tenant = self._run(run_id).tenant
        self.engine.note("hand_off", (run_id, target, flow, dict(payload), note, actor.name))
        self.engine.note("hand_off_with", (idempotency_key, base_dir))
        given = {"tenant": tenant, "requested_by": actor.name, "handed_off_from": run_id}
        return self._queued(target, flow or "only", payload, **given)

    async def successors(self, run_id: str) -> tuple[str, ...]:
        self._run(run_id)
        runs = self.engine.stored_runs.values()
        after = sorted((run.created_at, run.run_id) for run in runs if run.handed_off_from == run_id)
        return tuple(found for _, found in after)

    async def get(self, run_id: str, *, steps: bool = True) -> RunDetail:
        return RunDetail(
            run=await self.summary(run_id),
            steps=self.engine.stored_steps.get(run_id, ()) if steps else (),
            approvals=tuple(v for v in self.engine.stored_approvals.values() if v.run_id == run_id),
            forms=tuple(v for v in self.engine.stored_forms.values() if v.run_id == run_id),
            outcomes=tuple(v for v in self.engine.stored_outcomes.values() if v.run_id == run_id),
            files=self.engine.stored_files.get(run_id, ()),
            handed_off_to=await self.successors(run_id),
        )

    async def summary(self, run_id: str) -> RunView:
        run = self._run(run_id)
        events = self.engine.stored_events.get(run_id, ())
        return replace(run, run_seq=len(events)) if events else run

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        self.engine.note("list", filters)
        started = Counter(run.parent_run_id for run in self.engine.stored_runs.values())
        page = page_of_runs(self._found(filters, sort), sort, limit, after, offset, started=started)
        return without_damaged(page, self.engine.damaged, lambda run: run.run_id)

    async def count(self, filters: RunFilter | None = None) -> int:
        return len(self._found(filters, RunSort.NEWEST))

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        ids = [run.run_id for run in self._found(filters, sort)]
        return ids.index(run_id) if run_id in ids else None

    async def counts(self, *, tenant: str | None = None, failed_after: datetime | None = None) -> RunCounts:
        tenant = self.access.narrowed(tenant)
        failed = RunFilter(
            status=(RunStatus.FAILED, RunStatus.DEAD_LETTER),
            rejected=False,
            tenant=tenant,
            ended_after=failed_after,
        )
        runs = dict.fromkeys(RunStatus, 0)
        for run in self._found(RunFilter(tenant=tenant), RunSort.NEWEST):
            runs[run.status] += 1

        def pending(views: Iterable[ApprovalView | FormView | OutcomeView]) -> int:
            return sum(v.status is RequestStatus.PENDING and tenant in (None, v.tenant) for v in views)

        return RunCounts(
            runs=runs,
            failed_lately=0 if failed_after is None else len(self._found(failed, RunSort.NEWEST)),
            approvals_pending=pending(self.engine.stored_approvals.values()),
            forms_pending=pending(self.engine.stored_forms.values()),
            outcomes_pending=pending(self.engine.stored_outcomes.values()),
        )

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        start, count = page_offset(after_run_seq, "after_run_seq"), page_size(limit)
        self._run(run_id)
        events = self.engine.stored_events.get(run_id, ())
        return tuple(event for event in events if event.run_seq > start)[:count]

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = MAX_LOOKED_AT
    ) -> EventMatches:
        self.engine.note("find_events", filters)
        start, count = page_offset(after_run_seq, "after_run_seq"), page_size(limit, MAX_LOOKED_AT)
        last = (await self.summary(run_id)).run_seq
        end = min(start + count, max(last, start))
        found = tuple(
            event.run_seq
            for event in self.engine.stored_events.get(run_id, ())
            if start < event.run_seq <= end and event_fits(event, filters)
        )
        return EventMatches(run_seqs=found, scanned_to=end, ended=end >= last)

    async def as_of(self, run_id: str, run_seq: int, *, steps: bool = True) -> RunDetail:
        self.engine.note("as_of", (run_id, run_seq))
        past = await self._past(run_id, run_seq)
        return past if steps else past.model_copy(update={"steps": ()})

    async def _past(self, run_id: str, run_seq: int) -> RunDetail:
        self._run(run_id)
        if (run_id, run_seq) in self.engine.stored_pasts:
            return self.engine.stored_pasts[run_id, run_seq]
        if not 1 <= run_seq <= len(self.engine.stored_events.get(run_id, ())):
            raise InvalidInput(f"{run_id} has no event {run_seq}.")
        return await self.get(run_id)

    async def timeline(self, run_id: str, *, at: int | None = None) -> Timeline:
        self.engine.note("timeline", (run_id, at))
        run = self._run(run_id)
        rows = tuple(a_row(step, run_id) for step in self.engine.stored_steps.get(run_id, ()))
        of_steps = Timeline(run_id=run_id, start=run.created_at, end=run.finished_at, rows=rows)
        if pages := self.engine.stored_pages.get(run_id):
            half = pages[1].since if len(pages) > 1 else pages[0].last
            wanted = page_of(pages[-1].last, at, half)
            return next(page for page in pages if page.since == wanted.since)
        return self.engine.stored_timelines.get(run_id, of_steps)

    async def files(self, run_id: str) -> tuple[RunFile, ...]:
        self._run(run_id)
        return self.engine.stored_files.get(run_id, ())

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        self.engine.note("file_text", (run_id, stored_name))
        self._run(run_id)
        text = self.engine.stored_texts.get((run_id, stored_name))
        if text is None:
            raise NotFound(f"{run_id} has no file {stored_name}.")
        return text

    async def output(self, run_id: str, *, step_id: str | None = None, after: int = 0) -> OutputPage:
        self.engine.note("output", (run_id, after))
        self._run(run_id)
        lines = self.engine.stored_output.get(run_id, [])
        wanted = [line for line in lines[max(after, 0) :] if step_id in {None, line.step_id}]
        coming = self.engine.stored_coming.get(run_id, ())
        return OutputPage(lines=tuple(wanted), next=len(lines), ended=True, coming=tuple(coming))

    async def steps(
        self, run_id: str, *, of_type: str | None = None, limit: int = 500, after: str | None = None
    ) -> Page[StepView]:
        self._run(run_id)
        found = self.engine.stored_steps.get(run_id, ())
        wanted = [step for step in found if of_type in {None, step.type}]
        begin, size = number_cursor(after), page_size(limit)
        rest = wanted[begin:]
        return Page(items=tuple(rest[:size]), next=f"{begin + size}" if len(rest) > size else None)

    async def steps_at(
        self, run_id: str, paths: Sequence[str], *, as_of: int | None = None
    ) -> tuple[StepView, ...]:
        self.engine.note("steps_at", (tuple(paths), as_of))
        self._run(run_id)
        found = self.engine.stored_steps.get(run_id, ())
        then = found if as_of is None else (await self._past(run_id, as_of)).steps
        return tuple(step for step in then if step.step_id in paths)

    async def step(self, run_id: str, step_id: str) -> StepView:
        for step in await self.steps_at(run_id, [step_id]):
            return step
        raise NotFound(f"There is no step {step_id}.")

    async def conversation(
        self, run_id: str, step_id: str, *, after: int = 0, limit: int | None = None, calls: bool = True
    ) -> Conversation:
        self.engine.note("conversation", (after, limit, calls))
        agent = await self.step(run_id, step_id)
        inside = {step.step_id: step for step in self.engine.stored_steps.get(run_id, ())}
        forms = {form.step_id: form for form in self.engine.stored_forms.values() if form.run_id == run_id}
        count = sum(path.startswith(f"{step_id}/") and path.endswith("/model") for path in inside)
        first = after if after >= 0 else max(0, count + after)
        stop = count if limit is None else first + limit
        if count:  # an agent of another program has no turns of its own
            inside = {path: step for path, step in inside.items() if f"{step_id}/{stop}/" not in path}
        below = AgentSteps(inside, forms=forms, calls=calls)
        status = (await self.summary(run_id)).status
        return conversation_of(run_id, status, agent, below, first=first, count=count)

    async def snapshot(self, run_id: str) -> RunSnapshot:
        run = await self.summary(run_id)
        return self.engine.stored_snapshots[run.run_id]

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._steer(run_id, actor, Pause(**self._given(actor)), RunStatus.PAUSED)

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._steer(run_id, actor, Resume(**self._given(actor)), RunStatus.RUNNING)

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        self.engine.note("cancel_mode", mode)
        return await self._steer(run_id, actor, Cancel(**self._given(actor), mode=mode), RunStatus.CANCELLED)

    async def narrow(
        self,
        run_id: str,
        *,
        actor: Actor,
        only: Sequence[str] | None = None,
        without: Sequence[str] = (),
        once: bool = False,
    ) -> VerbResult:
        given = narrowing(self._given(actor)["now"], actor, only, without, once=once)
        self.engine.note("narrowed_to", (given.only, given.without, given.once))
        return await self._steer(run_id, actor, given, (await self.summary(run_id)).status)

    async def tell(
        self, run_id: str, text: str, *, actor: Actor, data: Mapping[str, Any] | None = None
    ) -> VerbResult:
        given = Tell(**self._given(actor), text=text, data=dict(data) if data else None)
        self.engine.note("told", (run_id, text, data))
        return await self._steer(run_id, actor, given, (await self.summary(run_id)).status)

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._steer(run_id, actor, Retry(**self._given(actor)), RunStatus.QUEUED)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        if self.never_rests is not None:
            self.never_rests()
            await asyncio.Event().wait()
        return self.rests_as or await self.summary(run_id)

    def _run(self, run_id: str) -> RunView:
        """The run, if it is in view. Raises NotFound."""
        run = self.engine.stored_runs.get(run_id)
        if run is None or not self.access.sees(run.tenant):
            raise NotFound(f"There is no run {run_id}{self.access.where}.")
        return run

    def _found(self, filters: RunFilter | None, sort: RunSort) -> Sequence[RunView]:
        wanted = filters or RunFilter()
        seen = replace(wanted, tenant=self.access.narrowed(wanted.tenant))
        return found_runs(self.engine.stored_runs.values(), seen, sort)

    def _queued(self, pack: str, flow: str, payload: Mapping[str, Any], **more: Any) -> RunView:
        run_id = f"run-{len(self.engine.stored_runs) + 1}"
        moment = self.engine.clock
        given = {"pack": pack, "flow": flow, "input": dict(payload), "created_at": moment, **more}
        run = a_run(run_id, RunStatus.QUEUED, **given)
        self.engine.add(run)
        self.engine.news("run_created", run_id)
        return run

    def _given(self, actor: Actor) -> dict[str, Any]:
        return {"now": micros(self.engine.clock), "actor": actor.name, "via": actor.via}

    async def _steer(self, run_id: str, actor: Actor, verb: Input, then: RunStatus) -> VerbResult:
        """What a verb does at once here, and in the engine when the run takes it in."""
        self.engine.note(type(verb).__name__.lower(), (run_id, actor.name))
        run = await self.summary(run_id)
        changed = changes(run_row(run), (), verb)
        if changed:
            self.engine.add(replace(run, status=then, pause_requested=then is RunStatus.PAUSED))
            self.engine.news("run_changed", run_id)
        return VerbResult(run_id=run_id, status=then if changed else run.status, changed=changed)
