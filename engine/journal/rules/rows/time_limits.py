"""What is around a request and has a limit: its time is over first, and with it the request's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.rows import TimeLimit
from engine.machine.model.timers import TimerKind, timer_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.journal.rows import NewRunRow


def limit_words(limit: TimeLimit, run_id: str) -> str:
    """Whose limit it is, to whoever looks at the run `run_id`."""
    if not limit.path:
        return "the run" if limit.run_id == run_id else f"the run {limit.run_id} above"
    return f"the step {limit.path}" + ("" if limit.run_id == run_id else f" of {limit.run_id}")


def limit_around(
    run_id: str,
    path: str,
    parent_of: Callable[[str], tuple[str, str] | None],
    due: Callable[[str, str], int | None],
) -> TimeLimit | None:
    """What is around the request of a step and over first. `parent_of` tells the run and step that started a
    run, `due` when a timer of a run is."""
    found = (
        TimeLimit(moment, outer, at)
        for outer, at in _around(run_id, path, parent_of)
        if (moment := due(outer, timer_name(TimerKind.TIMEOUT if at else TimerKind.MAX_DURATION, at)))
        is not None
    )
    return min(found, key=lambda limit: limit.due, default=None)


def started_by(run: NewRunRow) -> tuple[str, str] | None:
    """The run and the step that started a run; None for one that nobody waits for."""
    parent, path = run["parent_run_id"], run["parent_path"]
    return None if parent is None or path is None else (parent, path)


def _around(
    run_id: str, path: str, parent_of: Callable[[str], tuple[str, str] | None]
) -> Iterator[tuple[str, str]]:
    """Runs and paths around a path, from the inside; a run as a whole has no path."""
    while True:
        while "/" in path:
            path = path.rpartition("/")[0]
            yield run_id, path
        yield run_id, ""
        started_by = parent_of(run_id)
        if started_by is None:
            return
        run_id, path = started_by[0], f"{started_by[1]}/"  # the step that started it is around it, too
