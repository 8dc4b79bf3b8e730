"""What decisions that no worker has seen to leave to decide: they are worked in, and nothing is written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.contracts.status import STEP_TERMINAL
from engine.errors import InvalidTransition, PackInvalid
from engine.journal.rules.request_rules import ended_meanwhile
from engine.machine.model.state import find_execution
from engine.machine.table import transition
from engine.runtime.worker.sessions.restoring import state_of_run

if TYPE_CHECKING:
    from engine.journal.errors import DecidedBefore
    from engine.journal.port import Journal
    from engine.journal.records import Decision
    from engine.machine.model.state import RunState
    from engine.runtime.pack_library.library import PackLibrary


async def refuse_what_has_ended(
    journal: Journal, packs: PackLibrary, decision: Decision, before: DecidedBefore
) -> None:
    """Raises Refused (`request_withdrawn`) when what was decided `before` ends what is decided on."""
    for waiting in before.waiting:
        row = await journal.run_row(waiting.run_id)
        if row is None:
            continue
        try:
            flow = await packs.flow(row["pack"], row["pack_digest"], row["flow"])
        except PackInvalid:  # the run fails by it, whatever is decided
            continue
        state = await state_of_run(journal, row)
        if not _goes_on(state, waiting.path):  # a worker was here first: the journal says what became of it
            continue
        for _, given in waiting.given:
            with suppress(InvalidTransition):
                state = transition(flow.graph, state, given).state
        if not _goes_on(state, waiting.path):
            raise ended_meanwhile(decision.kind, decision.request_id, waiting.run_id)


def _goes_on(state: RunState, path: str) -> bool:
    execution = find_execution(state.root, path)
    return execution is not None and execution.status not in STEP_TERMINAL
