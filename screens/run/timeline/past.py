"""A timeline as it was at an earlier moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow, TimelineSpan
from engine.contracts.status import StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def as_it_was(timeline: Timeline, steps: Mapping[str, StepStatus], moment: datetime) -> Timeline:
    """What had begun by `moment`; what had not ended by then lasts. `steps` are the run's own, as of then.

    The axis stays: the run begins and ends when it did.

    Rows of child runs have no history here: their status is told from what they did at the moment.
    """
    rows: list[TimelineRow] = []
    graphs = {row.step_id for row in timeline.rows if row.type == "graph" and row.step_id in steps}
    for row in timeline.rows:
        spans = tuple(_cut(span, moment) for span in row.spans if span.start <= moment)
        own = row.run_id == timeline.run_id
        if own and row.step_id in steps:
            rows.append(row.model_copy(update={"spans": spans, "status": steps[row.step_id]}))
        elif own and row.step_id.rpartition("/")[0].rpartition("/")[0] in graphs:
            rows.append(row.model_copy(update={"spans": (), "status": StepStatus.NOT_STARTED}))
        elif not own and spans:
            rows.append(row.model_copy(update={"spans": spans, "status": _status(row, spans)}))
    return timeline.model_copy(update={"rows": tuple(rows)})


def _cut(span: TimelineSpan, moment: datetime) -> TimelineSpan:
    lasts = span.end is not None and span.end > moment
    return span.model_copy(update={"end": None}) if lasts else span


def _status(row: TimelineRow, spans: tuple[TimelineSpan, ...]) -> StepStatus:
    if all(span.end is not None for span in spans) and spans == row.spans:
        return row.status
    waiting = spans[-1].kind is SpanKind.WAITING and spans[-1].end is None
    return StepStatus.PENDING_HUMAN if waiting else StepStatus.RUNNING
