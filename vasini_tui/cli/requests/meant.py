"""Which request is meant: by its own id, or as the only one that a run waits with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import NotFound
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.request import FormView, OutcomeView
    from engine.facade.engine import Engine


async def run_or_request(engine: Engine, target: str) -> RunView | str:
    """The run of that id, else the id of the request of that id. Raises NotFound, as for a run."""
    try:
        return await engine.runs.summary(await engine.runs.find_id(target))
    except NotFound as no_run:
        try:
            return await engine.runs.find_id(target, "request")
        except NotFound:
            raise no_run from None


def only_one(
    pending: Sequence[FormView] | Sequence[OutcomeView], run_id: str, key: str, *, what: str, choose: str
) -> str | None:
    """The id of the one request, None of none. Raises UsageError of several, `key` lists them in its details.

    `what` they are and how to `choose` one are words for people.
    """
    if len(pending) > 1:
        names = ", ".join(f"{one.request_id} ({one.step_id})" for one in pending)
        raise UsageError(
            f"the run {run_id} waits for {len(pending)} {what}; {choose}: {names}",
            {"run_id": run_id, key: [one.request_id for one in pending]},
        )
    return pending[0].request_id if pending else None
