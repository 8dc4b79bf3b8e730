"""Work beside the keys, which ends with whoever began it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.dom import DOMNode
    from textual.worker import WorkType


def begin(
    owner: DOMNode,
    work: Callable[[], Coroutine[Any, Any, None]],
    *,
    group: str,
    exclusive: bool = False,
) -> None:
    """Start it. Not a coroutine: one that is cancelled before it begins would be warned about."""
    typed: WorkType[None] = work
    # Without a description Textual would write out the work, with all that it holds.
    owner.run_worker(typed, group=group, description=group, exclusive=exclusive, exit_on_error=False)
