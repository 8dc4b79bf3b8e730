"""Several approvals at once: whether they are of one step, and in what they differ.

Pure. What is the same in all is told once; what differs is told for each of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screens.widgets.json_text import brief_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from engine.contracts.request import ApprovalView

NOT_GIVEN = "(not given)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same in all; `values` has a text for each approval, in their order."""

    name: str
    values: tuple[str, ...]


def step_name(step_id: str) -> str:
    """The author's id of a step: `scan/2/ask~3` is a visit of `ask`."""
    return step_id.rpartition("/")[2].partition("~")[0]


def not_one_step(views: Sequence[ApprovalView]) -> str:
    """Why these cannot be decided together; empty when they are all of one step of one flow."""
    steps = list(dict.fromkeys((view.pack, view.flow, step_name(view.step_id)) for view in views))
    if len(steps) < 2:
        return ""
    named = ", ".join(f"{pack}/{flow} {step}" for pack, flow, step in steps[:3])
    more = f" and {len(steps) - 3} more" if len(steps) > 3 else ""
    return f"only approvals of one step are decided together; marked are {named}{more}"


def differences(views: Sequence[ApprovalView]) -> tuple[Difference, ...]:
    """The fields that differ: what is done, its arguments by their path, then the words of the run.

    Title and risk are not among them: a list of the approvals shows these of each.
    """
    facts = [dict(_facts(view)) for view in views]
    params = [dict(_flat(_params(view), "")) for view in views]
    words = [dict(_words(view)) for view in views]
    return (*_differing(facts, str), *_differing(params, brief_json), *_differing(words, str))


def common_params(views: Sequence[ApprovalView]) -> Any:
    """The arguments that are the same in all, nested as they were; None when there are none."""
    shared = _common([_params(view) for view in views])
    return None if shared is _DIFFERS else shared


def _facts(view: ApprovalView) -> Iterator[tuple[str, Any]]:
    action = view.action
    yield "pack version", view.pack_version
    yield "what is done", f"{action.kind} {action.target or ''}".strip() if action else "no step is gated"
    yield "gated step", step_name(action.step_id) if action else ""


def _words(view: ApprovalView) -> Iterator[tuple[str, Any]]:
    yield "asked by", view.requested_by
    yield "intent", view.intent
    yield "message", view.message


def _params(view: ApprovalView) -> Any:
    return view.action.params if view.action else None


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    else:
        yield path or "arguments", value


def _differing(rows: Sequence[Mapping[str, Any]], shown: Callable[[Any], str]) -> Iterator[Difference]:
    for name in dict.fromkeys(name for row in rows for name in row):
        if len({_exact(row[name]) if name in row else NOT_GIVEN for row in rows}) > 1:
            yield Difference(name, tuple(shown(row[name]) if name in row else NOT_GIVEN for row in rows))


def _common(values: Sequence[Any]) -> Any:
    if not all(isinstance(value, dict) for value in values):
        return values[0] if len(set(map(_exact, values))) == 1 else _DIFFERS
    names = [name for name in values[0] if all(name in value for value in values)]
    shared = {name: _common([value[name] for value in values]) for name in names}
    kept = {name: value for name, value in shared.items() if value is not _DIFFERS}
    return kept if kept or not any(values) else _DIFFERS


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


_DIFFERS = object()
