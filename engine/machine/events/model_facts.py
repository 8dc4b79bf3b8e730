"""What asking a model used and cost, or why it was not asked; `step_id` is the path of the model's step."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.contracts.governing.budget import words_of_cap
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.placing import amend, execution_of, path_of
from engine.machine.model.state import Spent, find_execution, put_execution, scope_path_of

if TYPE_CHECKING:
    from engine.machine.model.state import RunState, Scope


@frozen
class ModelUsage(Fact):
    """A model, or another program's agent, answered or had begun to. A cost that is left out is unknown."""

    kind: ClassVar[str] = "model_usage"
    model: str = field(metadata=doc("its name in the settings"))
    provider: str = field(metadata=doc("who was asked"))
    asked: str = field(metadata=doc("what the model is called there"))
    prices: str = field(
        metadata=doc("digest of the prices then in force; empty where an agent tells its cost, or nobody")
    )
    input: int = field(default=0, metadata=doc("tokens, cached ones among them"))
    output: int = field(default=0, metadata=doc("tokens"))
    cached: int = field(default=0, metadata=doc("tokens of the input that the server had kept"))
    sent: int = field(default=0, metadata=doc("bytes of what it was told"))
    first_token_ms: int | None = field(
        default=None, metadata=doc("milliseconds from the question to the first piece of its answer")
    )
    took_ms: int | None = field(default=None, metadata=doc("the same to its end, or until it was given up"))
    why: str | None = field(default=None, metadata=doc("who named the model, and which were passed over"))
    cost: int | None = field(default=None, metadata=doc("billionths of a US dollar"))
    rates: list[int] | None = field(
        default=None, metadata=doc("billionths per million tokens: input, cached, output")
    )
    answered: str | None = field(default=None, metadata=doc("the model that says it answered, when another"))
    hold: str | None = field(default=None, metadata=doc("what was held for it, and is held no more"))
    over: bool = field(default=False, metadata=doc("it cost more than was held for it"))
    estimated: bool = field(default=False, metadata=doc("from the lengths of texts: the server told none"))
    partial: bool = field(default=False, metadata=doc("the answer did not come to its end"))
    lost: bool = field(
        default=False,
        metadata=doc("its worker was lost: cost and tokens are what was held for it, nobody knows more"),
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """The run has used more; where it stands stays the same."""
        counters = state.counters
        counters = replace(
            counters,
            tokens_used=counters.tokens_used + self.input + self.output,
            cost=counters.cost + (self.cost or 0),
            unpriced=counters.unpriced + (self.cost is None),
        )
        return replace(state, counters=counters, root=self._of_agent(state.root, path_of(event)))

    def _of_agent(self, root: Scope, path: str) -> Scope:
        """The agent or plan whose turn it was knows what it has used."""
        turn = scope_path_of(path)
        agent = find_execution(root, scope_path_of(turn)) if turn else None
        if agent is None:
            return root
        before = agent.spent or Spent()
        spent = Spent(
            before.tokens + self.input + self.output,
            before.cost + (self.cost or 0),
            before.unpriced + (self.cost is None),
        )
        return put_execution(root, replace(agent, spent=spent))


@frozen
class CallHeldBack(Fact):
    """A model was not asked: a soft cap is reached, at which runs wait for a person's word, or end by it."""

    kind: ClassVar[str] = "model_call_held_back"
    cap: dict[str, Any] = field(metadata=doc("the cap: scope, tenant, name, window, soft"))
    stop: bool = field(default=False, metadata=doc("a person said that runs end there"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It waits; when the run is resumed the same attempt is made."""
        attempt, cap = execution_of(state, event).attempt - 1, self.cap
        changed = amend(state, event, retry_at=event.ts, attempt=attempt)
        held_at = words_of_cap(cap["scope"], cap["name"], cap["window"])
        return changed if self.stop else replace(changed, held_at=held_at)
