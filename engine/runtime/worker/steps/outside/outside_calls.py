"""Agents of other programs at work: each prompt holds a process, what it asks for reaches people and back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.acp.failure import AgentFailure, AgentReason
from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.outside_agent import PREFIX, asked_step
from engine.contracts.status import STEP_TERMINAL, StepErrorCode, StepStatus
from engine.errors import Unavailable, VasiniError
from engine.machine.model.inputs import PermissionAsked, StepFinished
from engine.machine.model.state import ScopeStatus, find_execution, outer_path_of, scope_path_of
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.agents.paying import BudgetExhausted, held_back
from engine.runtime.worker.steps.agents.stopping import Stopped
from engine.runtime.worker.steps.agents.told.conversation import answer_faults
from engine.runtime.worker.steps.agents.told.skills import persona_with_skills
from engine.runtime.worker.steps.calls.failed_call import failed_call
from engine.runtime.worker.steps.outside.held_agent import held_agent
from engine.runtime.worker.steps.outside.outside_steps import told_change
from engine.runtime.worker.steps.outside.telling import (
    as_data,
    pictures_of,
    prompt_text,
    told_in_words,
    usage_of,
)
from engine.runtime.worker.steps.rendering import action_of, bound_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from engine.acp.session import AgentSession, Question
    from engine.journal.rows import RunRow
    from engine.machine.model.inputs import CallHeldBack
    from engine.machine.model.state import Execution, RunState, Scope
    from engine.runtime.clock import Clock
    from engine.runtime.files.agent_places import AgentPlaces
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.agents.paying import Paying
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.runtime.worker.steps.outside.launching import Launch, Launching
    from engine.tools.context import OutputSink

    Finished = tuple[StepFinished, Mapping[str, bytes]]
    Ended = tuple[StepFinished | CallHeldBack, Mapping[str, bytes]]
    Tells = Callable[[PermissionAsked, Mapping[str, bytes]], None]

_NO_EXTRA = "agents of other programs need the extra `acp`: pip install 'vasini-tui[acp]'"


@dataclass(slots=True)
class _Live:
    """A process at work on a prompt."""

    prompt: Execution
    step: AgentStep
    name: str
    launch: Launch
    waits: Callable[[bool], None]
    session: AgentSession = field(init=False)
    shown: dict[int, Any] = field(default_factory=dict)
    cancelled: bool = False
    sent: int = 0
    """Bytes of its prompt, once it was given it."""

    @property
    def agent(self) -> str:
        """As flows, prices and caps name it."""
        return f"{PREFIX}{self.name}"


class OutsideAgents:
    """Works on prompts, and passes on what people decided. `outputs` opens what keeps the lines of a call."""

    def __init__(
        self,
        launching: Launching,
        places: AgentPlaces,
        values: ValueStore,
        clock: Clock,
        outputs: Callable[[RunRow, Execution], AbstractAsyncContextManager[OutputSink]],
        paying: Paying,
    ) -> None:
        self._paying = paying
        self._launching = launching
        self._places = places
        self._values = values
        self._clock = clock
        self._outputs = outputs
        self._live: dict[tuple[str, str], _Live] = {}

    async def prompt(
        self,
        site: CallSite,
        execution: Execution,
        state: RunState,
        tell: Tells,
        waits: Callable[[bool], None],
    ) -> Ended:
        """Have the prompt worked on to its end; `tell` hears of what the agent asks permission for, `waits`
        of whether it waits for people.

        Raises Unavailable, else nothing but cancellation (Stopped): what went wrong is the step's error.
        """
        live: _Live | None = None
        try:
            live = await self._launched(site, execution, waits)
            above = await self._paying.begin_outside(site, execution, state, live.agent)
            if above is not None:
                return held_back(self._clock.now(), execution, above), {}
            reply = await self._reply(site, live, state, tell)
            stored = await self._values.store_any(reply)
        except AgentFailure as failed:
            error = _told(failed, live)
        except BudgetExhausted as refused:
            error = refused.error
        except Unavailable:
            raise
        except VasiniError as refused:
            error = failure(StepErrorCode.CONTRACT_VIOLATION, refused.message, recoverable=False)
        except asyncio.CancelledError:
            used = _used(live, partial=True)
            if used is None:
                raise
            raise Stopped(used) from None
        else:
            ended = self._finished(execution, stored.value, _meta(live))
            return replace(ended, usage=_used(live)), stored.blobs
        return replace(
            failed_call(self._clock, self._values, execution, error), usage=_used(live, partial=True)
        ), {}

    async def permit(self, site: CallSite, execution: Execution) -> Finished:
        """Tell the agent that it may do what was approved, and wait until it has: what it says came of it.

        Raises Unavailable while the journal keeps it from being told.
        """
        scope, _, number = scope_path_of(execution.path).rpartition("/")
        live: _Live | None = None
        try:
            live = await self._as_approved(site, execution, scope, int(number))
            result = await live.session.allow(int(number))
            stored = await self._values.store_any(live.launch.redaction.value(result))
        except AgentFailure as failed:
            error = _told(failed, live, recoverable=False)
            return failed_call(self._clock, self._values, execution, error), {}
        except VasiniError as refused:
            if isinstance(refused, Unavailable) and refused.may_pass:
                raise
            error = failure(StepErrorCode.CONTRACT_VIOLATION, refused.message, recoverable=False)
            return failed_call(self._clock, self._values, execution, error), {}
        return self._finished(execution, stored.value, _meta(live)), stored.blobs

    def hear(self, run_id: str, state: RunState) -> Iterator[str]:
        """The run stands so now: who waits for what will not be is told so. Paths of prompts to cancel."""
        for (run, agent_path), live in list(self._live.items()):
            agent = find_execution(state.root, agent_path) if run == run_id else None
            if agent is None or agent.branches is None:
                continue
            branches = agent.branches
            if state.cancel is not None:  # what was approved and has begun may end
                at_work = any(number and _is_made(child) for number, child in branches.children.items())
                if not at_work and not live.cancelled:
                    live.cancelled = True
                    yield live.prompt.path
                continue
            for number in live.session.pending:
                child = branches.children.get(number)
                if branches.outputs.holds(number) or (child is not None and _is_over(child)):
                    live.session.reject(number)

    async def _as_approved(self, site: CallSite, execution: Execution, agent_path: str, number: int) -> _Live:
        """The process that asked, if it waits for exactly what was approved. Raises AgentFailure."""
        live = self._live.get((site.row["run_id"], agent_path))
        if live is None or not live.session.is_pending(number):
            raise AgentFailure(AgentReason.ENDED, "the agent does not wait for it any more")
        given = await self._values.load(execution.input)
        action = action_of(asked_step(given["tool"]), given["params"])
        digest = bound_digest(action, told_change(given["params"]), site.flow.pack_digest)
        if digest != execution.digest or given["params"] != self._values.scrubbed(live.shown.get(number)):
            live.session.reject(number)
            raise AgentFailure(AgentReason.MALFORMED, "what the agent waits for is not what was approved")
        return live

    async def _launched(self, site: CallSite, execution: Execution, waits: Callable[[bool], None]) -> _Live:
        agent_path = outer_path_of(execution.path)
        step = site.flow.graph.step_at(agent_path)
        assert isinstance(step, AgentStep), agent_path
        assert step.outside is not None, agent_path
        pack, run_id = site.row["pack"], site.row["run_id"]
        workdir, home = await asyncio.to_thread(self._places.make, pack, run_id, agent_path)
        launch = await self._launching.launch(step.outside, site.flow.layer, workdir, home)
        return _Live(execution, step, step.outside, launch, waits)

    async def _reply(self, site: CallSite, live: _Live, state: RunState, tell: Tells) -> dict[str, Any]:
        execution, launch, step = live.prompt, live.launch, live.step
        agent_path = outer_path_of(execution.path)
        agent = find_execution(state.root, agent_path)
        assert agent is not None, agent_path
        assert agent.branches is not None, agent_path
        schema = await _protocol()
        pack, run_id = site.row["pack"], site.row["run_id"]
        told = await self._values.load(agent.input)
        outputs = agent.branches.outputs.items()
        decided = [await self._values.load(output) for number, output in outputs if number]
        known = await asyncio.to_thread(self._places.known_session, pack, run_id, agent_path)
        again = known is not None or bool(decided)
        persona = persona_with_skills(site.flow, pack, told["tools"])
        text = prompt_text(persona, told, decided, again=again, output=step.output)
        async with self._outputs(site.row, execution) as output:
            output.hide(launch.redaction.text)
            asked = partial(self._asked, live, tell)
            async with held_agent(launch, schema, agent.branches.total, asked, live.waits, output) as session:
                live.session = session
                self._live[run_id, agent_path] = live
                try:
                    session_id = await session.open(str(launch.cwd), known)
                    await asyncio.to_thread(self._places.keep_session, pack, run_id, agent_path, session_id)
                    pictures = await pictures_of(told, self._values)
                    if not session.takes_images:
                        text, pictures = told_in_words(text, pictures), []
                    live.sent = sum(len(one.data) for one in pictures) + len(text.encode("utf-8", "replace"))
                    answer = await session.prompt(text, pictures)
                finally:
                    del self._live[run_id, agent_path]
        reply: dict[str, Any] = launch.redaction.value(as_data(answer, live.agent, session))
        unfit = answer_faults(reply["text"], step.output)
        if unfit:
            message = f"the answer of the agent does not fit its schema: {'; '.join(unfit)}"
            raise AgentFailure(AgentReason.STOPPED, message, errors=unfit)
        return reply

    def _asked(self, live: _Live, tell: Tells, question: Question) -> None:
        """The agent asks: the run is told of it. A call that cannot be kept is refused."""
        redaction, prompt = live.launch.redaction, live.prompt
        call: dict[str, Any] = {
            "tool": f"acp.{live.name}.{question.kind}",
            "params": redaction.value(question.shown),
            "said": redaction.text(question.said),
            "fault": question.fault,
            "attempt": prompt.attempt,
        }
        try:
            stored = self._values.store(call)
        except VasiniError as refused:
            plain = {"title": "", "kind": question.kind}
            stored = self._values.store({**call, "params": plain, "said": "", "fault": refused.message})
        live.shown[question.number] = call["params"]
        asked = PermissionAsked(
            now=self._clock.now(),
            path=prompt.path,
            attempt=prompt.attempt,
            number=question.number,
            call=stored.value,
        )
        tell(asked, stored.blobs)

    def _finished(self, execution: Execution, output: Any, meta: dict[str, Any]) -> StepFinished:
        return StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            output=output,
            meta=meta,
        )


def _is_over(scope: Scope) -> bool:
    """Whether a question got its end: refused, rejected, withdrawn."""
    if scope.status is not ScopeStatus.RUNNING:
        return True
    return any(one.status in STEP_TERMINAL for one in scope.executions.values())


def _is_made(scope: Scope) -> bool:
    """Whether what was approved is being done."""
    return any(one.status is StepStatus.RUNNING for one in scope.executions.values())


def _used(live: _Live | None, *, partial: bool = False) -> dict[str, Any] | None:
    """The payload of `model_usage`; None when it was given no prompt, and so asked no model."""
    if live is None or not live.sent:
        return None
    used = usage_of(live.session, live.agent)
    return {**live.launch.redaction.value(used), "sent": live.sent, **({"partial": True} if partial else {})}


def _told(failed: AgentFailure, live: _Live | None, **details: Any) -> dict[str, Any]:
    """The step's error, without what the agent was given to keep: it may say it in its own words."""
    told, said = {**failed.details, **details}, failed.message
    if live is not None:
        told, said = live.launch.redaction.value(told), live.launch.redaction.text(said)
    return failure(StepErrorCode.AGENT_ERROR, said, **told)


def _meta(live: _Live) -> dict[str, Any]:
    return {"tool": f"acp.{live.name}", "backend": "acp", "sandbox": live.launch.level}


async def _protocol() -> Any:
    """The protocol's own models, which only a worker loads. Raises AgentFailure."""
    try:
        return await asyncio.to_thread(import_module, "acp.schema")
    except ImportError:
        raise AgentFailure(AgentReason.EXTRA_MISSING, _NO_EXTRA) from None
