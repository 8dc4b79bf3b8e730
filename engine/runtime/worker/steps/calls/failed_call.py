"""How a call of a step that failed is reported, whatever it called."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from engine.machine.model.inputs import StepFinished

if TYPE_CHECKING:
    from engine.machine.model.state import Execution
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore


def failed_call(
    clock: Clock,
    values: ValueStore,
    execution: Execution,
    error: dict[str, Any],
    meta: dict[str, Any] | None = None,
) -> StepFinished:
    """The end of an execution that failed: its error masked, with the jitter of the next attempt."""
    return StepFinished(
        now=clock.now(),
        path=execution.path,
        attempt=execution.attempt,
        ok=False,
        error=values.redact(error),
        jitter=random.random(),  # noqa: S311 - spreads retries, protects nothing
        meta=meta,
    )
