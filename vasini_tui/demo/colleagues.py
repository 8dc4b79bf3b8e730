"""Colleagues of the demonstration: they decide and answer, and leave the newest requests to the operator."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import Actor
from engine.errors import VasiniError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.runs.request import ApprovalView, FormView
    from engine.facade.engine import Engine

_NAMES = ("mara", "jonas", "aiko")
_COMMENTS = ("not today", "the numbers do not add up, please look again", "wrong target")
_REJECTED = 0.15
_CLAIMED = 0.2


@dataclass(slots=True)
class Colleagues:
    """Every `pace` seconds one request is decided when more than `left` wait; the oldest first."""

    engine: Engine
    pace: float = 4.0
    left: int = 4
    chance: random.Random = field(default_factory=random.Random)

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(self.pace * self.chance.uniform(0.5, 1.5))
            # The operator may have been quicker, or the run was cancelled.
            with suppress(VasiniError):
                await self._decide()
            with suppress(VasiniError):
                await self._answer()

    async def _decide(self) -> None:
        waiting = (await self.engine.requests.approvals()).items
        actor = Actor(name=self.chance.choice(_NAMES), via="demo")
        free = [view for view in waiting if view.claimed_by in (None, actor.name)]
        if free and self.chance.random() < _CLAIMED:
            await self.engine.requests.claim(self.chance.choice(free).approval_id, actor=actor)
        elif len(waiting) > self.left and free:
            await self._decide_one(free[0], actor)

    async def _decide_one(self, view: ApprovalView, actor: Actor) -> None:
        requests = self.engine.requests
        if self.chance.random() < _REJECTED:
            comment = self.chance.choice(_COMMENTS)
            await requests.reject(view.approval_id, actor=actor, comment=comment, digest=view.digest)
        else:
            await requests.approve(view.approval_id, actor=actor, digest=view.digest)

    async def _answer(self) -> None:
        waiting = (await self.engine.requests.forms()).items
        if len(waiting) <= self.left:
            return
        actor = Actor(name=self.chance.choice(_NAMES), via="demo")
        await self.engine.requests.answer(waiting[0].request_id, self._values(waiting[0]), actor=actor)

    def _values(self, form: FormView) -> dict[str, Any]:
        """An answer: one of the choices, else the default, else a word."""
        properties = form.json_schema.get("properties", {})
        return {name: self._value(part) for name, part in properties.items()}

    def _value(self, part: Mapping[str, Any]) -> Any:
        if part.get("enum"):
            return self.chance.choice(part["enum"])
        if part.get("type") == "object":
            return {name: self._value(inner) for name, inner in part.get("properties", {}).items()}
        return part.get("default", "looked at it")
