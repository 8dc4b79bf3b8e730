"""Handoffs as readers see them: to which packs a run may be handed off, and with which flows."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.layers.workflow import ContextTransfer
from engine.contracts.model import Contract
from engine.contracts.packs.pack import FlowView


class HandoffView(Contract):
    """A handoff that the pack of a run declares, as the run pinned it."""

    target: str
    conditions: tuple[str, ...]
    context_transfer: ContextTransfer
    flows: tuple[FlowView, ...] = Field(default=(), description="Flows of the target that can take over now.")
    reason: str | None = Field(default=None, description="Why none of them can.")
