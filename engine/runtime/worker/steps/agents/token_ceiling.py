"""The ceiling of tokens of a run and of all that hangs together with it: what a question takes of it, and
what is said where there is no room. The journal holds it (`engine.journal.rules.spending.tokens`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.journal.rules.spending.tokens import OverTokenCeiling
from engine.machine.transition_builder import failure
from engine.models.blocks import CHARACTERS_A_TOKEN

if TYPE_CHECKING:
    from engine.machine.model.state import RunState
    from engine.models.conversation import ModelRequest
    from engine.runtime.worker.steps.calls.tool_call import CallSite

TOKENS_SETTING = "policies.max_tokens_per_run"
TOKENS_USED_UP = "run_token_budget_exceeded"
"""The reason of `budget_exhausted` at this ceiling."""


def input_tokens(request: ModelRequest) -> int:
    """An estimate: what a server makes of the texts only it knows."""
    told = sum(one.characters for one in request.messages) + sum(one.characters for one in request.tools)
    return 1 + told // CHARACTERS_A_TOKEN


async def all_used(site: CallSite, state: RunState) -> dict[str, Any] | None:
    """Why a program that asks models by itself may not begin: everything is used; None: something is left."""
    limit = site.flow.graph.limits.max_tokens
    if limit is None:
        return None
    used = state.counters.tokens_used if site.usage is None else (await site.usage()).tokens
    return used_up(OverTokenCeiling(limit, used, 0, 1, waits=False)) if used >= limit else None


def waits_for_tokens(found: OverTokenCeiling) -> str:
    """What is said where a question waits for others."""
    return (
        f"waits for other questions of the run to end: {TOKENS_SETTING} is {found.limit:,}, of which "
        f"{found.used:,} are used and {found.held:,} held for questions that have not ended; this one may "
        f"take {found.most:,}. What is held for a question whose process died is counted when its run goes "
        "on, or free when the time limit of that question is over"
    )


def used_up(found: OverTokenCeiling) -> dict[str, Any]:
    """The error of the step whose question is not put."""
    message = (
        f"the run may use {found.limit:,} tokens ({TOKENS_SETTING}), of which {found.used:,} are used; the "
        f"next question may take {found.most:,}; raise it, or bound answers (max_tokens of the model), and "
        "retry the run"
    )
    details = {"limit": found.limit, "used": found.used, "needed": found.most, "recoverable": False}
    return failure(StepErrorCode.BUDGET_EXHAUSTED, message, reason=TOKENS_USED_UP, **details)
