"""What a step of a type has to keep to when its flow is loaded: one object per type, found by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from engine.contracts.flows.core_agents import CORE_AGENTS
from engine.contracts.moment import wait_moment, wait_seconds
from engine.contracts.runs.request import UserInputRequest
from engine.errors import InvalidInput
from engine.json_schema.forms import form_schema
from engine.named_table import NamedTable
from engine.packs.checks.schemas.json_schema import schema_problems
from engine.packs.checks.schemas.literal_params import literal_faults
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, validate
from engine.packs.checks.schemas.tool_back_ends import back_end_of, works_in_process
from engine.packs.checks.schemas.tool_names import is_known
from engine.templates import TemplateError, compile_expression, has_template, paths_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from engine.contracts.packs.pack import Problem
    from engine.packs.checks.step_node import StepNode
    from engine.packs.source.yaml_source import Document, SourcePath

TAKEN_NAMES = frozenset({"payload", "handoff", "steps", "artifacts", "run", "ending", "loop_index", "turn"})
"""What templates know in any place; the item of a loop by such a name would hide it, or be hidden."""
_FLOW_AS_TOOL = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}"
Fault = tuple["SourcePath", str]


class StepChecks:
    """The rules of one type; a type without rules of its own keeps to these, which ask nothing."""

    type: ClassVar[str] = ""

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        """Faults by their place in the step; `tool_names` None leaves tool names unchecked."""
        yield from ()

    def problems(self, document: Document, node: StepNode) -> Iterator[Problem]:
        """Faults that have a place of their own."""
        yield from ()

    def lists(self, node: StepNode) -> Iterator[tuple[SourcePath, list[Any]]]:
        """The lists of steps inside it, by their place in the step."""
        yield from ()

    def free_text(self, node: StepNode) -> bool:
        """Whether a person's free text comes out of it."""
        return False

    def subflow(self, node: StepNode) -> str | None:
        """The flow it starts, where it starts one."""
        return None

    def tool(self, node: StepNode) -> str | None:
        """The tool it calls, where it calls one."""
        return None

    def tools(self, node: StepNode) -> Iterator[tuple[SourcePath, str]]:
        """The tools it may call, by their place in the step."""
        tool = self.tool(node)
        if tool:
            yield ("tool",), tool

    def flows(self, node: StepNode) -> Iterator[tuple[SourcePath, str]]:
        """The flows that it may run, by their place in the step."""
        subflow = self.subflow(node)
        if subflow:
            yield ("subflow",), subflow

    def item_name(self, node: StepNode) -> str | None:
        """What templates inside it call an item, where it has items."""
        return None


_SAME: Mapping[str | None, str] = {"remote": "http"}
"""Other words for back ends."""


class _ToolChecks(StepChecks):
    type = "tool"

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        tool, backend = node.text("tool"), _SAME.get(node.text("backend"), node.text("backend"))
        if tool and tool_names is not None and not is_known(tool, tool_names):
            yield ("tool",), f"unknown tool `{shortened(tool)}`{close_match(tool, tool_names)}"
        schema = tool_names.get(tool) if tool and isinstance(tool_names, Mapping) else None
        params = node.raw.get("params", {})
        if schema is not None and isinstance(params, dict):
            for name, message in literal_faults(schema, params):
                yield _place_of(node, name), f"the tool `{tool}`: {shortened(message)}"
        if backend and tool and tool_names is not None and is_known(tool, tool_names):
            own = back_end_of(tool, tool_names)
            if backend == "mcp" != own:
                yield (
                    ("backend",),
                    f"`{shortened(tool)}` is a tool of no MCP server that the settings declare",
                )
            elif backend != own:
                yield ("backend",), f"`{shortened(tool)}` is a tool of the back end `{own}`, and of no other"
        if tool and node.text("sandbox") == "isolated" and works_in_process(tool):
            yield ("sandbox",), f"`{tool}` works in the engine's own process, which cannot be isolated"

    def tool(self, node: StepNode) -> str | None:
        return node.text("tool")


def _place_of(node: StepNode, name: str | None) -> tuple[str, ...]:
    """Where a parameter stands, or what stands where it should be."""
    params = node.raw.get("params")
    if not isinstance(params, dict):
        return ("tool",)
    return ("params", name) if name is not None and name in params else ("params",)


class _SubflowChecks(StepChecks):
    type = "subflow"

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        subflow = node.text("subflow")
        if subflow and has_template(subflow):
            yield ("subflow",), "a subflow is named outright (`pack/flow` or `flow`), not by a template"

    def subflow(self, node: StepNode) -> str | None:
        return node.text("subflow")


class _ParallelChecks(StepChecks):
    type = "parallel"

    def lists(self, node: StepNode) -> Iterator[tuple[SourcePath, list[Any]]]:
        branches = node.raw.get("branches")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            if isinstance(branch, list):
                yield ("branches", number), branch


class _HoldingSteps(StepChecks):
    """Of types that hold one list of steps."""

    def lists(self, node: StepNode) -> Iterator[tuple[SourcePath, list[Any]]]:
        steps = node.raw.get("steps")
        if isinstance(steps, list):
            yield ("steps",), steps


class _ForEachChecks(_HoldingSteps):
    type = "for_each"

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        items, name = node.text("items"), node.text("as")
        if items is not None and not has_template(items):
            yield ("items",), "`items` is a list or a template that gives one, such as `{{ payload.files }}`"
        if name in TAKEN_NAMES:
            yield ("as",), f"templates know something else as `{name}`: give the item another name"
        elif name is not None and name.isidentifier() and not _is_a_name(name):
            yield ("as",), f"templates do not take `{shortened(name)}` for a name: give the item another one"

    def item_name(self, node: StepNode) -> str | None:
        return node.text("as") or "item"


def _is_a_name(word: str) -> bool:
    """Whether a template takes the word for a name, not for one of its own (`not`, `none`, `loop`)."""
    try:
        compile_expression(word)
        return paths_in(word, expression=True) == ((word,),)
    except TemplateError:
        return False


class _FormChecks(StepChecks):
    type = "user_input"

    def problems(self, document: Document, node: StepNode) -> Iterator[Problem]:
        yield from _form_problems(document, node)

    def free_text(self, node: StepNode) -> bool:
        params = node.raw.get("params")
        return isinstance(params, dict) and params.get("mode") == "free_text_input"


class _WaitChecks(StepChecks):
    type = "wait"

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        duration, until = node.raw.get("duration"), node.raw.get("until")
        if (duration is None) == (until is None):
            yield (), "a wait names either `duration` or `until`"
        if duration is not None and not has_template(duration):
            yield from _readable("duration", wait_seconds, duration)
        if until is not None and not has_template(until):
            yield from _readable("until", wait_moment, until)


def _readable(field: str, read: Callable[[Any], object], value: Any) -> Iterator[Fault]:
    try:
        read(value)
    except ValueError as error:
        yield (field,), f"expected {error}"


class _GraphChecks(_HoldingSteps):
    type = "graph"


class _ChoosingChecks(StepChecks):
    """Of types whose model chooses among tools."""

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        for place, tool in self.tools(node):
            if tool_names is not None and not is_known(tool, tool_names):
                yield place, f"unknown tool `{shortened(tool)}`{close_match(tool, tool_names)}"

    def tools(self, node: StepNode) -> Iterator[tuple[SourcePath, str]]:
        yield from node.texts("tools")


class _PlanChecks(_ChoosingChecks):
    type = "plan_proposal"


_NOT_OF_A_PROGRAM = (
    *("tools", "deferred", "flows", "handoffs", "context", "model", "mode", "reasoner", "on_rejection"),
    *("max_turns", "max_tokens", "temperature", "script"),
)
"""What an agent of another program says and has itself."""
_PROGRAM = re.compile(r"acp:[a-z][a-z0-9_-]*")
_NOT_OF_A_CORE_AGENT = (
    *("tools", "deferred", "flows", "handoffs", "mode", "max_turns", "reasoner", "on_rejection"),
)


class _AgentChecks(_ChoosingChecks):
    type = "agent"

    def faults(self, node: StepNode, tool_names: Collection[str] | None) -> Iterator[Fault]:
        yield from super().faults(node, tool_names)
        yield from self._of_named(node)
        if node.raw.get("reasoner") is not None:
            words = "an agent with a `reasoner` takes no `{}`: it answers once, in its own form"
            if node.raw.get("output") is not None:
                yield ("output",), words.format("output")
            if node.raw.get("mode") == "conversation":
                yield ("mode",), words.format("mode")
        for place, flow in self.flows(node):
            if re.fullmatch(_FLOW_AS_TOOL, flow) is None:
                yield place, "an agent runs flows of its own pack, whose ids have 50 characters at most"
        if node.raw.get("mode") == "conversation" and node.raw.get("output") is not None:
            yield (
                ("output",),
                "an agent that converses has no `output`: a person reads its answers",
            )

    def _of_named(self, node: StepNode) -> Iterator[Fault]:
        """What an agent that is named has itself."""
        named = node.raw.get("agent")
        core = CORE_AGENTS.get(named) if isinstance(named, str) else None
        if isinstance(named, str) and core is None and _PROGRAM.fullmatch(named) is None:
            known = f"{', '.join(CORE_AGENTS)}, or acp:NAME"
            meant = close_match(named, CORE_AGENTS)
            yield ("agent",), f"unknown agent `{shortened(named)}`{meant}: there are {known}"
            return
        if core is None and node.raw.get("instructions") is None:
            yield (), "an agent has `instructions`, unless it is a core agent"
        if not isinstance(named, str):
            return
        words = "an agent of another program (`agent`) takes no `{}`: it brings its own"
        fields = _NOT_OF_A_PROGRAM
        if core is not None:
            words = f"{core.name} takes no `{{}}`: it asks a model once, without tools"
            fields = (*_NOT_OF_A_CORE_AGENT, *(("output",) if core.has_form else ()))
        for field in fields:
            if node.raw.get(field) is not None:
                yield (field,), words.format(field)

    def tools(self, node: StepNode) -> Iterator[tuple[SourcePath, str]]:
        yield from super().tools(node)
        yield from node.texts("deferred")

    def flows(self, node: StepNode) -> Iterator[tuple[SourcePath, str]]:
        yield from node.texts("flows")

    def problems(self, document: Document, node: StepNode) -> Iterator[Problem]:
        schema = node.raw.get("output")
        if isinstance(schema, dict):
            yield from schema_problems(document, (*node.path, "output"), schema)


_NO_RULES = StepChecks()
STEP_CHECKS: NamedTable[StepChecks] = NamedTable(
    "rules of the step type",
    lambda checks: checks.type,
    (
        *(_ToolChecks(), _FormChecks(), _SubflowChecks(), _WaitChecks()),
        *(_ParallelChecks(), _ForEachChecks(), _GraphChecks(), _AgentChecks(), _PlanChecks()),
    ),
)
"""Types that have rules. One that is not known has none either: the schema refuses it."""


def checks_of(node: StepNode) -> StepChecks:
    """The rules of the step's type."""
    return STEP_CHECKS.get(node.type) or _NO_RULES


def _form_problems(document: Document, node: StepNode) -> Iterator[Problem]:
    params = node.raw.get("params")
    if not isinstance(params, dict):
        return
    root = (*node.path, "params")
    # not strict: behind the model's own first validator a JSON list is no tuple
    request, problems = validate(
        UserInputRequest, params, document, root=root, strict=False, as_written=False
    )
    for problem in problems:
        # a template may become any value: what it gives is checked when the form opens
        if not _is_templated(params, problem.field.split(".")[len(root) :]):
            yield problem
    if request is not None and not has_template(params):
        try:
            form_schema(request)
        except InvalidInput as error:
            yield problem_at(document, root, error.message)
    schema = params.get("schema")
    if isinstance(schema, dict) and not has_template(schema):
        yield from schema_problems(document, (*root, "schema"), schema)


def _is_templated(params: dict[str, Any], path: list[str]) -> bool:
    value: Any = params
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
    return isinstance(value, str) and has_template(value)
