"""What every step of a flow has, and the step types there are.

Durations are seconds. Templates are kept as text here and compiled by `engine.templates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, AliasChoices, Field, GetPydanticSchema
from pydantic_core import core_schema

from engine.contracts.model import Contract
from engine.contracts.status import OnLost, RequestKind
from engine.named_table import NamedTable

StepId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class Backoff(StrEnum):
    """How waits between attempts grow."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


def _temporary(codes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("temporary" if code == "TEMPORARY" else code for code in codes)


class RetryPolicy(Contract):
    """Attempts of one step; an empty `retry_on_codes` retries any code that may be tried again."""

    max_attempts: int = Field(default=1, ge=1, le=10)
    backoff_seconds: float = Field(default=0.0, ge=0.0, le=60.0)
    backoff: Backoff = Backoff.FIXED
    max_backoff_seconds: float = Field(default=60.0, ge=0.0, le=3600.0)
    retry_on_codes: Annotated[tuple[str, ...], AfterValidator(_temporary)] = Field(
        default=(), validation_alias=AliasChoices("retry_on_codes", "retry_on")
    )


class RunIf(StrEnum):
    """When a step of a graph runs, once all it needs has ended."""

    SUCCESS = "success"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class BranchNeeds:
    """The branches that have to end before one may begin, and how."""

    branches: tuple[int, ...]
    run_if: RunIf


class StepFields(Contract):
    """Fields every step type has, and what a type says of itself beside them."""

    calls_tool: ClassVar[bool] = False
    """A tool is called while the step runs: it is counted, and has its time limit in the runtime."""
    composite: ClassVar[bool] = False
    """Whatever it does is done by other steps or runs: an approval cannot show it."""
    joins_as_stored: ClassVar[bool] = False
    """What its branches brought is handed on as it was stored, under names that say nothing of it."""
    shows_steps: ClassVar[bool] = False
    """What the steps inside it became can be asked for by their ids after it: it has few, each once."""
    by_needs: ClassVar[bool] = False
    """The steps inside it begin as what they need allows, not in the order of their list."""
    asks_model: ClassVar[bool] = False
    """A model is asked while the step runs: it is worked like a call, and counts as none."""
    tells_failure: ClassVar[bool] = False
    """When it fails its list goes on with the error in place of an output."""
    starts_run: ClassVar[bool] = False
    """It starts another run, and waits for its end."""
    asks: ClassVar[RequestKind | None] = None
    """What it asks a person for."""
    templates: ClassVar[tuple[str, ...]] = ()
    """Its fields in which templates may stand, beside `when`."""
    templates_of_turns: ClassVar[tuple[str, ...]] = ()
    """Those of them that are rendered for each question to a model, and know `turn`."""

    if TYPE_CHECKING:
        type: str

    id: StepId
    name: str | None = Field(default=None, max_length=200)
    when: str | bool | None = Field(default=None, description="Expression; false skips the step.")
    timeout: Seconds | None = None
    on_success: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    on_failure: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    max_visits: int | None = Field(default=None, ge=1, le=100, description="Needed to be jumped back to.")
    needs: tuple[StepId, ...] = Field(
        default=(), max_length=100, description="In a graph: the steps that have to end before it."
    )
    run_if: RunIf | None = Field(
        default=None,
        description="In a graph: when all it needs succeeded (the default), any of it `failed`, or `done`.",
    )
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
    def branch_needs(self) -> tuple[BranchNeeds, ...] | None:
        """What each of its branches needs; None where they begin in order."""
        return None

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
    def over_with_first(self) -> bool:
        """Whether it is over when its first branch is: the others are part of what that one does."""
        return False

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """What it hands on when its branches have ended, in value form: `given` is what it was started with,
        `outputs` what they brought, by number."""
        return {"$list": [output for _, output in outputs]}

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """Further attempts after a failure."""
        return None

    def gated_id(self, following: str | None) -> str | None:
        """Id of the step that it gates, if it gates one; `following` is the step after it."""
        return None


class StepTypes(NamedTable[type[StepFields]]):
    """The step types there are. Reading a flow knows no others."""

    def __init__(self) -> None:
        super().__init__("step type", lambda model: str(get_args(model.model_fields["type"].annotation)[0]))
        self._readers: list[type[Contract]] = []

    def add(self, thing: type[StepFields]) -> Callable[[], None]:
        """Register a type; returns what takes it out again. Raises ValueError for a name that is taken."""
        take_out = super().add(thing)
        self._read_anew()

        def undo() -> None:
            take_out()
            self._read_anew()

        return undo

    def schema(self, _source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A step is read by its `type`."""
        choices = {name: handler.generate_schema(model) for name, model in self._things.items()}
        return core_schema.tagged_union_schema(choices, discriminator="type")

    def read_by(self, reader: type[Contract]) -> None:
        """A model that has steps among its fields: it is built anew when the types change."""
        self._readers.append(reader)

    def _read_anew(self) -> None:
        for reader in self._readers:
            if reader.__pydantic_complete__:
                reader.model_rebuild(force=True)


STEP_TYPES = StepTypes()

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

    Step = StepFields
else:
    Step = Annotated[StepFields, GetPydanticSchema(STEP_TYPES.schema)]
