"""What decisions that no worker has seen to leave to decide: they are worked in, and nothing is written."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, STEP_TERMINAL
from engine.errors import InvalidTransition, PackInvalid
from engine.journal.rules.request_rules import ended_meanwhile
from engine.journal.rules.rows.time_limits import started_by
from engine.machine.model.effects import Collect, PrepareOutput
from engine.machine.model.state import find_execution
from engine.machine.table import transition
from engine.machine.walk import run_status
from engine.runtime.worker.sessions.planning import report_to_parent
from engine.runtime.worker.sessions.restoring import state_of_run
from engine.runtime.worker.steps.joining import prepare_joined
from engine.runtime.worker.steps.run_output import prepare_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.errors import DecidedBefore
    from engine.journal.port import Journal
    from engine.journal.records import Decision
    from engine.journal.rows import RunRow
    from engine.machine.model.effects import Effect
    from engine.machine.model.inputs import Input
    from engine.machine.model.state import RunState
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore


async def refuse_what_has_ended(
    journal: Journal, packs: PackLibrary, values: ValueStore, decision: Decision, before: DecidedBefore
) -> None:
    """Raises Refused (`request_withdrawn`) when what was decided `before` ends what is decided on.

    Runs are looked at from the innermost on, since the end of one is told to the one above. No step is begun:
    what one that is still to come would bring is not known.
    """
    given = {waiting.run_id: [one for _, one in waiting.given] for waiting in before.waiting}
    rows: dict[str, RunRow] = {}
    while given:
        for run_id in given.keys() - rows.keys():
            row = await journal.run_row(run_id)
            if row is None:
                del given[run_id]
            else:
                rows[run_id] = row
        if not given:
            return
        run_id = max(given, key=lambda one: rows[one]["depth"])
        row, told = rows[run_id], given.pop(run_id)
        try:
            flow = await packs.flow(row["pack"], row["pack_digest"], row["flow"])
        except PackInvalid:  # the run fails by it, whatever is decided
            continue
        state = await state_of_run(journal, row)
        path = before.around.get(run_id)
        if path is not None and not _goes_on(state, path):
            continue  # a worker was here first: the journal says what became of it
        state = await values.with_loaded(partial(_worked_in, flow, values, state, told))
        if path is not None and not _goes_on(state, path):
            raise ended_meanwhile(decision.kind, decision.request_id, run_id)
        above = started_by(row)
        if above is not None and run_status(state) in RUN_TERMINAL:
            given.setdefault(above[0], []).append(report_to_parent(state, run_id, above[1], decision.now))


def _worked_in(flow: PinnedFlow, values: ValueStore, state: RunState, told: Sequence[Input]) -> RunState:
    """The state after what was `told`, and after what is put together then. Raises BlobNeeded."""
    waiting = deque(told)
    while waiting:
        given = waiting.popleft()
        with suppress(InvalidTransition):
            step = transition(flow.graph, state, given)
            state = step.state
            made = [_put_together(flow, values, effect, given.now) for effect in reversed(step.effects)]
            waiting.extendleft(one for one in made if one is not None)
    return state


def _put_together(flow: PinnedFlow, values: ValueStore, effect: Effect, now: int) -> Input | None:
    if isinstance(effect, Collect):
        return prepare_joined(effect.path, effect.value, now, values, flow)[0]
    if isinstance(effect, PrepareOutput):
        return prepare_output(effect.value, now, values, flow)[0]
    return None


def _goes_on(state: RunState, path: str) -> bool:
    execution = find_execution(state.root, path)
    return execution is not None and execution.status not in STEP_TERMINAL
