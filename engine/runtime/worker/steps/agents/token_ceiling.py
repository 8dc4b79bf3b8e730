"""The ceiling of tokens of a run and of all that hangs together with it: what may pass it is not asked."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.machine.transition_builder import failure
from engine.models.blocks import CHARACTERS_A_TOKEN
from engine.runtime.worker.steps.agents.paying import BudgetExhausted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.machine.model.state import RunState
    from engine.models.conversation import ModelRequest
    from engine.runtime.worker.steps.calls.tool_call import CallSite

TOKENS_SETTING = "policies.max_tokens_per_run"
TOKENS_USED_UP = "run_token_budget_exceeded"
"""The reason of `budget_exhausted` at this ceiling."""
HELD_TREES = 1_000


@dataclass(slots=True)
class _Tree:
    """Runs that count together. `used` is what is known here, also of answers that are not committed yet."""

    used: int = 0
    under_way: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a question has ended; then there is another one."""


@dataclass(slots=True)
class Share:
    """The room that one question takes below the ceiling."""

    _tree: _Tree
    _limit: int
    _answer_tokens: int
    _taken: int = 0

    async def take(self, request: ModelRequest, told: Callable[[str], Awaitable[None]]) -> ModelRequest:
        """What is asked, its answer bounded: waits while questions under way may leave room, as `told` hears.

        Raises BudgetExhausted.
        """
        bound, tree = request.max_tokens or self._answer_tokens, self._tree
        most, waits = _input_tokens(request) + bound, False
        while tree.used + tree.under_way + most > self._limit:
            if tree.used + most > self._limit:
                raise BudgetExhausted(_used_up(self._limit, tree.used, most))
            ended = tree.ended
            if not waits:
                waits = True
                await told(
                    f"waits for other questions of the run to end: {TOKENS_SETTING} is {self._limit:,}"
                )
            await ended.wait()
        self._taken = most
        tree.under_way += most
        return replace(request, max_tokens=bound)

    def end(self, usage: Mapping[str, Any] | None) -> None:
        """The question has ended, and used so much (the payload of `model_usage`)."""
        tree, spent = self._tree, usage or {}
        tree.under_way -= self._taken
        tree.used += spent.get("input", 0) + spent.get("output", 0)
        tree.ended.set()
        tree.ended = asyncio.Event()


class TokenCeilings:
    """Counts what questions use that are put in this process. `answer_tokens` bounds an answer that nothing
    else bounds."""

    def __init__(self, answer_tokens: int) -> None:
        self._answer_tokens = answer_tokens
        self._trees: OrderedDict[str, _Tree] = OrderedDict()

    async def share(self, site: CallSite, state: RunState) -> Share | None:
        """The share of a question that the run puts; None where there is no ceiling."""
        limit = site.flow.graph.limits.max_tokens
        if limit is None:
            return None
        return Share(await self._counted(site, state), limit, self._answer_tokens)

    async def require_room(self, site: CallSite, state: RunState) -> None:
        """Before a program begins that asks models by itself: raises BudgetExhausted where all is used."""
        limit = site.flow.graph.limits.max_tokens
        if limit is None:
            return
        used = (await self._counted(site, state)).used
        if used >= limit:
            raise BudgetExhausted(_used_up(limit, used, 1))

    async def _counted(self, site: CallSite, state: RunState) -> _Tree:
        used = state.counters.tokens_used if site.usage is None else (await site.usage()).tokens
        tree = self._trees.setdefault(site.outermost, _Tree())
        tree.used = max(tree.used, used)
        self._trees.move_to_end(site.outermost)
        while len(self._trees) > HELD_TREES and not next(iter(self._trees.values())).under_way:
            self._trees.popitem(last=False)
        return tree


def _input_tokens(request: ModelRequest) -> int:
    """An estimate: what a server makes of the texts only it knows."""
    told = sum(one.characters for one in request.messages) + sum(one.characters for one in request.tools)
    return 1 + told // CHARACTERS_A_TOKEN


def _used_up(limit: int, used: int, most: int) -> dict[str, Any]:
    message = (
        f"the run may use {limit:,} tokens ({TOKENS_SETTING}), of which {used:,} are used; the next question "
        f"may take {most:,}; raise it, or bound answers (max_tokens of the model), and retry the run"
    )
    details = {"limit": limit, "used": used, "needed": most, "recoverable": False}
    return failure(StepErrorCode.BUDGET_EXHAUSTED, message, reason=TOKENS_USED_UP, **details)
