"""What the templates of a step may look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepStatus
from engine.machine.model.inner_steps import inner_steps
from engine.machine.model.needs import all_needs
from engine.machine.model.state import Execution, RunState, Scope, scope_path_of
from engine.machine.walk import scope_chain
from engine.runtime.worker.steps.registry import STEP_RENDERERS
from engine.values import follow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.flows.step import Step
    from engine.machine.model.graph import FlowGraph
    from engine.values import Resolve


def render_context(
    graph: FlowGraph, state: RunState, path: str, run: dict[str, Any], resolve: Resolve
) -> dict[str, Any]:
    """`payload`, `handoff`, `steps`, `artifacts`, `run`, and the item names of the loops around `path`.

    An inner scope's steps hide outer ones of the same id. Of steps inside a `parallel` before it a step sees
    what became of them. Values may be references; the templates
    follow them. Raises BlobNeeded for a loop's items that are not loaded.
    """
    scope_path = scope_path_of(path)
    chain = scope_chain(state.root, scope_path)
    steps: dict[str, Any] = {}
    for scope in chain:
        for execution in scope.executions.values():
            if not path.startswith(f"{execution.path}/"):
                steps |= _inside(graph, execution)
            else:  # what is beside it may still be at work, but not what it needs
                steps |= _needed(graph, execution, path)
        for name, execution in scope.executions.items():
            steps[name] = _seen(execution)
    context: dict[str, Any] = {
        "payload": state.payload,
        "handoff": state.handoff,
        "steps": steps,
        "run": run,
    }
    if state.ending is not None:
        ending = state.ending
        context["ending"] = {"outcome": ending.outcome, "cause": ending.error, "output": ending.output}
    if graph.uses_artifacts:
        context["artifacts"] = _artifacts(graph, chain)
    if scope_path:
        _add_items(graph, state, scope_path, context, resolve)
    return context


def _seen(execution: Execution) -> dict[str, Any]:
    seen: dict[str, Any] = {"status": execution.status.value, "attempt": execution.attempt}
    if execution.status is StepStatus.COMPLETED:
        seen["output"] = execution.output
    if execution.error is not None:
        seen["error"] = execution.error
    return seen


def _inside(graph: FlowGraph, execution: Execution) -> dict[str, Any]:
    """What the steps inside a composite step became, by their ids; those that never began included."""
    if execution.inner is None:
        return {}
    ids = _ids_inside(graph.step_at(execution.path))
    known = {step_id: {"status": StepStatus.NOT_STARTED.value} for step_id in ids}
    return {**known, **inner_steps(execution)}


def _needed(graph: FlowGraph, execution: Execution, path: str) -> dict[str, Any]:
    """Of the step of a graph that `path` is in: what it needs, with the outputs."""
    step, branches = graph.step_at(execution.path), execution.branches
    if step.branch_needs is None or branches is None:
        return {}
    number = int(path.removeprefix(f"{execution.path}/").partition("/")[0])
    inside, found = _inside(graph, execution), {}
    for need in all_needs(step.branch_needs, number):
        (needed,) = step.list_of(need)
        for name in (*_ids_inside(needed), needed.id):
            found[name] = inside[name]
        if branches.outputs.holds(need):
            found[needed.id] = {**inside[needed.id], "output": branches.outputs.at(need)}
    return found


def _ids_inside(step: Step) -> Iterator[str]:
    for steps in step.lists if step.shows_steps else ():
        for inner in steps:
            yield from _ids_inside(inner)
            yield inner.id


def _artifacts(graph: FlowGraph, chain: list[Scope]) -> dict[str, Any]:
    """The reference's view of outputs: by tool name and by form id."""
    found: dict[str, Any] = {"tool": {}, "user_input": {}}
    for scope in chain:
        for execution in scope.executions.values():
            renderer = STEP_RENDERERS.get(execution.type)
            if execution.status is not StepStatus.COMPLETED or renderer is None:
                continue
            artifact = renderer.artifact(graph.step_at(execution.path), execution)
            if artifact is not None:
                names, values = artifact
                place = found
                for name in names:
                    place = place.setdefault(name, {})
                place.update(values)
    return found


def _add_items(
    graph: FlowGraph, state: RunState, scope_path: str, context: dict[str, Any], resolve: Resolve
) -> None:
    parts = scope_path.split("/")
    for end in range(2, len(parts) + 1, 2):
        loop_path, index = "/".join(parts[: end - 1]), int(parts[end - 1])
        step = graph.step_at(loop_path)
        if step.item_name is None:
            continue
        outer = scope_chain(state.root, scope_path_of(loop_path))[-1]
        loop = outer.executions[step.id]
        items = follow(loop.input["items"], resolve)
        context[step.item_name] = items[index]
        context["loop_index"] = index
