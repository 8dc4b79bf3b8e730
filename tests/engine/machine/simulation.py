"""A tiny runtime in memory around the machine: it answers effects and checks every invariant.

Nothing here waits: time is a number, tools, people and child runs answer when the test says so.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from engine.contracts.status import CancelMode, OutcomeDecision, RequestKind, RequestStatus, RunStatus
from engine.errors import InvalidTransition
from engine.machine.events.event import Event
from engine.machine.events.fold import fold
from engine.machine.events.request_facts import ApprovalDecided, OutcomeDecided, UserInputReceived
from engine.machine.events.run_facts import RunQueued
from engine.machine.events.table import read_event
from engine.machine.model import effects, inputs
from engine.machine.model.codec import input_from_json, input_to_json, state_from_json, state_to_json
from engine.machine.model.state import Execution, Phase, RunState, find_execution
from engine.machine.table import transition
from engine.machine.transition_builder import failure
from engine.machine.walk import in_flight, is_held, outstanding, run_status
from tests.engine.machine.invariants import Change, check
from tests.engine.machine.preparing import Preparing
from tests.engine.machine.simulated_requests import SimulatedRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine.model.graph import FlowGraph

TICK = 1_000
VERBS = (inputs.Pause, inputs.Resume, inputs.Cancel, inputs.Retry)
START = 1_000_000_000
CLOSING: dict[str, tuple[RequestKind, Callable[..., inputs.Input]]] = {
    ApprovalDecided.kind: (RequestKind.APPROVAL, inputs.RequestDecided),
    UserInputReceived.kind: (RequestKind.FORM, inputs.FormSubmitted),
    OutcomeDecided.kind: (RequestKind.OUTCOME, inputs.OutcomeDecided),
}


class Simulation:
    """One run. With `eager` preparations and mail are answered at once, else when the test asks."""

    def __init__(self, graph: FlowGraph, *, eager: bool = True, payload: Any = None) -> None:
        self.graph = graph
        self.eager = eager
        self.now = START
        self.state = RunState()
        self.events: list[Event] = []
        self.preparations: OrderedDict[tuple[str, str], effects.Effect] = OrderedDict()
        self.preparing = Preparing()
        self.mail: deque[inputs.Input] = deque()
        self.timers: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.stopping: list[tuple[str, int]] = []
        self.requests = SimulatedRequests()
        self.children: dict[str, str] = {}
        self.steered: list[tuple[str, str]] = []
        self.interrupted: set[tuple[str, int]] = set()
        self._ids = 0
        self._append(Event(RunQueued(input=payload), self.now, "ana"))

    # ---- what its tools say of themselves ----------------------------------------------------

    def idempotent(self) -> Simulation:
        self.preparing.idempotent = True
        return self

    def acting(self, *, outside: bool) -> Simulation:
        self.preparing.outside = outside
        return self

    def asking_first(self) -> Simulation:
        """Every tool call is asked for, as in a flow that only suggests."""
        self.preparing.asks = True
        return self

    def wanting(self, *calls: int) -> Simulation:
        """So many calls the models of its agents want, turn by turn; after that any number."""
        self.preparing.wanted.extend(calls)
        return self

    # ---- what a test does -------------------------------------------------------------------

    def start(self) -> Simulation:
        return self.give(inputs.Start(now=self._tick()))

    def finish(self, path: str, output: Any = None) -> Simulation:
        """The tool call at `path` answers well."""
        attempt = self.calls.pop(path)
        value = {"from": path} if output is None else output
        return self.give(
            inputs.StepFinished(now=self._tick(), path=path, attempt=attempt, ok=True, output=value)
        )

    def awaits(self, path: str, seconds: float | None = None) -> Simulation:
        """The tool call at `path` needs an answer from somebody before it has a result."""
        attempt = self.calls.pop(path)
        self._ids += 1
        awaits = {"request_id": f"form_{self._ids}", "form_id": "answer", "expires_in": seconds}
        return self.give(
            inputs.StepFinished(now=self._tick(), path=path, attempt=attempt, ok=True, awaits=awaits)
        )

    def ask(self, agent: str) -> Simulation:
        """The program that works on the agent's prompt asks permission for a call."""
        path = f"{agent}/0/prompt"
        execution, prompt = self.execution(agent), self.execution(path)
        number = execution.branches.total if execution.branches is not None else 0
        return self.give(
            inputs.PermissionAsked(
                now=self._tick(), path=path, attempt=prompt.attempt, number=number, call={"n": number}
            )
        )

    def fail(
        self,
        path: str,
        code: str = "backend_error",
        jitter: float = 0.0,
        error: dict[str, Any] | None = None,
    ) -> Simulation:
        """The tool call at `path` answers with an error."""
        attempt = self.calls.pop(path)
        error = error or failure(code, f"{path} went wrong")
        return self.give(
            inputs.StepFinished(
                now=self._tick(), path=path, attempt=attempt, ok=False, error=error, jitter=jitter
            )
        )

    def stopped(self) -> Simulation:
        """Every tool call that was told to stop has stopped."""
        while self.stopping:
            path, attempt = self.stopping.pop(0)
            self.give(
                inputs.StepFinished(now=self._tick(), path=path, attempt=attempt, ok=False, cancelled=True)
            )
        return self

    def decide(
        self, path: str, decision: str = "APPROVED", who: str = "ana", comment: str = "", edits: Any = None
    ) -> bool:
        """Decide as the journal does: only the first decision on a pending request counts."""
        payload = {"decision": decision, "comment": comment, "edits": edits}
        return self._close(path, ApprovalDecided.kind, RequestStatus(decision), who, payload)

    def approve(self, path: str, who: str = "ana") -> Simulation:
        assert self.decide(path, who=who), f"{path} asks nothing"
        return self

    def reject(self, path: str, comment: str = "no") -> Simulation:
        assert self.decide(path, "REJECTED", comment=comment), f"{path} asks nothing"
        return self

    def answer(self, path: str, values: Any = None, who: str = "ana") -> Simulation:
        payload = {"output": {"form_id": path, "values": values or {"ok": True}, "comment": ""}}
        assert self._close(path, UserInputReceived.kind, RequestStatus.ANSWERED, who, payload)
        return self

    def say(self, path: str, decision: OutcomeDecision, output: Any = None, who: str = "ana") -> Simulation:
        """Say what became of an interrupted call."""
        payload = {"decision": decision.value, "output": output}
        assert self._close(path, OutcomeDecided.kind, RequestStatus.ANSWERED, who, payload)
        return self

    def child_ended(
        self, path: str, status: RunStatus = RunStatus.COMPLETED, error: dict[str, Any] | None = None
    ) -> Simulation:
        """The child run that the step at `path` waits for ends."""
        child = self.child_of(path)
        return self.child_run_ended(child, status, error)

    def child_run_ended(
        self, child: str, status: RunStatus, error: dict[str, Any] | None = None
    ) -> Simulation:
        ok = status is RunStatus.COMPLETED
        return self.post(
            inputs.ChildEnded(
                now=self._tick(),
                path=self.children.pop(child),
                child_run_id=child,
                status=status.value,
                output={"child": child} if ok else None,
                error=None if ok else error or failure("backend_error", "the child went wrong"),
            )
        )

    def fire(self, timer: str) -> Simulation:
        """Time passes until `timer` is due."""
        self.now = max(self.now, self.timers.pop(timer))
        return self.post(inputs.TimerFired(now=self._tick(), actor="timer", timer=timer))

    def put_back(self) -> Simulation:
        """The worker leaves before the calls under way have begun."""
        self.calls.clear()
        self.stopping.clear()
        self.interrupted |= {(execution.path, execution.attempt) for execution in in_flight(self.state)}
        for execution in in_flight(self.state):
            self._apply(inputs.StepPutBack(now=self._tick(), path=execution.path))
        return self

    def lose_worker(self, *, lost: bool = True, begun: bool = True) -> Simulation:
        """The worker dies (or drains): another one goes on from the events alone.

        `begun` is what that one knows of calls that the history does not say it of.
        """
        self.state = fold(self.events)
        self.preparations.clear()
        self.stopping.clear()
        self.calls.clear()
        self.interrupted = {(execution.path, execution.attempt) for execution in in_flight(self.state)}
        for effect in outstanding(self.graph, self.state):
            self._note(effect)
        for execution in in_flight(self.state):
            self._ids += 1
            new_id = f"outc_{self._ids}"
            self._apply(
                inputs.StepInterrupted(
                    now=self._tick(),
                    path=execution.path,
                    lost=lost,
                    begun=begun and not execution.put_back,
                    new_id=new_id,
                )
            )
            self.interrupted.discard((execution.path, execution.attempt))
        return self._answer_all() if self.eager else self

    def reload(self) -> None:
        """Continue from a snapshot in JSON."""
        self.state = state_from_json(json.loads(json.dumps(state_to_json(self.state))))

    def pause(self) -> Simulation:
        return self._steer(inputs.Pause(now=self._tick(), actor="ana"))

    def resume(self) -> Simulation:
        return self._steer(inputs.Resume(now=self._tick(), actor="ana"))

    def cancel(self, mode: CancelMode = CancelMode.BOUNDARY) -> Simulation:
        return self._steer(inputs.Cancel(now=self._tick(), actor="ana", mode=mode))

    def retry(self) -> Simulation:
        return self._steer(inputs.Retry(now=self._tick(), actor="ana"))

    # ---- what a test looks at ---------------------------------------------------------------

    def status(self) -> RunStatus:
        return run_status(self.state)

    @property
    def error_code(self) -> str | None:
        return self.state.error["code"] if self.state.error else None

    @property
    def pending(self) -> list[str]:
        """Paths that wait for a person."""
        return sorted(request.path for request in self.requests.pending.values())

    def asked_at(self, path: str) -> RequestKind:
        """What is open at `path`."""
        return next(request.kind for request in self.requests.pending.values() if request.path == path)

    def request_status(self, request_id: str) -> RequestStatus:
        return self.requests[request_id].status

    def execution(self, path: str) -> Execution:
        found = find_execution(self.state.root, path)
        assert found is not None, f"there is no {path}"
        return found

    def child_of(self, path: str) -> str:
        return next(child for child, parent in self.children.items() if parent == path)

    def kinds(self, path: str | None = None) -> list[str]:
        return [event.kind for event in self.events if path is None or event.step_id == path]

    def last(self, kind: str) -> Event:
        return next(event for event in reversed(self.events) if event.kind is kind)

    def count(self, kind: str) -> int:
        return sum(1 for event in self.events if event.kind is kind)

    # ---- the runtime ------------------------------------------------------------------------

    def post(self, given: inputs.Input) -> Simulation:
        """Put an input into the mailbox (through JSON, as the journal does)."""
        self.mail.append(input_from_json(json.loads(json.dumps(input_to_json(given)))))
        return self._answer_all() if self.eager else self

    def deliver(self) -> None:
        """The worker takes the oldest mail; a verb that came too late for its run changes nothing."""
        given = self.mail.popleft()
        try:
            self._apply(given)
        except InvalidTransition:
            assert isinstance(given, VERBS), given

    def prepare_next(self) -> None:
        """The worker prepares what was asked for first; for a held run it does so with all, in vain."""
        self._prepare(self.preparations.popitem(last=False)[1])
        while self.preparations and is_held(self.state):
            self._prepare(self.preparations.popitem(last=False)[1])

    def _prepare(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.Prepare):
            self._ids += 1
        self._apply(self.preparing.answer(self.graph, self.state, effect, self._tick(), self._ids))

    def give(self, given: inputs.Input) -> Simulation:
        """Tell the machine, check the invariants, answer what it asks for."""
        self._apply(given)
        return self._answer_all() if self.eager else self

    def catch_up(self) -> Simulation:
        """Prepare and deliver everything there is."""
        return self._answer_all()

    def _answer_all(self) -> Simulation:
        while self.preparations or self.mail:
            if self.preparations:
                self.prepare_next()
            else:
                self.deliver()
        return self

    def _apply(self, given: inputs.Input) -> None:
        before = self.state
        done = transition(self.graph, before, given)
        self.state = done.state
        self.events += done.events
        for event in done.events:
            self.requests.follow(event)
        for effect in done.effects:
            self._note(effect)
        check(self, Change(before, done.state, given, done.events, done.effects))

    def _append(self, event: Event) -> None:
        self.state = fold((event,), self.state)
        self.events.append(event)

    def _note(self, effect: effects.Effect) -> None:
        match effect:
            case effects.RunStep():
                self.calls[effect.path] = effect.attempt
            case effects.CancelStep():
                if effect.path in self.calls:
                    self.stopping.append((effect.path, self.calls.pop(effect.path)))
            case effects.SetTimer():
                self.timers[effect.timer] = effect.due
            case effects.CancelTimer():
                self.timers.pop(effect.timer, None)
            case effects.StartChild():
                self.children[effect.child_run_id] = effect.path
            case effects.SteerChild():
                self.steered.append((effect.child_run_id, effect.verb))
                if effect.verb in {"cancel_now", "cancel_late"}:
                    self.children.pop(effect.child_run_id, None)
            case effects.Prepare():
                self.preparations[("Prepare", effect.path)] = effect
            case effects.Collect():
                self.preparations[("Collect", effect.path)] = effect
            case effects.PrepareOutput():
                self.preparations[("PrepareOutput", "")] = effect

    def _close(self, path: str, kind: str, status: RequestStatus, who: str, payload: dict[str, Any]) -> bool:
        request_id = self.requests.open_at(path)
        if request_id is None:
            return False
        asked, given = CLOSING[kind]
        assert self.requests[request_id].kind is asked
        self._append(read_event(kind, self._tick(), who, path, payload))
        self.requests.close(request_id, status)
        self.timers.pop(f"timeout:{path}", None)
        self.post(given(now=self.now, actor=who, path=path, request_id=request_id))
        return True

    def _tick(self) -> int:
        self.now += TICK
        return self.now

    def _steer(self, verb: inputs.Input) -> Simulation:
        return self.give(verb) if self.eager else self.post(verb)

    def document(self) -> Simulation:
        """The response document of the ended run is on disk."""
        assert self.state.phase not in {Phase.NEW, Phase.QUEUED, Phase.ACTIVE}
        return self.give(inputs.OutputWritten(now=self._tick(), document={"sha256": "0"}))
