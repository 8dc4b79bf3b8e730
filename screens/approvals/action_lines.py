"""The gated action as lines: every parameter by name with its size, then each value in full. Pure.

Nothing is cut. A text of several lines stands as lines; what a line ends in is made visible.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from screens.approvals.plan_lines import plan_lines
from screens.approvals.styled_lines import Ink, Line
from screens.widgets.json.json_tree import format_key
from screens.widgets.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.runs.request import ApprovalView

NOTHING_BOUND = "Nothing is bound: no step is gated, the flow only goes on."
_INDENT = 2


def action_lines(view: ApprovalView) -> list[Line]:
    """What an approval binds: the step, its parameters, what it would change."""
    action = view.action
    if action is None:
        return [line(NOTHING_BOUND), *_shown_beside(view)]
    done = f"{action.kind} {action.target or ''}".strip()
    lines = [
        line(done, Ink.NAME),
        line(f"as step {action.step}  ·  digest {view.digest[:12]}", Ink.QUIET),
    ]
    params = action.params
    if view.planned:
        return [*lines, *_changes(view), *plan_lines(view, line, value_lines), *_shown_beside(view)]
    if isinstance(params, dict) and params:
        sizes = [f"{format_key(name)} ({format_size(value)})" for name, value in params.items()]
        lines.append(line(" · ".join(sizes), Ink.QUIET))
    return [*lines, *_changes(view), line(""), *value_lines(params, 0), *_shown_beside(view)]


def said_lines(view: ApprovalView, title_room: int) -> list[Line]:
    """What the run says, in full; a title that has more than its room too."""
    title = [view.title] if len(view.title) > title_room else []
    words = "\n\n".join(part for part in (*title, view.intent, view.message) if part)
    return [line(_visible(part)) for part in words.split("\n")]


def format_size(value: Any) -> str:
    """What a value is and how large: `text, 1,204 characters, 40 lines`."""
    match value:
        case str():
            lines = value.count("\n") + 1
            return f"text, {counted(len(value), 'character')}" + (f", {lines:,} lines" if lines > 1 else "")
        case dict():
            return f"object, {counted(len(value), 'key')}"
        case list() | tuple():
            return f"list, {counted(len(value), 'item')}"
        case _:
            return json.dumps(value, default=str)


def value_lines(value: Any, depth: int = 1) -> list[Line]:
    """A value in full, indented."""
    return [line(" " * _INDENT * depth + words) for words in _format_value(value)]


def _changes(view: ApprovalView) -> Iterator[Line]:
    """Of what was changed by who decided: first what came of it in truth."""
    if view.changes is None:
        return
    said = ("it was approved with these changes", "the plan as it was proposed")
    if view.changeable:
        said = ("it was changed so, and asked again", "the call as the model chose it")
    yield from _titled(said[0], [_diff_line(part) for part in view.changes.split("\n")])
    yield from _titled(said[1], [])


def _shown_beside(view: ApprovalView) -> Iterator[Line]:
    """What the step shows beside its parameters: it is part of the digest as well."""
    if view.preview is not None:
        seen = view.preview
        shown = [_diff_line(part) for part in seen.text.split("\n")] if seen.text else []
        yield from _titled("what changes", [line(" " * _INDENT + seen.summary), *shown])
    if view.form:
        yield from _titled("form", value_lines(view.form))
    if view.context:
        yield from _titled("context", value_lines(view.context))


def _titled(name: str, lines: list[Line]) -> list[Line]:
    return [line(""), line(name, Ink.NAME), *lines]


def _diff_line(part: str) -> Line:
    ink = {"+": Ink.ADDED, "-": Ink.REMOVED, "@": Ink.QUIET}.get(part[:1], Ink.PLAIN)
    return line(" " * _INDENT + _visible(part), ink)


def _format_value(value: Any) -> Iterator[str]:
    match value:
        case str() if "\n" in value:
            *lines, last = value.split("\n")
            yield from (f"│ {_visible(line)}" for line in lines)
            yield f"│ {_visible(last)}" if last else "⏎ ends with a line end"
        case dict() if value:
            for key, item in value.items():
                yield from _named(format_key(key), item)
        case list() | tuple() if value:
            for item in value:
                yield from _named("-", item)
        case str():
            yield f'"{_visible(value)}"'
        case _:
            yield json.dumps(value, ensure_ascii=False, default=str)


def _named(name: str, item: Any) -> Iterator[str]:
    first, *rest = _format_value(item)
    if rest or (isinstance(item, (dict, list, tuple)) and item):
        yield f"{name}"
        yield from (f"  {words}" for words in (first, *rest))
    else:
        yield f"{name}: {first}" if name != "-" else f"- {first}"


def _visible(line: str) -> str:
    """Blanks at the end of a line can be counted."""
    bare = line.rstrip(" ")
    blanks = len(line) - len(bare)
    return f"{bare}⟨{counted(blanks, 'blank')}⟩" if blanks else line


def line(words: str, ink: Ink = Ink.PLAIN) -> Line:
    """One line, sanitized and whole."""
    return sanitize(words, limit=max(1, 32 * len(words))), ink
