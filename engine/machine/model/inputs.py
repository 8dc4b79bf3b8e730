"""What can be told to a run. Clock, ids, jitter and rendered values come in as data.

Every input names who caused it (`actor`), from where (`via`) and when (`now`, microseconds UTC). History
goes forward: when the wall clock was set back since the run's last event, `now` is that event's time and
`clock` what the wall clock says, from which everything is counted that is to come.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from engine.contracts.status import CancelMode
from engine.frozen import frozen_by_name


@frozen_by_name
class Input:
    """Base of all inputs."""

    now: int
    actor: str = "engine"
    via: str = "engine"
    set_back: int = 0

    @property
    def clock(self) -> int:
        """The wall clock, in microseconds UTC."""
        return self.now - self.set_back


@frozen_by_name
class Start(Input):
    """A worker takes the queued run."""


@frozen_by_name
class StepPrepared(Input):
    """A step's rendered data, or why it could not be rendered."""

    path: str
    run: bool = True
    """False when the step's `when` is false."""
    value: Any = None
    """The rendered parameters or items, in value form."""
    total: int = 0
    """How many items there are."""
    new_id: str = ""
    """A fresh id for a request or a child run."""
    request: dict[str, Any] | None = None
    """What a person is shown; of a tool: asked before it is called."""
    digest: str | None = None
    """What the request is bound to."""
    action_digest: str | None = None
    """What a gated step would do now."""
    acts_outside: bool = False
    """What its tool says of itself, as `idempotent`."""
    idempotent: bool = False
    risk: str | None = None
    """That of an approval."""
    due: int | None = None
    """When a wait is over."""
    fixed: bool = False
    """Whether that is a moment of the clock."""
    steps_elsewhere: int = 0
    """Used by the other runs of its tree, as `calls_elsewhere`."""
    calls_elsewhere: int = 0
    error: dict[str, Any] | None = None
    """Why it could not be rendered."""
    verdict: dict[str, Any] | None = None
    """What policy said of it, when that is to be kept."""
    name: str = ""
    """What it is called where the flow cannot know it."""
    again: bool = False
    """A further turn follows."""
    skills: tuple[dict[str, Any], ...] = ()
    """Those that an agent is told, and those that it is not told, with the reason."""
    told: int = 0
    """How much of what people said in its next question alone a model is told now."""
    plan: dict[str, Any] | None = None
    """What the history keeps of a plan: what it is, why it does not fit, or that it was rejected."""
    child: tuple[str, Any] | None = None
    """The flow that a chosen call runs, with its payload."""
    answer: Any = None
    """What a chosen call brings that nothing has to be called for."""
    form: dict[str, Any] | None = None
    """How the last answer of an agent fits the form that it has to have: which answer in a row it is
    (`attempt`), its `faults`, whether no other one is asked for (`last`)."""


@frozen_by_name
class Collected(Input):
    """The joined outputs of a composite step, in value form; `jump` is the step that it goes to by itself.

    `confidence` is how sure an agent says that it is, with the least that its pack accepts.
    """

    path: str
    value: Any
    jump: str | None = None
    confidence: tuple[float, float] | None = None


@frozen_by_name
class OutputPrepared(Input):
    """The run's normalized output, or why there is none; `verdict` as of a step."""

    value: Any = None
    error: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None


@frozen_by_name
class StepFinished(Input):
    """A tool call ended, or a model answered. `jitter` in [0, 1) spreads exponential waits, `meta` is how the
    call went, `usage` is what a model used (the payload of `model_usage`). `awaits` is the form that the call
    opens instead of an end (the payload of `user_input_requested`, `expires_in` in seconds). `verdict` is why
    it was not made (the payload of `governance.decision`).
    """

    path: str
    attempt: int
    ok: bool
    output: Any = None
    error: dict[str, Any] | None = None
    jitter: float = 0.0
    cancelled: bool = False
    meta: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    awaits: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None


@frozen_by_name
class PermissionAsked(Input):
    """The program that works on the prompt at `path`, as that `attempt`, asks permission for a call.

    `number` is the branch that it becomes, `call` what it is about, in value form.
    """

    path: str
    attempt: int
    number: int
    call: Any


@frozen_by_name
class StepInterrupted(Input):
    """The worker that held this execution died (`lost`) or gave it back while shutting down.

    `begun` is False when it is certain that the tool was not called. `new_id` is a fresh id, for the
    question what became of the call.
    """

    path: str
    lost: bool = True
    begun: bool = True
    new_id: str = ""


@frozen_by_name
class StepPutBack(Input):
    """The run is given back before the call of this execution has begun."""

    path: str


@frozen_by_name
class CallHeldBack(Input):
    """A call was not begun at the soft cap `cap`: the run waits until it is resumed, or (`stop`) ends."""

    path: str
    attempt: int
    cap: dict[str, Any]
    stop: bool = False


@frozen_by_name
class RequestDecided(Input):
    """An approval was decided (its event is already in the journal)."""

    path: str
    request_id: str


@frozen_by_name
class FormSubmitted(Input):
    """A form was answered (its event is already in the journal)."""

    path: str
    request_id: str


@frozen_by_name
class OutcomeDecided(Input):
    """Somebody said what became of a call (the event is already in the journal)."""

    path: str
    request_id: str


@frozen_by_name
class TimerFired(Input):
    """A timer is due (see `engine.machine.model.timers`)."""

    timer: str


@frozen_by_name
class ChildEnded(Input):
    """A child run reached its end."""

    path: str
    child_run_id: str
    status: str
    output: Any = None
    error: dict[str, Any] | None = None


@frozen_by_name
class Pause(Input):
    """Start nothing new."""


@frozen_by_name
class Resume(Input):
    """Go on after a pause."""


@frozen_by_name
class Cancel(Input):
    """Stop: after the current step, or now. `late`: since the time of what is around the run is over."""

    mode: CancelMode = CancelMode.BOUNDARY
    late: bool = False


@frozen_by_name
class Retry(Input):
    """Continue a failed run at its failed step."""


@frozen_by_name
class Narrow(Input):
    """Models of the run choose among fewer tools from their next turn on: `only` some (None is no bound), and
    `without` others. It takes the place of what was said before; without either nothing is narrowed any more.
    `once` it is the next turn alone that has fewer, of those that it would have.
    """

    only: list[str] | None = None
    without: list[str] = field(default_factory=list)
    once: bool = False


@frozen_by_name
class Tell(Input):
    """A person says something that a model of the run is told in its next question alone, or gives data to
    the tools that it calls then."""

    text: str
    data: dict[str, Any] | None = None


@frozen_by_name
class OutputWritten(Input):
    """The response document is on disk."""

    document: dict[str, Any]
