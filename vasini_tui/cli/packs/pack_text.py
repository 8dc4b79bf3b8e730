"""One pack, and what lies between two, as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.agent import FlowOutline, StepOutline
    from engine.contracts.packs.versions import PackDetail, PackDiff, TextDiff

_MARKS = {"same": " ", "added": "+", "removed": "-"}


def pack_lines(detail: PackDetail) -> Iterator[str]:
    """What the pack is, its layers with their files, its flows as trees of steps."""
    view = detail.view
    yield f"{view.pack} {view.label}  {view.state}  {view.digest or ''}"
    yield f"{view.name or view.pack}: {view.description}".rstrip()
    yield f"in {view.directory} ({view.source})"
    for runs in view.runs:
        word = "run" if runs.runs == 1 else "runs"
        yield f"{runs.runs} {word} in flight on {runs.label} ({runs.digest[:12]})"
    if detail.agent is not None:
        yield "layers"
        for source in detail.agent.sources:
            yield f"  {source.layer}: {' <- '.join(source.files) or source.form}"
        told_to = _told_to(detail.outlines)
        for skill in detail.agent.skills:
            size = len(skill.body.strip().encode())
            told = ", ".join(told_to.get(skill.id, ())) or "no agent"
            yield f"  skill {skill.id}: {skill.name}, {size:,} bytes, told to {told}"
    for flow in detail.outlines:
        yield from _flow_lines(flow)


def _told_to(flows: Sequence[FlowOutline]) -> dict[str, list[str]]:
    """The agents (`flow/step`) that are told each skill."""
    found: dict[str, list[str]] = {}
    for flow in flows:
        waiting = [*flow.steps, *flow.closing]
        while waiting:
            step = waiting.pop(0)
            for skill in step.skills:
                found.setdefault(skill, []).append(f"{flow.flow}/{step.id}")
            waiting += [inner for branch in step.branches for inner in branch]
    return found


def diff_lines(diff: PackDiff) -> Iterator[str]:
    """Both parts of a diff; one line when there is none."""
    yield f"{diff.before.pack} {diff.before.label} -> {diff.after.pack} {diff.after.label}"
    if not diff.layers and not diff.files:
        yield "no difference"
    for title, texts in (("layers", diff.layers), ("files", diff.files)):
        if texts:
            yield ""
            yield title
        for text in texts:
            yield from _text_lines(text)


def _text_lines(text: TextDiff) -> Iterator[str]:
    yield f"{text.change} {text.name}  +{text.added} -{text.removed}"
    last = 0
    for line in text.lines:
        if line.kind == "same" and line.before is not None and line.before > last + 1:
            yield "  ..."
        last = line.before or last
        yield f"  {line.after or line.before or 0:>5} {_MARKS[line.kind]} {line.text}"
    if text.shortened:
        yield "  ... and more"


def _flow_lines(flow: FlowOutline) -> Iterator[str]:
    kind = "procedure" if flow.sop else "flow"
    yield f"{kind} {flow.flow} ({flow.file}){': ' + flow.description if flow.description else ''}"
    yield from _step_lines(flow.steps, "  ")
    if flow.closing:
        yield "  finally"
        yield from _step_lines(flow.closing, "    ")
    if flow.escalation:
        yield f"  escalation: {flow.escalation}"


def _step_lines(steps: Sequence[StepOutline], indent: str) -> Iterator[str]:
    for step in steps:
        words = [f"{indent}{step.id}  {step.type}"]
        words += [step.target] if step.target else []
        words += [f"gates {step.gates}"] if step.gates else []
        words += [f"after {', '.join(step.needs)}"] if step.needs else []
        words += [f"if {step.run_if}"] if step.run_if not in (None, "success") else []
        words += [f"when {step.when}"] if step.when is not None else []
        words += [f"then {step.on_success}"] if step.on_success else []
        words += [f"else {step.on_failure}"] if step.on_failure else []
        yield "  ".join(words)
        for number, branch in enumerate(step.branches, start=1):
            if len(step.branches) > 1:
                yield f"{indent}  branch {number}"
            yield from _step_lines(branch, indent + "    ")
