"""Reading a conversation from the journal: of a long one the turns that are asked for, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import MESSAGE, MODEL
from engine.contracts.flows.outside_agent import PROMPT
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.runtime.views.conversations.agent_steps import AgentSteps
from engine.runtime.views.conversations.conversation import conversation_of
from engine.runtime.views.row_views import with_limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.run import StepView
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow, RunRow
    from engine.runtime.views.row_views import RowViews

_NEWEST = 2**62


async def read_conversation(
    journal: Journal,
    views: RowViews,
    run: RunRow,
    agent: StepView,
    *,
    after: int,
    limit: int | None,
    calls: bool,
) -> Conversation:
    """See facade; the `agent` is in view. Raises InvalidInput for a step that is none."""
    run_id = run["run_id"]
    count = await journal.count_scopes(run_id, agent.step_id, MODEL)
    first = max(0, min(count, after if after >= 0 else count + after))
    stop = count if limit is None else min(count, first + max(0, limit))
    turns = [f"{agent.step_id}/{turn}" for turn in range(first, stop)]
    if calls or not count:  # an agent of another program has no turns, but calls
        rows = await journal.step_rows_below(run_id, turns if count else [agent.step_id])
    else:
        rows = await journal.step_rows_at(
            run_id, [f"{turn}/{at}" for turn in turns for at in (MODEL, MESSAGE)]
        )
    inside = {row["path"]: await views.step(row, full=True) for row in rows}
    asked = await journal.requests_below(
        run_id,
        [*turns, f"{agent.step_id}/{stop}"] if count else [agent.step_id],
        None if calls else RequestStatus.PENDING,
    )
    decided = _decided([row for row in asked if row["kind"] == RequestKind.APPROVAL])
    of_forms = await with_limits(journal, [row for row in asked if row["kind"] == RequestKind.FORM])
    forms = {row["step_id"]: await views.form(row) for row in of_forms}
    asking = {row["step_id"] for row in asked if row["status"] == RequestStatus.PENDING}
    models = [row for row in rows if row["type"] in {MODEL, PROMPT}]
    since = min((row["first_seq"] for row in models), default=0)
    until = max((row["output_seq"] or _NEWEST for row in models), default=0)
    costs = await journal.spending.by_step(run_id, since, until)
    below = AgentSteps(inside, decided, forms, costs, asking, calls)
    status = RunStatus(run["status"])
    return conversation_of(run_id, status, agent, below, first=first, count=count)


def _decided(rows: Iterable[RequestViewRow]) -> dict[str, str]:
    """What people said of calls; of one that was changed, and asked about again, all of it."""
    said: dict[str, str] = {}
    for row in rows:
        if row["decision"] is None:
            continue
        words = f"{row['decision']} by {row['decided_by']}"
        before = said.get(row["step_id"])
        said[row["step_id"]] = words if before is None else f"{before}, {words}"
    return said
