"""State, inputs and events to JSON and back; versioned, so that another host can run the same machine."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from engine.contracts.status import CancelMode, StepStatus
from engine.machine.model import inputs
from engine.machine.model.state import (
    STATE_VERSION,
    Branches,
    Counters,
    Ending,
    Execution,
    Outputs,
    Phase,
    RunState,
    Scope,
    ScopeStatus,
    Spent,
)

_WHEN_WORKED = "set_back"
"""Known only when the input is worked."""

_INPUTS: dict[str, type[inputs.Input]] = {
    kind.__name__: kind
    for kind in (
        inputs.RequestDecided,
        inputs.FormSubmitted,
        inputs.OutcomeDecided,
        inputs.TimerFired,
        inputs.ChildEnded,
        inputs.Pause,
        inputs.Resume,
        inputs.Cancel,
        inputs.Retry,
        inputs.Narrow,
        inputs.Tell,
    )
}


def state_to_json(state: RunState) -> dict[str, Any]:
    """A JSON object; fields at their defaults are left out."""
    return {"version": STATE_VERSION, **_dump(state)}


def state_from_json(data: dict[str, Any]) -> RunState:
    """The inverse of `state_to_json`. Raises ValueError for another version."""
    version: Any = data.get("version")
    if version not in range(1, STATE_VERSION + 1):
        raise ValueError(f"state version {version!r} is not {STATE_VERSION}")
    values = {key: value for key, value in data.items() if key != "version"}
    if version == 1:
        values["root"] = _scope_of_version_1(values["root"])
    if version <= 2:
        values["root"] = _scope_of_version_2(values["root"])
    values["phase"] = Phase(values["phase"])
    values["root"] = _scope(values["root"])
    if "cancel" in values:
        values["cancel"] = CancelMode(values["cancel"])
    if "ending" in values:
        values["ending"] = Ending(**values["ending"])
    values["counters"] = Counters(**values.get("counters", {}))
    return RunState(**values)


def input_to_json(given: inputs.Input) -> dict[str, Any]:
    """An input as it lies in the mailbox."""
    return {
        "type": type(given).__name__,
        **{field.name: getattr(given, field.name) for field in fields(given) if field.name != _WHEN_WORKED},
    }


def input_from_json(data: dict[str, Any]) -> inputs.Input:
    """The inverse of `input_to_json`."""
    values = dict(data)
    kind = _INPUTS[values.pop("type")]
    if "mode" in values:
        values["mode"] = CancelMode(values["mode"])
    return kind(**values)


def _dump(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    return {
        name: _plain(item)
        for name, default in _defaults(kind)
        if (item := getattr(value, name)) is not default and (default is not MISSING or item not in _EMPTY)
    }


@cache
def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """The fields of a class with their defaults, MISSING where they are made anew for each object."""
    return tuple((field.name, field.default) for field in fields(kind))


_EMPTY: tuple[object, ...] = ({}, Counters(), Outputs())


def _plain(value: Any) -> Any:
    if isinstance(value, Outputs):
        pairs = ((index, output) for block in value.blocks.values() for index, output in block.items())
        return {str(index): output for index, output in pairs}
    if isinstance(value, Scope | Execution | Counters | Branches | Ending | Spent):
        return _dump(value)
    if isinstance(value, dict) and value and isinstance(next(iter(value.values())), Scope | Execution):
        return {str(key): _dump(item) for key, item in value.items()}
    return value


def _scope(data: dict[str, Any]) -> Scope:
    values = dict(data)
    if "status" in values:
        values["status"] = ScopeStatus(values["status"])
    values["executions"] = {key: _execution(item) for key, item in values.get("executions", {}).items()}
    return Scope(**values)


def _execution(data: dict[str, Any]) -> Execution:
    values = dict(data)
    values["status"] = StepStatus(values["status"])
    if "branches" in values:
        values["branches"] = _branches(values["branches"])
    if "spent" in values:
        values["spent"] = Spent(**values["spent"])
    return Execution(**values)


def _scope_of_version_1(scope: dict[str, Any]) -> dict[str, Any]:
    """The first version left it to the reader which types call tools, and which have branches."""
    executions = scope.get("executions", {})
    return {**scope, "executions": {key: _execution_of_version_1(item) for key, item in executions.items()}}


def _execution_of_version_1(execution: dict[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in execution.items() if key not in _BRANCHES_OF_VERSION_1}
    if execution["type"] == "tool":
        values["call"] = True
    if execution["type"] in {"parallel", "for_each"} and execution["status"] != StepStatus.COMPLETED:
        values["branches"] = {key: execution[key] for key in _BRANCHES_OF_VERSION_1 if key in execution}
        children = execution.get("children", {})
        values["branches"]["children"] = {key: _scope_of_version_1(item) for key, item in children.items()}
    return values


def _scope_of_version_2(scope: dict[str, Any]) -> dict[str, Any]:
    """The second version had one name for an execution's path and for the flow's name of its step."""
    executions = scope.get("executions", {})
    return {**scope, "executions": {key: _execution_of_version_2(item) for key, item in executions.items()}}


def _execution_of_version_2(execution: dict[str, Any]) -> dict[str, Any]:
    values = {("step" if key == "step_id" else key): value for key, value in execution.items()}
    if "branches" in values:
        children = values["branches"].get("children", {})
        below = {key: _scope_of_version_2(item) for key, item in children.items()}
        values["branches"] = {**values["branches"], "children": below}
    return values


_BRANCHES_OF_VERSION_1 = ("total", "children", "outputs", "next_index")


def _branches(data: dict[str, Any]) -> Branches:
    values = dict(data)
    values["children"] = {int(key): _scope(item) for key, item in values.get("children", {}).items()}
    if "asked" in values:
        values["asked"] = {int(key): call for key, call in values["asked"].items()}
    values["outputs"] = Outputs.of((int(key), item) for key, item in values.get("outputs", {}).items())
    return Branches(**values)
