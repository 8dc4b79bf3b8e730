"""What happens to a plan beside its steps; `step_id` is the path of the `plan_proposal` step."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Record, Upgrade, doc
from engine.machine.events.placing import path_of, scope_around, with_turns
from engine.machine.model.state import put_scope, step_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.state import RunState


@frozen
class PlanProposed(Record):
    """A plan fits, and a person is asked to decide on it."""

    kind: ClassVar[str] = "plan_proposed"
    plan: dict[str, Any] = field(
        metadata=doc(
            "`summary` (its beginning), `steps_count`, `step_ids` (the first 10), `required_tools`, "
            "`approvals_count`, `estimated_cost`"
        )
    )


@frozen
class PlanValidationFailed(Fact):
    """A model proposed what is no plan, or one that cannot be: it is told, or has been told often enough."""

    kind: ClassVar[str] = "plan_validation_failed"
    errors: list[str] = field(metadata=doc("what does not fit, ten at the most"))
    turns: int | None = field(default=None, metadata=doc("turns there are now; none: it is asked no more"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The plan has a turn more to work through, unless this was the last one."""
        return state if self.turns is None else with_turns(state, event, self.turns)


@frozen
class RunReplanStarted(Fact):
    """A person rejected a plan, or an approval behind one: the model is told why, and proposes another."""

    kind: ClassVar[str] = "run_replan_started"
    version: ClassVar[int] = 2
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: dict}
    replan: int = field(metadata=doc("number of the plan that follows the first one"))
    turns: int | None = field(default=None, metadata=doc("turns there are now, where the plan was rejected"))
    approval_id: str | None = field(default=None, metadata=doc("id of the request that was rejected"))
    plan: str | None = field(
        default=None, metadata=doc("path of the plan that follows, where an approval behind it was rejected")
    )
    rejected: str | None = field(default=None, metadata=doc("path of that approval"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The plan has a turn more to work through; or its list knows which one follows it, and why."""
        if self.turns is not None:
            return with_turns(state, event, self.turns)
        scope, step = scope_around(state, event), step_of(path_of(event))
        approval = step_of(self.rejected or "")
        noted = {
            "count": self.replan,
            "path": self.plan,
            "output": scope.executions[step].output,
            "step": approval,
            "said": (scope.executions[approval].error or {}).get("message", ""),
        }
        changed = replace(scope, replans={**scope.replans, step: noted})
        return replace(state, root=put_scope(state.root, scope.path, changed))
