"""Flow files: one frozen model per step type (design: flows-and-runs, Flow file).

Durations are seconds. Templates are kept as text here and compiled by `engine.templates`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import AliasChoices, ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

from engine.contracts.model import Contract
from engine.contracts.status import OnLost, Risk

StepId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
GATES_NOTHING = "none"
FINALLY = "finally"
"""Id of the step that holds what runs however the run ends."""
FINALLY_SECONDS = 3600
"""How long that may take."""
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class AutonomyLevel(StrEnum):
    """How much a flow may do by itself."""

    SUGGEST_ONLY = "suggest_only"
    SEMI_AUTO = "semi_auto"
    FULL_AUTO = "full_auto"


class Backoff(StrEnum):
    """How waits between attempts grow."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class RetryPolicy(Contract):
    """Attempts of one step; an empty `retry_on_codes` retries any code."""

    max_attempts: int = Field(default=1, ge=1, le=10)
    backoff_seconds: float = Field(default=0.0, ge=0.0, le=60.0)
    backoff: Backoff = Backoff.FIXED
    max_backoff_seconds: float = Field(default=60.0, ge=0.0, le=3600.0)
    retry_on_codes: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("retry_on_codes", "retry_on")
    )


class StepFields(Contract):
    """Fields every step type has, and what a type says of itself beside them."""

    calls_tool: ClassVar[bool] = False
    """A tool is called while the step runs: it is counted, and has its time limit in the runtime."""
    composite: ClassVar[bool] = False
    """Whatever it does is done by other steps or runs: an approval cannot show it."""
    shows_steps: ClassVar[bool] = False
    """What the steps inside it became can be asked for by their ids after it: it has few, each once."""
    gates_others: ClassVar[bool] = False
    """It asks for a decision about another step."""

    if TYPE_CHECKING:
        type: str

    id: StepId
    name: str | None = Field(default=None, max_length=200)
    when: str | bool | None = Field(default=None, description="Expression; false skips the step.")
    timeout: Seconds | None = None
    on_success: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    on_failure: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    max_visits: int | None = Field(default=None, ge=1, le=100, description="Needed to be jumped back to.")
    on_lost: OnLost | None = Field(
        default=None,
        description="When the worker is lost during it: `rerun`, or `ask` a person what became of it.",
    )

    @classmethod
    def acts(cls) -> bool:
        """Whether it does something that an approval can stand before."""
        return cls.calls_tool or cls.composite

    @property
    def target(self) -> str | None:
        """What it acts on, by name: a tool, a flow, a form."""
        return None

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The lists of steps inside it."""
        return ()

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The list that its branch or item of that number works through. Raises IndexError."""
        return self.lists[branch]

    @property
    def branches_at_once(self) -> int:
        """How many branches or items may be at work together."""
        return 1

    @property
    def item_name(self) -> str | None:
        """What templates inside it call the item they work on, where there are items."""
        return None

    @property
    def joining(self) -> Literal["all", "any"] | None:
        """Whether all its branches have to succeed or the first is enough, where its author says so."""
        return None

    @property
    def joins_any(self) -> bool:
        """Whether the first branch that succeeds is enough."""
        return self.joining == "any"

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """Further attempts after a failure."""
        return None

    def gated_id(self, following: str | None) -> str | None:
        """Id of the step that it gates, if it gates one; `following` is the step after it."""
        return None


class StepTypes:
    """The step types there are, by name. Reading a flow knows no others."""

    def __init__(self) -> None:
        self._models: dict[str, type[StepFields]] = {}

    def add(self, model: type[StepFields]) -> Callable[[], None]:
        """Register a type; returns what takes it out again. Raises ValueError for a name that is taken."""
        (name,) = get_args(model.model_fields["type"].annotation)
        if name in self._models:
            raise ValueError(f"the step type {name} is registered already")
        self._models[name] = model
        self._read_anew()

        def undo() -> None:
            del self._models[name]
            self._read_anew()

        return undo

    def get(self, name: str) -> type[StepFields] | None:
        """The model of a type, None for an unknown one."""
        return self._models.get(name)

    def names(self) -> tuple[str, ...]:
        """Every type in the order of registration."""
        return tuple(self._models)

    def schema(self, _source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A step is read by its `type`."""
        choices = {name: handler.generate_schema(model) for name, model in self._models.items()}
        return core_schema.tagged_union_schema(choices, discriminator="type")

    @staticmethod
    def _read_anew() -> None:
        """A flow model that was built before knows only the types of that time."""
        if FlowDef.__pydantic_complete__:
            FlowDef.model_rebuild(force=True)


STEP_TYPES = StepTypes()

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

    Step = StepFields
else:
    Step = Annotated[StepFields, GetPydanticSchema(STEP_TYPES.schema)]


class ToolStep(StepFields):
    """Calls a tool through the executor."""

    calls_tool = True

    type: Literal["tool"]
    tool: str = Field(min_length=1, max_length=120)
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    backend: Literal["local", "remote", "mcp"] | None = None

    @property
    def target(self) -> str | None:
        """The tool."""
        return self.tool

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """As its author wrote it."""
        return self.retry


class ApprovalStep(StepFields):
    """Parks the run until an operator approves or rejects; freezes the gated step's parameters."""

    gates_others = True

    type: Literal["human_approval"]
    message: str = Field(min_length=1, max_length=20_000)
    title: str | None = Field(default=None, max_length=500)
    form: dict[str, Any] = Field(default_factory=dict)
    risk: Risk = Risk.MEDIUM
    gates: str | None = Field(
        default=None,
        description="Id of the step it gates; default the next one. `none` binds nothing.",
    )
    params: dict[str, Any] = Field(default_factory=dict)

    def gated_id(self, following: str | None) -> str | None:
        """What it names, else the step after it; nothing for an acknowledgement."""
        return None if self.gates == GATES_NOTHING else self.gates or following


class UserInputStep(StepFields):
    """Parks the run until a valid form response; params is a UserInputRequest."""

    type: Literal["user_input"]
    params: dict[str, Any]

    @property
    def target(self) -> str | None:
        """The form's id, where it is written out."""
        form = self.params.get("form_id")
        return form if isinstance(form, str) else None


class SubflowStep(StepFields):
    """Runs another flow as a child run and returns its output."""

    composite = True

    type: Literal["subflow"]
    subflow: str = Field(min_length=1, max_length=200, description="`pack/flow` or `flow` of the same pack.")
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None

    @property
    def target(self) -> str | None:
        """The flow."""
        return self.subflow

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """As its author wrote it."""
        return self.retry


class ParallelStep(StepFields):
    """Runs lists of steps side by side."""

    composite = True
    shows_steps = True

    type: Literal["parallel"]
    branches: tuple[tuple[Step, ...], ...] = Field(min_length=1, max_length=100)
    join: Literal["all", "any"] = "all"
    max_concurrent: int = Field(default=16, ge=1, le=100)

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """Its branches."""
        return self.branches

    @property
    def branches_at_once(self) -> int:
        """As its author wrote it."""
        return self.max_concurrent

    @property
    def joining(self) -> Literal["all", "any"] | None:
        """As its author wrote it."""
        return self.join


class ForEachStep(StepFields):
    """Runs the same steps once per item."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    composite = True

    type: Literal["for_each"]
    items: str | list[Any]
    as_: str = Field(
        default="item", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", validation_alias="as", serialization_alias="as"
    )
    steps: tuple[Step, ...] = Field(min_length=1)
    max_concurrent: int = Field(default=4, ge=1, le=100)

    @property
    def target(self) -> str | None:
        """Its items, in short."""
        return self.items if isinstance(self.items, str) else f"{len(self.items)} items"

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The one list that every item works through."""
        return (self.steps,)

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every item."""
        return self.steps

    @property
    def item_name(self) -> str | None:
        """As its author wrote it."""
        return self.as_

    @property
    def branches_at_once(self) -> int:
        """As its author wrote it."""
        return self.max_concurrent


class WaitStep(StepFields):
    """Parks the run for a time, or until a moment; exactly one of the two is named."""

    type: Literal["wait"]
    duration: float | str | None = Field(
        default=None,
        union_mode="left_to_right",
        description="Seconds, a text such as `30m`, `2d` or `1h30m`, or a template that gives either.",
    )
    until: str | None = Field(
        default=None, description="A moment with its offset (RFC 3339), or a template that gives one."
    )

    @property
    def target(self) -> str | None:
        """For how long, or until when."""
        return f"until {self.until}" if self.until is not None else f"for {self.duration}"


class FlowDef(Contract):
    """A flow as its author wrote it, checked and normalized."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000,
        description="Template over `payload`, `run` and `handoff`: what a run of it is about, in every list.",
    )
    description: str | None = None
    version: str = Field(default="v1", max_length=80)
    autonomy_level: AutonomyLevel = AutonomyLevel.SEMI_AUTO
    input: dict[str, Any] = Field(default_factory=dict, description="JSON Schema of the start payload.")
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    max_duration: Seconds | None = None
    escalation: StepId | None = Field(
        default=None,
        description="Approval of the outermost list that is gone to when a step or the time fails the run.",
    )
    steps: tuple[Step, ...] = Field(min_length=1)
    finally_: tuple[Step, ...] = Field(
        default=(),
        validation_alias="finally",
        serialization_alias="finally",
        description="Steps that run however the run ends; they know `ending`.",
    )
    metadata: dict[str, Any] = Field(default_factory=dict)

    @property
    def outermost(self) -> tuple[Step, ...]:
        """Its outermost steps, with those that run however it ends."""
        return (*self.steps, *self.finally_)


for _type in (ToolStep, ApprovalStep, UserInputStep, SubflowStep, ParallelStep, ForEachStep, WaitStep):
    STEP_TYPES.add(_type)
