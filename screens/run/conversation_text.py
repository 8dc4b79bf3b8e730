"""A conversation as lines: whatever a model or a tool wrote stands behind a bar, so that no line of it can
look like one of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.contracts.governing.money import dollars
from engine.contracts.status import RunStatus, StepStatus
from screens.widgets.ages import clock_time
from screens.widgets.numbers import counted
from screens.widgets.status_labels import RUN_LABELS, STEP_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.contracts.runs.conversation import Conversation, SpokenCall, SpokenTurn, ToldSkill

SHOWN = 4_000
"""Characters of one text; the step has it whole."""
_SCRIPTED = "scripted (no model was asked)"
_CUT_OFF = "cut off: its bound of tokens was used up"


def numbered(conversation: Conversation) -> Iterator[tuple[int, SpokenTurn]]:
    """The turns that were read of it with their numbers, from 1."""
    return enumerate(conversation.turns, conversation.first + 1)


def whole_turn_lines(number: int, turn: SpokenTurn) -> Iterator[str]:
    """A turn below those before it."""
    yield ""
    if turn.said or turn.said_images or turn.said_skills:
        yield from _said(turn)
        yield ""
    yield turn_line(number, turn)
    yield from _answer(turn)


def title_line(conversation: Conversation) -> str:
    """Which agent, how it stands, how many turns there are."""
    turns = counted(conversation.turn_count, "turn")
    line = f"agent {conversation.step_id} · {STEP_LABELS[conversation.status].word} · {turns}"
    rests = conversation.status is StepStatus.RUNNING and conversation.run_status is not RunStatus.RUNNING
    return f"{line} · its run is {RUN_LABELS[conversation.run_status].word}" if rests else line


def told_lines(conversation: Conversation) -> Iterator[str]:
    """What the agent was told before its first turn."""
    yield f"tools: {', '.join(conversation.tools) or 'none'}"
    yield "told"
    yield from _fenced(conversation.instructions)
    yield from _skills(conversation.skills)
    if conversation.received is not None:
        yield f"handed over by {conversation.received.by}"
        yield from _fenced(conversation.received.message)
    yield "asked"
    yield from _fenced("\n".join((*conversation.images, conversation.prompt)))


def end_lines(conversation: Conversation) -> Iterator[str]:
    """What stands behind the last turn."""
    if conversation.handed_over_to is not None:
        yield ""
        yield f"handed over to {conversation.handed_over_to}"
    if conversation.error is not None:
        yield ""
        yield "ended"
        yield from _fenced(f"{conversation.error.code}: {conversation.error.message}")


def turn_line(number: int, turn: SpokenTurn) -> str:
    """Which turn, whether it asks a person, who answered, what it took: a narrow terminal cuts the end."""
    if turn.status is StepStatus.RUNNING and turn.retry_at is not None:
        return f"turn {number} · waits for another try, not before {clock_time(turn.retry_at)}"
    if turn.status is not StepStatus.COMPLETED:
        tries = f", try {turn.attempt}" if turn.attempt > 1 else ""
        return f"turn {number} · {STEP_LABELS[turn.status].word}{tries}"
    who = _SCRIPTED if turn.provider == "scripted" else f"{turn.provider} {turn.model}".rstrip()
    cut = _CUT_OFF if turn.cut_off else ""
    asks = "asks" if turn.asks is not None else ""
    return " · ".join(filter(None, (f"turn {number}", asks, who, _tokens(turn), cut)))


def turn_lines(turn: SpokenTurn) -> Iterator[str]:
    """What a person said before a turn, what the model said, and what its calls brought."""
    if turn.said or turn.said_images or turn.said_skills:
        yield from _said(turn)
    yield from _answer(turn)


def _said(turn: SpokenTurn) -> Iterator[str]:
    unseen = f" · its model was told of {turn.unseen} in words" if turn.unseen else ""
    yield f"said by {turn.said_by or 'a person'}{unseen}"
    yield from _skills(turn.said_skills)
    yield from _fenced("\n".join(filter(None, (*turn.said_images, turn.said))))


def _skills(skills: Iterable[ToldSkill]) -> Iterator[str]:
    for skill in skills:
        yield f"skill {skill.key} · {skill.size:,} bytes · sha256 {skill.digest[:12]}"
        yield from _fenced(skill.text)


def _answer(turn: SpokenTurn) -> Iterator[str]:
    for one in turn.context:
        if one.text:
            yield f"said for this turn alone by {one.by or 'the flow'}"
            yield from _fenced(one.text)
        if one.data:
            yield f"given to the tools of this turn by {one.by}"
            yield from _fenced(json.dumps(one.data, ensure_ascii=False))
    if turn.hidden:
        yield f"tools hidden by a person: {', '.join(turn.hidden)}"
    if turn.found:
        yield f"tools found: {', '.join(turn.found)}"
    yield from _fenced(turn.text)
    if turn.error is not None:
        yield from _fenced(f"{turn.error.code}: {turn.error.message}")
    for call in turn.calls:
        yield from _call(call)


def _tokens(turn: SpokenTurn) -> str:
    """Of an agent of another program its last turn tells those of all, if any does."""
    if turn.input_tokens is None or turn.output_tokens is None:
        return "" if turn.calls else "tokens not told"
    about = ", estimated" if turn.estimated else ""
    cost = ", of unknown cost" if turn.unpriced else f", {dollars(turn.cost)}" if turn.cost else ""
    return f"{turn.input_tokens:,} tokens in, {turn.output_tokens:,} out{about}{cost}"


def _call(call: SpokenCall) -> Iterator[str]:
    status = STEP_LABELS[call.status].word if call.status is not None else "has not begun"
    decided = f" · {call.decided}" if call.decided else ""
    yield f"  call of {call.tool} · {status}{decided} · {call.step_id}"
    yield from _fenced(call.arguments, "  →")
    if call.changed is not None:
        yield "  changed before it was made"
        yield from _fenced(call.changed, "  →")
    if call.child_run_id is not None:
        yield f"  run {call.child_run_id}"
    if call.waits_with is not None:
        yield f"  waits for an answer: vasini answer {call.waits_with}"
    if call.error is not None:
        yield from _fenced(f"{call.error.code}: {call.error.message}", "  ✗")
    elif call.result is not None:
        text = call.result if isinstance(call.result, str) else json.dumps(call.result, ensure_ascii=False)
        yield from _fenced(text, "  ←")


def _fenced(text: str, bar: str = "│") -> Iterator[str]:
    if not text:
        return
    shown = text[:SHOWN]
    if len(text) > SHOWN:
        shown += f"… (+{len(text) - SHOWN} characters)"
    for line in shown.replace("\r\n", "\n").split("\n"):
        yield f"{bar} {line}"
