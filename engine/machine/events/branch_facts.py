"""What happens to the branches of a composite step; `step_id` is the branch's path (`scan/2`)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import InvalidTransition
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Record, doc
from engine.machine.events.placing import path_of
from engine.machine.model.inner_steps import steps_in
from engine.machine.model.state import ScopeStatus, find_execution, find_scope, put_execution, put_scope

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


@frozen
class BranchCompleted(Fact):
    """A branch or item reached its end; only its output is kept."""

    kind: ClassVar[str] = "branch_completed"

    def apply(self, state: RunState, event: Event) -> RunState:
        """The branch is collapsed to its output."""
        parent_path, _, index_text = path_of(event).rpartition("/")
        parent = find_execution(state.root, parent_path)
        if parent is None or parent.branches is None:
            raise InvalidTransition(f"{event.kind}: there is no execution {parent_path}")
        index, branches = int(index_text), parent.branches
        children = {key: child for key, child in branches.children.items() if key != index}
        outputs = branches.outputs.put(index, branches.children[index].output)
        asked = {key: call for key, call in branches.asked.items() if key != index}
        inner = parent.inner
        if inner is not None:
            inner = {**inner, **steps_in(branches.children[index])}
        branches = replace(branches, children=children, outputs=outputs, asked=asked)
        done = replace(parent, branches=branches, inner=inner)
        return replace(state, root=put_execution(state.root, done))


@frozen
class BranchFailed(Record):
    """A branch ended badly; its failed step has changed the state already."""

    kind: ClassVar[str] = "branch_failed"
    error: dict[str, Any] = field(metadata=doc("code, message, details, step_id"))


@frozen
class BranchCancelled(Fact):
    """A branch was given up."""

    kind: ClassVar[str] = "branch_cancelled"
    reason: str = field(metadata=doc("why"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is worked no more."""
        path = path_of(event)
        scope = find_scope(state.root, path)
        if scope is None:
            raise InvalidTransition(f"{event.kind}: there is no branch {path}")
        return replace(state, root=put_scope(state.root, path, replace(scope, status=ScopeStatus.CANCELLED)))
