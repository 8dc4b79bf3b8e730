"""An agent as its author writes it, and the steps that are written while it runs: a model, then its calls.

An agent works in turns, one branch each: its model is asked, and the calls that the answer wants are made
side by side. A turn whose answer wants no call is the last one; in a conversation the next turn begins with
what a person says to it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from engine.contracts.flows.core_agents import CORE_AGENTS
from engine.contracts.flows.outside_agent import ASKED_AT_ONCE, PREFIX, permission_step, prompt_step
from engine.contracts.flows.reasoners import reasoner_fields
from engine.contracts.flows.step import Backoff, RetryPolicy, Step, StepFields, StepId
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.model import Contract, unchecked
from engine.contracts.status import RequestKind

MAX_TURNS = 1_000
"""Turns of an agent; also of a whole conversation, in which `max_turns` count between two messages."""
CALLS_AT_ONCE = 4
MAX_SKILLS = 20
MAX_SKILL_BYTES = 100_000
"""Of the texts of all skills that an agent, or a message, is told."""
MAX_FLOWS = 20
MAX_HANDOFFS = 20
MAX_IMAGES = 20
FLOW_PREFIX = "flow."
"""What the names of flows begin with where a model calls them like tools."""
MESSAGE, MODEL, CALLS, CALL = "message", "model", "calls", "call"
"""Ids of the steps inside: `<agent>/<turn>/message`, `.../model`, `.../calls/<number>/call`."""

CHANGED = "changed"
"""Key of who changed a call, and of the diff, as the call is started with it, and on its card."""

MODEL_RETRY = RetryPolicy(max_attempts=3, backoff_seconds=1.0, backoff=Backoff.EXPONENTIAL)


class ScriptedCall(Contract):
    """A call that the scripted model asks for."""

    tool: str = Field(max_length=120)
    arguments: Any = Field(default_factory=dict)


class ScriptedAnswer(Contract):
    """What the scripted model says in one turn."""

    text: str = Field(default="", max_length=20_000)
    calls: tuple[ScriptedCall, ...] = Field(default=(), max_length=32)


class MessageStep(StepFields):
    """Parks the run until a person says something to the agent, or that there is nothing more to say."""

    asks = RequestKind.FORM

    type: Literal["message"]


class ModelStep(StepFields):
    """Asks the model of an agent."""

    asks_model = True

    type: Literal["model"]
    retry: RetryPolicy

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """That of the agent."""
        return self.retry


class ChosenCallStep(ToolStep):
    """A call that a model asked for: which tool, and with what, is known when it starts."""

    tells_failure = True
    chosen = True

    ends_when_rejected: bool = False

    @property
    def target(self) -> str | None:
        """Nobody knows yet."""
        return None


def chosen_step(tool: str, params: Any, name: str = "") -> ToolStep:
    """The step that a chosen call is, once it is known; `name` is what people read over it."""
    return unchecked(ToolStep, **{**_CHOSEN, "tool": tool, "params": params, "name": name or None})


_CHOSEN = vars(ToolStep.model_construct(type="tool", id=CALL, tool="", params={}))


class CallsStep(StepFields):
    """The calls that one answer wants, side by side."""

    composite = True
    joins_as_stored = True

    type: Literal["calls"]
    max_turns: int
    goes_on: bool = False
    lists_of: tuple[tuple[Step, ...], ...]

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The one list that every call is."""
        return self.lists_of

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every call."""
        return self.lists_of[0]

    @property
    def branches_at_once(self) -> int:
        """The pack's tools layer may let fewer be made."""
        return CALLS_AT_ONCE

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """The turn: what the model said, and what came of its calls."""
        return {"reply": given, "results": {"$list": [output for _, output in outputs]}}


class AgentStep(StepFields):
    """Works in turns: a model is asked, the tools that it wants are called, until it wants none."""

    composite = True
    templates: ClassVar[tuple[str, ...]] = (
        *("instructions", "prompt", "context", "images", "skills", "script"),
    )
    templates_of_turns: ClassVar[tuple[str, ...]] = ("context",)

    type: Literal["agent"]
    instructions: str = Field(
        default="",
        min_length=1,
        max_length=20_000,
        description="What it is for; the pack's role and soul come first. A core agent brings its own.",
    )
    prompt: str = Field(min_length=1, max_length=200_000, description="What it is asked to do.")
    context: str | None = Field(
        default=None,
        max_length=20_000,
        description="What it is told in one question alone, rendered anew for each; it knows `turn`.",
    )
    images: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_IMAGES,
        description="Images that it is asked about: templates that give images which steps brought.",
    )
    agent: str | None = Field(
        default=None,
        max_length=70,
        json_schema_extra={"pattern": rf"^(acp:[a-z][a-z0-9_-]*|{'|'.join(CORE_AGENTS)})$"},
        description="A core agent, or `acp:NAME`: a program of the settings `agents.acp` is the agent.",
    )
    tools: tuple[str, ...] | None = Field(
        default=None,
        max_length=100,
        description="Tools it may use; default those that the pack's tools layer offers.",
    )
    deferred: tuple[str, ...] = Field(
        default=(),
        max_length=500,
        description="Tools that it may use, too, and is told of when it finds them (`find_tools`).",
    )
    handoffs: tuple[StepId, ...] = Field(
        default=(),
        max_length=MAX_HANDOFFS,
        description="Agents of the same list of steps that it may hand over to.",
    )
    flows: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_FLOWS,
        description="Flows of the pack that it may run, each like a tool `flow.<id>`.",
    )
    reasoner: Literal["insight", "prioritization", "explanation"] | None = Field(
        default=None,
        description="A form of its answer, in place of `output`; its model is found by the purpose.",
    )
    skills: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_SKILLS,
        description="Skills of the pack that it is told, whole, before it is asked; templates give more.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        description="A model or a tier of the settings, or a purpose.",
    )
    mode: Literal["task", "conversation"] = Field(
        default="task",
        description="`conversation`: after each answer it waits for a person; an empty message ends it.",
    )
    on_rejection: Literal["continue", "fail"] = Field(
        default="continue",
        description="`fail`: a call that a person rejects ends the agent; else its model is told why.",
    )
    max_turns: int = Field(
        default=8,
        ge=1,
        le=MAX_TURNS,
        description="How often the model is asked; of a conversation for one answer.",
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Bound of each answer.")
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    output: dict[str, Any] | None = Field(
        default=None,
        description="JSON Schema of its answer; one that does not fit is asked for again, twice.",
    )
    script: tuple[ScriptedAnswer, ...] = Field(
        default=(), max_length=MAX_TURNS, description="What the scripted model answers, turn by turn."
    )
    retry: RetryPolicy | None = Field(default=None, description="Of each time the model is asked.")

    @model_validator(mode="after")
    def _with_what_its_reasoner_gives(self) -> Self:
        core = CORE_AGENTS.get(self.agent) if self.agent is not None else None
        if core is None and self.reasoner is None:
            return self
        given = core.fields if core is not None else reasoner_fields(str(self.reasoner))
        missing = {key: one for key, one in given.items() if getattr(self, key) is None}
        if core is not None and not self.instructions:
            missing["instructions"] = core.instructions
        return self.model_copy(update=missing)

    @cached_property
    def _lists(self) -> tuple[tuple[Step, ...], ...]:
        if self.outside is not None:
            return ((prompt_step(self.retry),), (permission_step(),))
        call = ChosenCallStep.model_construct(
            type="tool",
            id=CALL,
            tool="",
            on_failure="continue",
            ends_when_rejected=self.on_rejection == "fail",
        )
        calls = CallsStep.model_construct(
            type="calls",
            id=CALLS,
            max_turns=MAX_TURNS if self.converses else self.max_turns,
            goes_on=self.converses,
            lists_of=((call,),),
        )
        model = ModelStep.model_construct(type="model", id=MODEL, retry=self.retry or MODEL_RETRY)
        message = MessageStep.model_construct(type="message", id=MESSAGE, name="next message")
        return ((message, model, calls),) if self.converses else ((model, calls),)

    @property
    def named_skills(self) -> tuple[str, ...]:
        """Those that its author names; what templates give is known when it starts."""
        return tuple(name for name in self.skills if "{" not in name)

    @property
    def converses(self) -> bool:
        """Whether it waits for a person after each answer."""
        return self.mode == "conversation"

    @property
    def outside(self) -> str | None:
        """The name in the settings of the program that is the agent, where one is."""
        if self.agent is None or not self.agent.startswith(PREFIX):
            return None
        return self.agent.removeprefix(PREFIX)

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """What every turn works through; of a program that is the agent its prompt, and what it asks for."""
        return self._lists

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every turn."""
        return self._lists[min(branch, len(self._lists) - 1)]

    @property
    def branches_at_once(self) -> int:
        """One turn; of another program its prompt, and some of what it asks for."""
        return 1 if self.outside is None else 1 + ASKED_AT_ONCE

    @property
    def over_with_first(self) -> bool:
        """What another program asks for is asked while it works on its prompt."""
        return self.outside is not None

    @property
    def target(self) -> str | None:
        """The model or the program that it asks for, where it names one."""
        return self.model if self.outside is None else self.agent

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """The last turns: one in which a person only said that it is over has no answer.

        Of another program: the answer to its prompt.
        """
        if self.outside is not None:
            return next(output for number, output in outputs if number == 0)
        return {"$list": [output for _, output in outputs[-2:]]}
