"""Several approvals at once: whether they are of one shape, and in what they differ.

Pure. Values are compared whole: two that look the same on a screen can be different ones. What is the
same in all is told once; what differs is told for each of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.widgets.json.json_tree import format_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.contracts.runs.request import ApprovalView

_DIFFERS = object()
NOT_GIVEN = object()
"""Stands for a field that an approval does not have."""

_OF_ITEMS = "for_each"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same in all; `values` has one for each approval, in their order."""

    name: str
    values: tuple[Any, ...]


def step_name(step_id: str) -> str:
    """The author's id of a step: `scan/2/ask~3` is a visit of `ask`."""
    return step_id.rpartition("/")[2].partition("~")[0]


def paths_around(step_id: str) -> list[str]:
    """The ids in the run of the steps that this one stands in, the outermost first."""
    parts = step_id.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts), 2)][: len(parts) // 2]


def step_place(step_id: str, types: Mapping[str, str]) -> str:
    """Where the step stands in its flow. `types`: of the steps around it, by their ids in the run.

    Items of a list are worked by the same steps; branches have steps of their own that may share an id.
    """
    parts = step_id.split("/")
    place = []
    for number, part in enumerate(parts):
        around = "/".join(parts[:number])
        place.append("*" if number % 2 and types.get(around) == _OF_ITEMS else part.partition("~")[0])
    return "/".join(place)


def not_one_shape(views: Sequence[ApprovalView], types: Sequence[Mapping[str, str]]) -> str:
    """Why these cannot be decided together; empty when step, tool and content of the pack are the same."""
    shapes = list(dict.fromkeys(_shape(view, around) for view, around in zip(views, types, strict=True)))
    if len(shapes) < 2:
        return ""
    differs = [number for number in range(len(shapes[0])) if len({shape[number] for shape in shapes}) > 1]
    named = ", ".join(dict.fromkeys(" ".join(shape[number] for number in differs) for shape in shapes[:3]))
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return f"only approvals of one step, tool and pack content are decided together; marked are {named}{more}"


def _shape(view: ApprovalView, types: Mapping[str, str]) -> tuple[str, ...]:
    action = view.action
    return (
        f"{view.pack}/{view.flow} {step_place(view.step_id, types)}",
        f"of pack content {view.pack_version} {view.pack_digest[:12]}",
        f"doing {action.kind} {action.target or ''}".strip() if action else "doing nothing: no step is gated",
        f"by step {step_place(action.step, types)}" if action else "",
    )


def differences(views: Sequence[ApprovalView]) -> tuple[Difference, ...]:
    """The fields that differ: arguments by their path, what stands beside them, the words of the run.

    Title and risk are not among them: a list of the approvals shows these of each.
    """
    rows = [
        dict(
            [
                *_flat(_params(view), ("arguments",)),
                *_flat(view.form, ("form",)),
                *_flat(view.context, ("context",)),
                ("what changes", view.preview.text if view.preview is not None else None),
                ("asked by", view.requested_by),
                ("intent", view.intent),
                ("message", view.message),
            ]
        )
        for view in views
    ]
    return tuple(_differing(rows))


def common_params(views: Sequence[ApprovalView]) -> Any:
    """The arguments that are the same in all, nested as they were; None when there are none."""
    shared = _common([_params(view) for view in views])
    return None if shared is _DIFFERS else shared


def common_beside(views: Sequence[ApprovalView]) -> dict[str, Any]:
    """What stands beside the arguments and is the same in all, by the names that differences have."""
    shared = _common([_beside(view) for view in views])
    return {} if shared is _DIFFERS else {name: value for name, value in shared.items() if value}


def _beside(view: ApprovalView) -> dict[str, Any]:
    text = view.preview.text if view.preview is not None else None
    return {"form": view.form, "context": view.context, "what changes": text}


def _params(view: ApprovalView) -> Any:
    return view.action.params if view.action else None


def _flat(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, (*path, str(key)))
    else:
        yield format_path(path).removeprefix("arguments."), value


def _differing(rows: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    for name in dict.fromkeys(name for row in rows for name in row):
        values = tuple(row.get(name, NOT_GIVEN) for row in rows)
        if len({_exact(value) for value in values}) > 1:
            yield Difference(name, values)


def _common(values: Sequence[Any]) -> Any:
    if not all(isinstance(value, dict) for value in values):
        return values[0] if len(set(map(_exact, values))) == 1 else _DIFFERS
    names = [name for name in values[0] if all(name in value for value in values)]
    shared = {name: _common([value[name] for value in values]) for name in names}
    kept = {name: value for name, value in shared.items() if value is not _DIFFERS}
    return kept if kept or not any(values) else _DIFFERS


def _exact(value: Any) -> str:
    """The whole value as a text; hidden characters and forms of one letter stay apart."""
    return "" if value is NOT_GIVEN else json.dumps(value, sort_keys=True, default=str)
