"""One run as text for a person: what it is, what it did, and exactly what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.money import cost_text, dollars
from engine.contracts.status import RequestStatus
from screens.widgets.status_labels import REQUEST_LABELS, STEP_LABELS, format_recovered, run_label
from vasini_tui.cli.approval_text import write_approval, write_value
from vasini_tui.text_table import TextTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.request import FormView, OutcomeView
    from engine.contracts.runs.run import RunDetail, StepView
    from vasini_tui.output import Output


class ToldSteps:
    """What is told of the steps of a run, of which there may be very many."""

    def __init__(self) -> None:
        self.steps = TextTable(("STEP", "TYPE", "STATUS", "ATTEMPT", "STARTED", "FINISHED", "CALL", "ERROR"))
        self.failed = TextTable(("FAILED TRY OF", "ATTEMPT", "FAILED", "ERROR"))
        self.recoveries = 0

    def add(self, step: StepView) -> None:
        """The next step."""
        row = (
            f"{step.step_id} ({step.item})" if step.item else step.step_id,
            step.type,
            STEP_LABELS[step.status].word,
            _attempt(step),
            step.started_at,
            step.finished_at,
            _call(step),
            f"{step.error.code}: {step.error.message}" if step.error else None,
        )
        self.steps.add(row)
        for failed in step.tries:
            self.failed.add((step.step_id, failed.attempt, failed.at, f"{failed.code}: {failed.message}"))
        self.recoveries += step.recoveries


def write_run(out: Output, detail: RunDetail, steps: ToldSteps) -> None:
    """Write the run, its steps, its requests and its files; what is pending in full."""
    run = detail.run
    told = (
        ("run", run.run_id),
        ("subject", run.subject),
        ("status", run_label(run).word),
        ("flow", f"{run.pack}/{run.flow}"),
        ("version", f"{run.pack_version} ({run.flow_version})"),
        ("autonomy", run.autonomy_level),
        ("tenant", run.tenant),
        ("by", run.requested_by),
        ("created", run.created_at),
        ("finished", run.finished_at),
        ("waits for", run.waiting_for.text if run.waiting_for is not None else None),
        ("ending", f"{run.ending.text} (finally runs)" if run.ending is not None else None),
        ("workers lost", format_recovered(lost) if (lost := steps.recoveries) else None),
        ("tokens", f"{run.tokens_used:,}" if run.tokens_used else None),
        ("cost", _cost(detail)),
        *_handed_off(detail),
        ("error", f"{run.error.code}: {run.error.message}" if run.error else None),
        ("excluded", run.excluded),
        ("flagged", run.flagged),
        ("confidence", None if run.confidence is None else f"{run.confidence:.4g}"),
        ("doubtful", run.doubtful),
        ("folder", run.folder),
    )
    out.pairs((name, value) for name, value in told if value not in {None, ""})
    write_value(out, "input", run.input)
    write_value(out, "handoff", run.handoff)
    write_value(out, "output", run.output)
    for table in filter(len, (steps.steps, steps.failed)):
        out.line("")
        out.whole_table(table)
    _write_tables(out, detail)
    for approval in detail.approvals:
        if approval.status is RequestStatus.PENDING:
            out.line("")
            write_approval(out, approval)
    for form in detail.forms:
        if form.status is RequestStatus.PENDING:
            _write_form(out, form)
    for outcome in detail.outcomes:
        if outcome.status is RequestStatus.PENDING:
            _write_outcome(out, outcome)


def _handed_off(detail: RunDetail) -> list[tuple[str, str]]:
    source, targets = detail.run.handed_off_from, detail.handed_off_to
    told = [("handed off from", source)] if source is not None else []
    return told + ([("handed off to", ", ".join(targets))] if targets else [])


def _cost(detail: RunDetail) -> str | None:
    """Of the run itself; what the runs it started cost stands with them, and in `vasini budget show`."""
    run = detail.run
    return cost_text(run.cost, run.unpriced_calls) or (dollars(0) if run.tokens_used else None)


def _attempt(step: StepView) -> str:
    return f"{step.attempt} ({format_recovered(step.recoveries)})" if step.recoveries else str(step.attempt)


def _call(step: StepView) -> str | None:
    """Back end, sandbox and time of its call."""
    meta = step.meta
    return f"{meta.backend}, sandbox {meta.sandbox}, {meta.latency_ms:,.0f} ms" if meta is not None else None


def _word(status: RequestStatus) -> str:
    return REQUEST_LABELS[status].word


def _write_tables(out: Output, detail: RunDetail) -> None:
    _table(
        out,
        ("APPROVAL", "STEP", "RISK", "STATUS", "TITLE", "DECIDED BY"),
        [
            (a.approval_id, a.step_id, a.risk, _word(a.status), a.title, a.decided_by)
            for a in detail.approvals
        ],
    )
    _table(
        out,
        ("FORM", "STEP", "STATUS", "TITLE", "ANSWERED BY"),
        [(f.request_id, f.step_id, _word(f.status), f.title, f.answered_by) for f in detail.forms],
    )
    _table(
        out,
        ("OUTCOME", "STEP", "STATUS", "CALL", "DECISION", "DECIDED BY"),
        [
            (
                o.request_id,
                o.step_id,
                _word(o.status),
                o.action.target,
                o.decision,
                o.decided_by,
            )
            for o in detail.outcomes
        ],
    )
    _table(
        out,
        ("FILE", "ROLE", "BYTES", "PATH"),
        [(f.name, f.role, f.size, f.path) for f in detail.files],
    )


def _table(out: Output, titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table below an empty line; nothing where there are no rows."""
    if rows:
        out.line("")
        out.table(titles, rows)


def _write_outcome(out: Output, outcome: OutcomeView) -> None:
    """What is known of an interrupted call, and what can be said of it."""
    out.line("")
    out.pairs(
        (
            ("outcome", outcome.request_id),
            ("call", f"{outcome.action.target or outcome.action.kind} ({outcome.step_id})"),
            ("attempt", outcome.attempt),
            ("started", outcome.started_at),
            ("interrupted", outcome.requested_at),
            ("worker", "was lost" if outcome.lost else "gave the run back"),
            ("approved", "yes; that approval is used up" if outcome.gated else None),
            ("key", outcome.idempotency_key),
            ("expires", outcome.expires_at),
            ("expires with", outcome.expires_with),
        )
    )
    write_value(out, "parameters", outcome.action.params)
    out.line(f"say what became of it: vasini outcome {outcome.request_id} run-again|done|fail")


def _write_form(out: Output, form: FormView) -> None:
    out.line("")
    out.pairs(
        (
            ("form", form.request_id),
            ("asks", form.prompt),
            ("since", form.note),
            ("expires", form.expires_at),
            ("expires with", form.expires_with),
        )
    )
    write_value(out, "schema", form.json_schema)
