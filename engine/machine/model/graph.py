"""A flow as the machine walks it: lists of steps, where jumps land, which step gates which."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from engine.contracts.flows.flow import FINALLY, FINALLY_SECONDS, ParallelStep
from engine.frozen import frozen
from engine.machine.model.state import scope_path_of, segments, step_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.flows.flow import FlowDef
    from engine.contracts.flows.step import Step

HELD_PATHS = 10_000
"""Paths whose definition is remembered; the same ones come again in every run."""


@frozen
class StepList:
    """One list of steps with its index by id and its gates (gated step id -> approval)."""

    steps: tuple[Step, ...]
    position: dict[str, int]
    gated_by: dict[str, str]
    closing: Step | None = None
    """What runs after the list has ended: it stands behind its end, where only the end of the run leads."""

    @property
    def end(self) -> int:
        """The index at which the list is over."""
        return len(self.steps)

    def at(self, index: int) -> Step | None:
        """The step of that index; None at the end."""
        steps = self.steps
        if index < len(steps):
            return steps[index]
        return self.closing if index == len(steps) + 1 else None

    def named(self, step: str) -> Step:
        """The step of that id. Raises KeyError."""
        found = self.at(self.position[step])
        if found is None:
            raise KeyError(step)
        return found

    @classmethod
    def of(cls, steps: Sequence[Step], closing: Step | None = None) -> StepList:
        """Index a list of steps."""
        position = {step.id: index for index, step in enumerate(steps)}
        gated: dict[str, str] = {}
        for index, step in enumerate(steps):
            target = step.gated_id(steps[index + 1].id if index + 1 < len(steps) else None)
            if target is not None and steps[position[target]].acts():
                gated[target] = step.id
        if closing is not None:
            position[closing.id] = len(steps) + 1
        return cls(tuple(steps), position, gated, closing)


@frozen
class RunLimits:
    """Ceilings a run is held to; None is no ceiling."""

    max_steps: int | None = None
    max_tool_calls: int | None = None
    max_tokens: int | None = None
    calls_at_once: int | None = None
    steps_setting: str = "policies.max_steps"
    calls_setting: str = "policies.max_tool_calls"

    @property
    def any(self) -> bool:
        """Whether there is a ceiling on what is counted."""
        return (self.max_steps, self.max_tool_calls, self.max_tokens) != (None, None, None)

    def narrowed(self, other: RunLimits) -> RunLimits:
        """The smaller ceiling of each kind, with the name it has."""
        steps, calls = self, self
        if other.max_steps is not None and (self.max_steps is None or other.max_steps < self.max_steps):
            steps = other
        if other.max_tool_calls is not None and (
            self.max_tool_calls is None or other.max_tool_calls < self.max_tool_calls
        ):
            calls = other
        return RunLimits(
            steps.max_steps,
            calls.max_tool_calls,
            min((one.max_tokens for one in (self, other) if one.max_tokens is not None), default=None),
            min((limits.calls_at_once for limits in (self, other) if limits.calls_at_once), default=None),
            steps.steps_setting,
            calls.calls_setting,
        )


@frozen
class FlowGraph:
    """A flow with its step lists found by scope path."""

    flow: FlowDef
    limits: RunLimits = field(default_factory=RunLimits)
    uses_artifacts: bool = True
    _lists: dict[str, StepList] = field(default_factory=dict)
    _scopes: dict[str, StepList] = field(default_factory=dict)
    _steps: dict[str, Step] = field(default_factory=dict)
    _every: list[Step] = field(default_factory=list)

    @property
    def every_step(self) -> Sequence[Step]:
        """All steps, outer ones before those inside them."""
        if not self._every:
            self._every.extend(walk_steps(self.flow.outermost))
        return self._every

    def steps_of(self, scope_path: str) -> StepList:
        """The step list of a scope; item scopes of one for_each share theirs."""
        try:
            return self._scopes[scope_path]
        except KeyError:
            found = self._found(scope_path) if scope_path else self._root()
        if len(self._scopes) < HELD_PATHS:
            self._scopes[scope_path] = found
        return found

    def _found(self, scope_path: str) -> StepList:
        parts = segments(scope_path)
        steps: Sequence[Step] = self.flow.steps
        if self.flow.finally_:
            steps = (*steps, self._root().named(FINALLY))
        key = ""
        for name, index in zip(parts[::2], parts[1::2], strict=True):
            own_id = name.partition("~")[0]
            step = next(step for step in steps if step.id == own_id)
            steps = step.list_of(int(index))
            number = next(n for n, one in enumerate(step.lists) if one is steps)
            key = f"{key}/{own_id}/{number}"
        return self._cached(key, steps)

    def step_at(self, path: str) -> Step:
        """The definition of the execution at `path`."""
        try:
            return self._steps[path]
        except KeyError:
            found = self.steps_of(scope_path_of(path)).named(step_of(path))
        if len(self._steps) < HELD_PATHS:
            self._steps[path] = found
        return found

    def _root(self) -> StepList:
        found = self._lists.get("")
        if found is None:
            found = self._lists[""] = StepList.of(self.flow.steps, _closing(self.flow))
        return found

    def _cached(self, key: str, steps: Sequence[Step]) -> StepList:
        found = self._lists.get(key)
        if found is None:
            found = self._lists[key] = StepList.of(steps)
        return found


def walk_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step of a flow, outer ones before those inside them."""
    for step in steps:
        yield step
        for inner in step.lists:
            yield from walk_steps(inner)


def _closing(flow: FlowDef) -> Step | None:
    """The step that holds what runs however the run ends: one list of steps, bounded in time."""
    if not flow.finally_:
        return None
    return ParallelStep.model_construct(
        type="parallel", id=FINALLY, name=FINALLY, branches=(flow.finally_,), timeout=FINALLY_SECONDS
    )
