"""What policy says of a start: of a run that somebody asks for, and of one that a step starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.governance.pipeline import Point, Subject, Verdict, characters_of, check
from engine.machine.model.graph import walk_steps
from engine.values import canonical_json

if TYPE_CHECKING:
    from engine.contracts.flows.flow import FlowDef
    from engine.contracts.layers.guardrails import Guardrails
    from engine.governance.policies import Policies


def start_verdict(policies: Policies, guardrails: Guardrails | None, flow: FlowDef, payload: Any) -> Verdict:
    """The strictest word on starting the flow with this payload. Raises ValueError, TypeError, RecursionError
    for one that is no JSON."""
    subject = Subject(
        size_bytes=len(canonical_json(payload)),
        characters=characters_of(payload),
        max_characters=guardrails.input.max_length if guardrails is not None else None,
        steps=sum(1 for _ in walk_steps(flow.outermost)),
        autonomy=flow.autonomy_level,
    )
    return check(Point.START, subject, policies)
