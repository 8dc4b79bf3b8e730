"""The one policy pipeline: at every point every rule has its say, and the strictest verdict holds.

A rule is a pure function of what is judged and the policies in force. DENY beats PENDING_APPROVAL beats
ALLOW; of equals the first names the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.contracts.status import AutonomyLevel, Effects, Risk
from engine.frozen import frozen, frozen_by_name
from engine.governance.policies import tool_key

if TYPE_CHECKING:
    from engine.governance.policies import Policies
    from engine.governance.tools_layer import ToolsLayer


class Point(StrEnum):
    """Where a run is judged, in run order."""

    START = "start"
    TOOL_CALL = "before_tool_call"
    FORM = "before_form_submission"
    OUTPUT = "run_output"
    AGENT_START = "agent_start"
    MODEL_CALL = "before_model_call"
    MODEL_ANSWER = "after_model_call"
    TOOL_RESULT = "after_tool_call"
    AGENT_OUTPUT = "agent_output"


class Outcome(StrEnum):
    """What may come of it, the strictest last."""

    ALLOW = "ALLOW"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    DENY = "DENY"


class Reason(StrEnum):
    """Why; a closed set."""

    ALLOWED = "allowed"
    PAYLOAD_TOO_LARGE = "payload_limit_exceeded"
    ANSWER_TOO_LARGE = "user_input_payload_limit_exceeded"
    OUTPUT_TOO_LARGE = "output_payload_limit_exceeded"
    INPUT_TOO_LONG = "input_too_long"
    MAX_STEPS = "max_steps_exceeded"
    FULL_AUTONOMY = "full_autonomy_disabled"
    TOOL_BLOCKED = "tool_blocked"
    TOOL_NOT_ALLOWED = "tool_not_in_allowlist"
    TOOL_DENIED_BY_PACK = "tool_denied_by_pack"
    TOOL_NOT_OFFERED = "tool_not_offered_by_pack"
    TOOL_NEEDS_APPROVAL = "tool_requires_approval"
    TOOL_ASKS = "tool_always_asks"
    SUGGEST_ONLY = "suggest_only"
    TOOL_RISK = "tool_risk"
    AUTONOMOUS_STEPS = "autonomous_steps_exceeded"
    OUTPUT_TOO_LONG = "output_too_long"
    TOOL_AUDITED = "tool_audited"
    HOOK_VETO = "hook_veto"
    OPERATOR_HOOK_VETO = "operator_hook_veto"
    PLAN_ASKS = "plan_asks"
    CALL_CHANGED = "call_changed"
    MODEL_BLOCKED = "model_blocked"
    MODEL_NOT_ALLOWED = "model_not_in_allowlist"
    MODEL_NOT_OF_TENANT = "model_not_of_tenant"


RULE_OF: Mapping[Reason, str] = {
    Reason.ALLOWED: "",
    Reason.PAYLOAD_TOO_LARGE: "policies.max_payload_bytes",
    Reason.ANSWER_TOO_LARGE: "policies.max_payload_bytes",
    Reason.OUTPUT_TOO_LARGE: "policies.max_payload_bytes",
    Reason.INPUT_TOO_LONG: "guardrails.input.max_length",
    Reason.MAX_STEPS: "policies.max_steps",
    Reason.FULL_AUTONOMY: "policies.allow_full_autonomy",
    Reason.TOOL_BLOCKED: "policies.blocked_tools",
    Reason.TOOL_NOT_ALLOWED: "policies.allowed_tools",
    Reason.TOOL_DENIED_BY_PACK: "tools.denied",
    Reason.TOOL_NOT_OFFERED: "tools.available",
    Reason.TOOL_NEEDS_APPROVAL: "tools.available[].requires_approval",
    Reason.TOOL_ASKS: "tool",
    Reason.SUGGEST_ONLY: "autonomy_level",
    Reason.TOOL_RISK: "risk_level",
    Reason.AUTONOMOUS_STEPS: "guardrails.behavioral.max_autonomous_steps",
    Reason.OUTPUT_TOO_LONG: "guardrails.output.max_length",
    Reason.TOOL_AUDITED: "tools.available[].audit",
    Reason.HOOK_VETO: "guardrails.hooks",
    Reason.OPERATOR_HOOK_VETO: "policies.hooks",
    Reason.PLAN_ASKS: "plan_proposal",
    Reason.CALL_CHANGED: "approval",
    Reason.MODEL_BLOCKED: "policies.blocked_models",
    Reason.MODEL_NOT_ALLOWED: "policies.allowed_models",
    Reason.MODEL_NOT_OF_TENANT: "models.tenant_tiers",
}
"""The rule of every reason, by the setting or the field of a pack that it reads."""


@frozen
class Verdict:
    """What holds at a point. `message` is for a person, `details` for programs."""

    outcome: Outcome
    reason: Reason
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The setting or field that the rule reads."""
        return RULE_OF[self.reason]

    def record(self, point: Point, **about: str) -> dict[str, Any]:
        """What the run's history keeps of it; `about` names what was judged."""
        return {
            "point": point.value,
            "verdict": self.outcome.value,
            "rule": self.rule,
            "reason": self.reason.value,
            "details": dict(self.details),
            **about,
        }

    @property
    def denied(self) -> bool:
        """Whether it may not be done at all."""
        return self.outcome is Outcome.DENY


@frozen_by_name
class Subject:
    """What is judged; a point fills in what it knows. Sizes in bytes, `characters` of all texts together.

    `max_characters` is what the pack's guardrails allow, None without them. `autonomous` counts calls since
    a person last decided something in this run. `effects` is what the tool says that a call leaves behind,
    `asks` that a person approves each one. `risk` is that of a call which a model chose, None of one that the
    flow's author wrote: what comes before that the author says.
    """

    tool: str = ""
    effects: Effects = Effects.LOCAL
    asks: bool = False
    risk: Risk | None = None
    layer: ToolsLayer | None = None
    size_bytes: int = 0
    characters: int = 0
    max_characters: int | None = None
    steps: int = 0
    autonomy: AutonomyLevel = AutonomyLevel.SEMI_AUTO
    autonomous: int = 0
    max_autonomous: int | None = None


Rule = Callable[[Subject, "Policies"], Verdict | None]
ALLOWED = Verdict(Outcome.ALLOW, Reason.ALLOWED)
_STRICTNESS = {outcome: place for place, outcome in enumerate(Outcome)}


def check(point: Point, subject: Subject, policies: Policies) -> Verdict:
    """The verdict of all rules of `point`."""
    return strictest(RULES[point], subject, policies)


def strictest(rules: Iterable[Rule], subject: Subject, policies: Policies) -> Verdict:
    """The strictest verdict of `rules`; of equals the first."""
    found = ALLOWED
    for rule in rules:
        verdict = rule(subject, policies)
        if verdict is not None and _STRICTNESS[verdict.outcome] > _STRICTNESS[found.outcome]:
            found = verdict
    return found


def _deny(reason: Reason, message: str, **details: Any) -> Verdict:
    return Verdict(Outcome.DENY, reason, message, details)


def _ask(reason: Reason, message: str, **details: Any) -> Verdict:
    return Verdict(Outcome.PENDING_APPROVAL, reason, message, details)


def _size(what: str, reason: Reason) -> Rule:
    def rule(subject: Subject, policies: Policies) -> Verdict | None:
        limit = policies.max_payload_bytes
        if subject.size_bytes <= limit:
            return None
        message = (
            f"{what} has {subject.size_bytes} bytes, at most {limit} are taken (policies.max_payload_bytes)"
        )
        return _deny(reason, message, size_bytes=subject.size_bytes, limit_bytes=limit)

    return rule


def _length(what: str, reason: Reason, field_name: str) -> Rule:
    def rule(subject: Subject, _policies: Policies) -> Verdict | None:
        limit = subject.max_characters
        if limit is None or subject.characters <= limit:
            return None
        message = (
            f"{what} has {subject.characters} characters, the pack's guardrails take {limit} ({field_name})"
        )
        return _deny(reason, message, characters=subject.characters, limit=limit)

    return rule


def _steps(subject: Subject, policies: Policies) -> Verdict | None:
    limit = policies.max_steps
    if limit is None or subject.steps <= limit:
        return None
    message = f"the flow has {subject.steps} steps, the policy allows {limit} (policies.max_steps)"
    return _deny(Reason.MAX_STEPS, message, step_count=subject.steps, limit=limit)


def _autonomy(subject: Subject, policies: Policies) -> Verdict | None:
    if (
        not policies.enforce
        or policies.allow_full_autonomy
        or subject.autonomy is not AutonomyLevel.FULL_AUTO
    ):
        return None
    message = "the flow is full_auto; set policies.allow_full_autonomy to allow it"
    return _deny(Reason.FULL_AUTONOMY, message, autonomy_level=subject.autonomy.value)


def _blocked(subject: Subject, policies: Policies) -> Verdict | None:
    blocked = policies.blocked_tools
    if not policies.enforce or not blocked or tool_key(subject.tool) not in blocked:
        return None
    message = f"the tool {subject.tool} is blocked (policies.blocked_tools)"
    return _deny(Reason.TOOL_BLOCKED, message, tool=subject.tool)


def _not_allowed(subject: Subject, policies: Policies) -> Verdict | None:
    allowed = policies.allowed_tools
    if not policies.enforce or not allowed or tool_key(subject.tool) in allowed:
        return None
    message = f"the tool {subject.tool} is not among those that are allowed (policies.allowed_tools)"
    return _deny(Reason.TOOL_NOT_ALLOWED, message, tool=subject.tool)


def _denied_by_pack(subject: Subject, _policies: Policies) -> Verdict | None:
    if subject.layer is None or tool_key(subject.tool) not in subject.layer.denied:
        return None
    message = f"the pack's tools layer denies {subject.tool} (tools.denied)"
    return _deny(Reason.TOOL_DENIED_BY_PACK, message, tool=subject.tool)


def _not_offered(subject: Subject, _policies: Policies) -> Verdict | None:
    layer = subject.layer
    if layer is None or layer.offered is None or layer.bounds(subject.tool) is not None:
        return None
    message = f"the pack's tools layer does not offer {subject.tool} (tools.available)"
    return _deny(Reason.TOOL_NOT_OFFERED, message, tool=subject.tool)


def _needs_approval(subject: Subject, _policies: Policies) -> Verdict | None:
    bounds = subject.layer.bounds(subject.tool) if subject.layer is not None else None
    if bounds is None or not bounds.requires_approval:
        return None
    message = f"the pack's tools layer wants each call of {subject.tool} approved"
    return _ask(Reason.TOOL_NEEDS_APPROVAL, message, tool=subject.tool)


def _tool_asks(subject: Subject, _policies: Policies) -> Verdict | None:
    if not subject.asks:
        return None
    return _ask(Reason.TOOL_ASKS, f"a person approves each call of {subject.tool}", tool=subject.tool)


def _suggest_only(subject: Subject, policies: Policies) -> Verdict | None:
    if (
        not policies.enforce
        or subject.autonomy is not AutonomyLevel.SUGGEST_ONLY
        or subject.effects is Effects.NONE
    ):
        return None
    message = f"the flow is suggest_only, and {subject.tool} does not only read"
    return _ask(Reason.SUGGEST_ONLY, message, tool=subject.tool, effects=subject.effects.value)


def _risky(subject: Subject, policies: Policies) -> Verdict | None:
    risk = subject.risk
    if (
        not policies.enforce
        or subject.autonomy is not AutonomyLevel.SEMI_AUTO
        or risk not in (Risk.HIGH, Risk.CRITICAL)
    ):
        return None
    message = f"a model chose to call {subject.tool}, whose risk is {risk.value}"
    return _ask(Reason.TOOL_RISK, message, tool=subject.tool, risk=risk.value)


def _autonomous_steps(subject: Subject, _policies: Policies) -> Verdict | None:
    limit = subject.max_autonomous
    if limit is None or subject.autonomous < limit:
        return None
    message = (
        f"the run has made {subject.autonomous} calls since a person last decided; the pack's guardrails "
        f"allow {limit} (behavioral.max_autonomous_steps)"
    )
    return _ask(Reason.AUTONOMOUS_STEPS, message, used=subject.autonomous, limit=limit)


_OF_AGENTS = (Point.AGENT_START, Point.MODEL_CALL, Point.MODEL_ANSWER, Point.TOOL_RESULT, Point.AGENT_OUTPUT)
"""Where only the hooks of packs look (hooks.py)."""
RULES: Mapping[Point, tuple[Rule, ...]] = {
    Point.START: (
        _size("the payload", Reason.PAYLOAD_TOO_LARGE),
        _steps,
        _autonomy,
        _length("the payload", Reason.INPUT_TOO_LONG, "input.max_length"),
    ),
    Point.TOOL_CALL: (
        _blocked,
        _not_allowed,
        _denied_by_pack,
        _not_offered,
        _needs_approval,
        _tool_asks,
        _suggest_only,
        _risky,
        _autonomous_steps,
    ),
    **dict.fromkeys(_OF_AGENTS, ()),
    Point.FORM: (
        _size("the answer", Reason.ANSWER_TOO_LARGE),
        _length("the answer", Reason.INPUT_TOO_LONG, "input.max_length"),
    ),
    Point.OUTPUT: (
        _size("the output", Reason.OUTPUT_TOO_LARGE),
        _length("the output", Reason.OUTPUT_TOO_LONG, "output.max_length"),
    ),
}


def characters_of(value: Any) -> int:
    """Characters of all texts in a JSON value together, without the names of fields."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(characters_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(characters_of, value))
    return 0
