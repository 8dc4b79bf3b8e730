"""How a call of a step that failed is reported, whatever it called."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from engine.machine.model.inputs import StepFinished

if TYPE_CHECKING:
    from engine.machine.model.state import Execution
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore


MOST_WORDS = 8_000
"""Characters of one text of an error."""


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
        error=kept_error(values, error),
        jitter=random.random(),  # noqa: S311 - spreads retries, protects nothing
        meta=meta,
    )


def kept_error(values: ValueStore, error: dict[str, Any]) -> dict[str, Any]:
    """An error as it is kept: masked, and no text in it longer than a person reads, whoever wrote it."""
    kept: dict[str, Any] = _shortened(values.redact(error))
    return kept


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_WORDS:
        return f"{value[:MOST_WORDS]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        return {key: _shortened(one) for key, one in value.items()}
    return [_shortened(one) for one in value] if isinstance(value, list) else value
