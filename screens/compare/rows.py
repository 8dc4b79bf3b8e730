"""The differences of two runs as rows: side by side when there is room, else one below the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from screens.compare.diff import Change, compare_steps, compare_values
from screens.widgets.json.json_tree import Node, Path, format_path, format_value
from screens.widgets.status_labels import STEP_LABELS, StatusLabel, Tone
from screens.widgets.tables.columns import Column, place
from screens.widgets.tables.rows import Cell, Row
from screens.widgets.time_axis import since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.listed import RunError, RunView
    from engine.contracts.runs.run import StepView
    from screens.compare.diff import StepPair

_MINUTE = 60
_BESIDE = 4
"""Cells of a table that are no columns: the cursor, its scroll bar."""
_LEFT, _RIGHT = "left:  ", "right: "
_SEEN, _BEFORE = 4, 6
"""Signs of a difference that have to be seen, and what is shown before it."""

_STEP_FIELDS = {"status", "attempt", "started_at", "finished_at", "error"}

CHANGE_LABELS: dict[Change, StatusLabel] = {
    Change.SAME: StatusLabel("=", "same", Tone.QUIET),
    Change.CHANGED: StatusLabel("≠", "differs", Tone.WAITING),
    Change.ADDED: StatusLabel("+", "only right", Tone.GOOD),
    Change.REMOVED: StatusLabel("-", "only left", Tone.BAD),
}

_WIDE = (
    Column("What", 12),
    Column("Where", 20, flex=2),
    Column("Left", 24, flex=3),
    Column("Right", 24, flex=3),
)
_STACKED = (Column("What", 12), Column("Where", 20, flex=2), Column("Value", 20, flex=4))


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing of two runs: its words on either side, and its values in full (of a step: how it stands)."""

    where: str
    change: Change
    left: str
    right: str
    values: dict[str, Any]
    step_id: str = ""


def columns(*, wide: bool) -> tuple[Column, ...]:
    """Columns for a wide or a narrow screen."""
    return _WIDE if wide else _STACKED


def compared_values(left: RunView, right: RunView) -> list[Compared]:
    """Inputs, outputs, errors."""
    found: list[Compared] = []
    for name in ("input", "output"):
        found += _values(name, getattr(left, name), getattr(right, name))
    if left.error is not None or right.error is not None:
        found += _values("error", _error(left.error), _error(right.error))
    return found


def compared_steps(left: Sequence[StepView], right: Sequence[StepView]) -> list[Compared]:
    """How each step stands."""
    return [_step(pair) for pair in compare_steps(left, right)]


def compared_step(left: StepView, right: StepView) -> list[Compared]:
    """Input, output and error of one step in both runs."""
    found = compared_steps([left], [right])
    for name in ("input", "output", "error"):
        of_left, of_right = getattr(left, name), getattr(right, name)
        if name == "error":
            of_left, of_right = _error(of_left), _error(of_right)
        if of_left is not None or of_right is not None:
            found += _values(name, of_left, of_right)
    return found


def rows(found: Sequence[Compared], *, wide: bool, width: int) -> list[Row]:
    """One row for each thing, or two: the left above the right. The number in the key is its place.

    Of values that do not fit into a screen of so many cells what they begin with alike is left out.
    """
    made: list[Row] = []
    room = place(columns(wide=wide), width)[-1].width - (_BESIDE if wide else _BESIDE + len(_LEFT))
    for number, thing in enumerate(found):
        label = CHANGE_LABELS[thing.change]
        tone = Tone.QUIET if thing.change is Change.SAME else Tone.PLAIN
        head = (Cell(label.text, label.tone), Cell(sanitize(thing.where, limit=300), tone))
        left, right = _from_the_difference(thing.left, thing.right, room)
        if wide:
            sides = (Cell(sanitize(left), tone), Cell(sanitize(right), tone))
            made.append(Row(f"{number}", (*head, *sides)))
        elif thing.change is Change.SAME:
            made.append(Row(f"{number}", (*head, Cell(sanitize(thing.left), tone))))
        else:
            made += _stacked(number, thing.change, left, right, head)
    return made


def _stacked(number: int, change: Change, left: str, right: str, head: tuple[Cell, Cell]) -> list[Row]:
    """The sides that there are, the left above the right."""
    sides = [
        Cell(sanitize(f"{name}{words}"))
        for name, words, missing in ((_LEFT, left, Change.ADDED), (_RIGHT, right, Change.REMOVED))
        if change is not missing
    ]
    nothing = Cell(sanitize(""))
    first = Row(f"{number}", (*head, sides[0]))
    return [first, *(Row(f"{number} right", (nothing, nothing, side)) for side in sides[1:])]


def _from_the_difference(left: str, right: str, room: int) -> tuple[str, str]:
    """Both as they are when they differ where it can be seen, else from shortly before they do."""
    pairs = enumerate(zip(left, right, strict=False))
    alike = next((number for number, (one, other) in pairs if one != other), min(len(left), len(right)))
    if left == right or alike < room - _SEEN or max(len(left), len(right)) <= room:
        return left, right
    start = alike - _BEFORE
    return f"…{left[start:]}", f"…{right[start:]}"


def place_of(key: str) -> int:
    """Which thing a row is about."""
    return int(key.partition(" ")[0])


def _error(error: RunError | None) -> Any:
    return asdict(error) if error else None


def _values(name: str, left: Any, right: Any) -> list[Compared]:
    return [
        Compared(
            format_path((name, *part.path)),
            part.change,
            "" if part.change is Change.ADDED else _format_part(part.path, part.left),
            "" if part.change is Change.REMOVED else _format_part(part.path, part.right),
            {"left": part.left, "right": part.right},
        )
        for part in compare_values(left, right)
    ]


def _format_part(path: Path, value: Any) -> str:
    return format_value(Node(("value", *path), value, None, open=False))


def _step(pair: StepPair) -> Compared:
    sides = {
        name: step.model_dump(mode="json", include=_STEP_FIELDS)
        for name, step in (("left", pair.left), ("right", pair.right))
        if step is not None
    }
    apart = None
    if pair.change is Change.CHANGED and pair.left_seconds is not None and pair.right_seconds is not None:
        apart = pair.right_seconds - pair.left_seconds
    return Compared(
        f"step {pair.step_id}",
        pair.change,
        _format_step(pair.left, pair.left_seconds),
        _format_step(pair.right, pair.right_seconds, apart),
        sides,
        pair.step_id,
    )


def _format_step(step: StepView | None, seconds: float | None, apart: float | None = None) -> str:
    if step is None:
        return ""
    label = STEP_LABELS[step.status]
    tries = f" · try {step.attempt}" if step.attempt > 1 else ""
    took = "" if seconds is None else f" · {_lasted(seconds)}"
    if apart is not None:
        took += f" ({'-' if apart < 0 else '+'}{_lasted(abs(apart))})"
    return f"{label.symbol} {label.word}{took}{tries}"


def _lasted(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < _MINUTE else since(seconds, 1.0)
