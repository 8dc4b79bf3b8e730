"""Keys of a run that have nothing to do for now: the last line does not offer them; pressed, they say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, RunStatus

if TYPE_CHECKING:
    from screens.run.pane import RunMoment

_STEERING = frozenset({"run.pause", "run.cancel"})
_RETRY = frozenset({"run.retry"})
_REQUEST = frozenset({"run.pending"})
_RETRIED = frozenset({RunStatus.FAILED, RunStatus.DEAD_LETTER})


def idle_keys(moment: RunMoment | None, *, asks: bool) -> frozenset[str]:
    """Nothing is done to the past; what has ended goes on only when it failed; `asks`: it has a request."""
    if moment is None:
        return frozenset()
    if moment.past is not None:
        return _STEERING | _RETRY | _REQUEST
    idle = frozenset() if asks else _REQUEST
    idle |= _STEERING if moment.live.status in RUN_TERMINAL else frozenset()
    return idle if moment.live.status in _RETRIED else idle | _RETRY
