"""One approval as text: what the console's card shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from screens.widgets.status_labels import REQUEST_LABELS
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from vasini_tui.output import Output


def write_approval(out: Output, approval: ApprovalView, money: str = "") -> None:
    """Who decides here sees the exact action, what it would change, and the digest that binds them.

    `money` is what the run has cost and may cost.
    """
    action = approval.action
    out.pairs(
        (
            ("approval", approval.approval_id),
            ("status", REQUEST_LABELS[approval.status].word),
            ("title", approval.title),
            ("risk", approval.risk),
            ("action", f"{action.kind} {action.target or ''} ({action.step})" if action else None),
            ("digest", approval.digest),
            ("run", approval.run_id),
            ("flow", f"{approval.pack}/{approval.flow} {approval.pack_version}"),
            ("tenant", approval.tenant),
            ("autonomy", approval.autonomy_level),
            ("asked by", approval.requested_by),
            ("expires", approval.expires_at),
            ("expires with", approval.expires_with),
            ("money", money or None),
            ("workers lost", f"{approval.recoveries:,}" if approval.recoveries else None),
            ("decided by", approval.decided_by),
            ("comment", approval.comment),
        )
    )
    if approval.planned:
        write_plan(out, approval)
    elif action is not None:
        write_value(out, "parameters", action.params)
    else:
        out.line("Nothing is bound: this approval is an acknowledgement.")
    if approval.preview is not None:
        changes = approval.preview
        write_value(out, "what changes", f"{changes.summary}\n{changes.text}".rstrip("\n"))
    write_value(out, "changed" if approval.changeable else "approved with changes", approval.changes)
    write_value(out, "message", approval.message)
    write_value(out, "intent", approval.intent or None)
    write_value(out, "form", approval.form or None)
    write_value(out, "context", approval.context or None)


def write_plan(out: Output, approval: ApprovalView) -> None:
    """Every step with its parameters in full, and the cost as far as it is known."""
    for number, step in enumerate(approval.planned, 1):
        again = f", asks again: {step.asks_again}" if step.asks_again else ""
        out.line(f"step {number}: {step.step_id}, {step.tool}, risk {step.risk}{again}")
        write_value(out, "  why", step.description or None)
        write_value(out, "  parameters", step.params)
    params = approval.action.params if approval.action is not None else {}
    write_value(out, "estimated cost", params.get("estimated_cost"))
    write_value(out, "the flow goes on with", params.get("goes_on_with"))
    write_value(out, "the flow leaves out", params.get("left_out"))


def write_value(out: Output, name: str, value: Any) -> None:
    """A value below its name; nothing for None."""
    if value is not None:
        out.line(f"{name}:")
        # Indented, so that no line of it can pass for one of ours.
        text = value if isinstance(value, str) else json_text(value, indent=2)
        out.block("\n".join(f"    {line}" for line in text.split("\n")))
