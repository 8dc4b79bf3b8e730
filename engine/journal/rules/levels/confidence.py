"""What the agents of a run state of their own confidence, and whether that makes the run doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.model.state import segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.journal.rows import HeadRow, RunColumns, RunRow, StatedRow
    from engine.journal.rules.store import Store
    from engine.slo.buckets import Bucket


def count_confidence(store: Store, head: HeadRow | RunRow, columns: RunColumns, counted: Bucket) -> None:
    """Count what the agents of a run that ends had stated, and note the lowest in its row."""
    if columns.get("confidence", head["confidence"]) is None:
        return
    said = last_stated(store.stated(head["run_id"]))
    if not said:  # the last attempts stated nothing
        columns["confidence"] = None
        return
    columns["confidence"] = min(one["confidence"] for one in said)
    counted.stated = 1
    doubted = min(
        (one for one in said if one["confidence"] < one["least_confidence"]),
        key=lambda one: (one["confidence"], one["path"]),
        default=None,
    )
    if doubted is not None:
        counted.doubtful = 1
        columns["doubtful"] = (
            f"{doubted['path']} states a confidence of {doubted['confidence']:.4g}, "
            f"less than {doubted['least_confidence']:.4g}"
        )


def last_stated(rows: Iterable[StatedRow]) -> list[StatedRow]:
    """Of each place in the flow what its last visit stated: an agent that is asked again may become surer."""
    last: dict[tuple[str, ...], tuple[list[int], StatedRow]] = {}
    for row in rows:
        parts = [one.partition("~") for one in segments(row["path"])]
        place, visit = tuple(name for name, _, _ in parts), [int(number or 1) for _, _, number in parts]
        known = last.get(place)
        if known is None or visit > known[0]:
            last[place] = visit, row
    return [row for _, row in last.values()]
