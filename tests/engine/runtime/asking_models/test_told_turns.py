"""What a model is told of a long conversation: the newest turns, as many as there is room for."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from pydantic_core import to_json

from engine.machine.model.state import Branches, Outputs
from engine.models.conversation import Message, MessageRole, ModelRequest, ToolOffer
from engine.models.failure import ModelFailure
from engine.runtime.worker.steps.agents.meter import request_bytes
from engine.runtime.worker.steps.agents.told.conversation import (
    Briefing,
    Briefings,
    Window,
    messages_as_they_were,
    messages_of,
)
from engine.runtime.worker.steps.agents.told.ended_turns import EndedTurns, Spoken
from engine.runtime.worker.steps.agents.told.repeated_calls import LOOKED_BACK, LoopDetected
from engine.runtime.worker.steps.agents.told.turns import RESULT_LIMIT, Turn, turn_of
from engine.values import ImageRef

BRIEFING = Briefing("", "Be.", "Do it.")


def turn(number: int, result: Any = "found", *, said: str = "") -> Turn:
    """A turn with one call."""
    return turn_of(kept_turn(number, result, said=said), number)


def kept_turn(number: int, result: Any = "found", *, said: str = "") -> dict[str, Any]:
    """The same as the journal keeps it."""
    call = {"id": f"c{number}", "tool": "look", "arguments": f'{{"n":{number}}}'}
    reply = {"text": f"turn {number}", "calls": [call], **({"said": said} if said else {})}
    return {"reply": reply, "results": [result]}


def told(turns: list[Turn], characters: int, said: str = "") -> tuple[Message, ...]:
    """What a model is told of turns, the oldest first."""
    return messages_of(filled(Window(BRIEFING, said, characters), turns), len(turns))


def filled(window: Window, turns: list[Turn]) -> Window:
    """With so many of the turns as it takes."""
    for one in reversed(turns):
        if not window.wants_more:
            break
        window.add(one)
    return window


def results(messages: tuple[Message, ...]) -> list[str]:
    return [one.text for one in messages if one.role is MessageRole.TOOL]


def test_everything_is_told_while_there_is_room() -> None:
    messages = told([turn(number) for number in range(3)], 100_000, "And now?")
    assert [one.role.value for one in messages] == ["system", "user", *["assistant", "tool"] * 3, "user"]
    assert messages[1].text == "Do it."
    assert results(messages) == ["found"] * 3
    assert messages[-1].text == "And now?"


def test_first_the_oldest_results_are_left_out_then_the_oldest_turns() -> None:
    messages = told([turn(number, "r" * 1000) for number in range(40)], 10_000)
    found = results(messages)
    whole = [text for text in found if text.startswith("rrr")]
    assert 0 < len(whole) < len(found) < 40
    assert found[-len(whole) :] == whole
    assert set(found[: -len(whole)]) == {"(left out here: 1000 characters)"}
    assert (
        messages[1].text
        == f"Do it.\n\n({40 - len(found)} earlier turns are left out here: they are too much.)"
    )
    assert [one.text for one in messages if one.role is MessageRole.ASSISTANT][-1] == "turn 39"
    assert sum(len(one.text) for one in messages) < 10_000


def test_calls_and_their_results_stay_together() -> None:
    messages = told([turn(number, "r" * 700) for number in range(60)], 9_000)
    for call, result in zip(messages[2::2], messages[3::2], strict=True):
        assert [one.id for one in call.calls] == [result.call_id]


def test_the_result_of_the_newest_turn_is_told_cut_where_it_is_larger_than_all_the_room() -> None:
    (result,) = results(told([turn(0, "r" * RESULT_LIMIT)], 8_000))
    assert result.startswith("rrr")
    assert "cut: 32000 characters in all" in result
    assert 7_000 < len(result) < 8_000


def test_what_is_larger_than_all_the_room_is_an_error_that_says_what_to_do() -> None:
    one = [turn(0, "r" * 1000)]
    for turns, characters in ((one[1:], 5), (one, 200)):
        with pytest.raises(ModelFailure, match="raise context_tokens") as caught:
            told(turns, characters)
        assert caught.value.details()["reason"] == "context_length"


def test_thoughts_that_take_most_of_the_room_are_left_out_and_others_count_as_what_is_told() -> None:
    def thought(number: int, characters: int) -> Turn:
        kept = kept_turn(number, "r" * 1_000)
        kept["reply"]["carried"] = {"of": "m", "data": {"reasoning_content": "t" * characters}}
        return turn_of(kept, number)

    def carried(turns: list[Turn]) -> list[bool]:
        messages = told(turns, 10_000)
        assert sum(message.characters for message in messages) <= 10_000
        assert results(messages)[-1] == "r" * 1_000
        return [one.carried is not None for one in messages if one.role is MessageRole.ASSISTANT]

    assert carried([thought(0, 3_000)]) == [True]
    assert carried([thought(0, 6_000)]) == [False]
    assert carried([thought(0, 200_000)]) == [False]
    assert carried([thought(number, 3_000) for number in range(5)]) == [True, True]


def test_the_same_call_again_and_again_is_found_though_its_turns_are_not_told() -> None:
    other = [turn(number) for number in range(10)]
    same = turn(99, "r" * 3000)
    with pytest.raises(LoopDetected, match="4 times"):
        told([same, *other, same, *other[:1], same, *other[1:2], same], 2_000)


def test_the_same_call_now_and_then_is_no_loop() -> None:
    others = [turn(1_000 + number) for number in range(300)]
    apart = LOOKED_BACK // 2
    turns = [one for start in range(0, 300, apart) for one in (turn(99), *others[start : start + apart])]
    assert told(turns, 1_000_000)
    spoken = Spoken.of(turns)
    assert spoken is not None, "nor is it looked for anew in every question"
    with pytest.raises(LoopDetected):
        told([one for start in (0, 20, 40, 60) for one in (turn(99), *others[start : start + 20])], 1_000_000)


def test_a_call_that_is_made_many_times_at_once_is_told_before_it_ends_the_agent() -> None:
    many = kept_turn(99)
    many["reply"]["calls"] *= 128
    many["results"] *= 128
    at_once = turn_of(many, 0)
    *_, first = told([at_once], 100_000)
    assert first.text.endswith("Do something else, or answer.")
    with pytest.raises(LoopDetected):
        told([at_once, turn(1), turn(99)], 100_000)


def test_calls_of_before_a_person_spoke_are_no_loop() -> None:
    same = turn(99)
    assert told([same, same, same, turn(1, said="again"), same, same], 100_000)


@pytest.mark.parametrize("output", [None, {"type": "object"}])
def test_turns_that_are_kept_from_the_question_before_are_told_as_if_put_together_anew(
    output: dict[str, Any] | None,
) -> None:
    chance = Random(7)
    briefing = Briefing("", "Be.", "Do it.", output)
    kept = anew = 0
    for _ in range(60):
        spoken = Spoken()
        turns: list[Turn] = []
        while len(turns) < 12:
            said = chance.choice(["", "", "", "And then?"])
            turns.append(turn(chance.randrange(40), "r" * chance.choice([1, 40, 900]), said=said))
            if chance.random() < 0.1:
                turns[-1] = turn_of({"reply": {"text": "well", "calls": []}, "results": []}, 40)
            window = Window(briefing, said, chance.choice([1_500, 4_000, 100_000]))
            if not spoken.add(turns[-1]):
                break
            if not window.holds(spoken):
                anew += 1
                continue
            kept += 1
            found = messages_as_they_were(window, spoken)
            assert found == messages_of(filled(window, turns), len(turns))
    assert kept > 50
    assert anew > 50


async def test_turns_that_ended_elsewhere_are_read_by_the_page_and_each_once() -> None:
    journal = FakeJournal()
    ended = EndedTurns(journal, FakeValues())  # type: ignore[arg-type]  # what turns are read from
    assert await ended.spoken("run", "work", Branches(total=1)) is not None
    spoken = await ended.spoken("run", "work", Branches(total=201, dropped=200))
    assert spoken is not None
    assert [one.text for one in spoken.messages if one.calls] == [f"turn {number}" for number in range(200)]
    assert [len(paths) for paths in journal.asked] == [64, 64, 64, 8]
    brought = kept_turn(200)
    newest = Branches(total=202, dropped=200, outputs=Outputs.of([(200, brought)]))
    assert await ended.spoken("run", "work", newest) is spoken
    assert await ended.spoken("run", "work", newest) is spoken
    assert (spoken.turns, len(journal.asked)) == (201, 4)


class FakeJournal:
    """Has the output of every turn."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def step_outputs(self, _run_id: str, paths: list[str]) -> dict[str, str]:
        self.asked.append(paths)
        return {path: to_json({"output": kept_turn(int(path.split("/")[1]))}).decode() for path in paths}


class FakeValues:
    """Everything is inline."""

    async def load_many(self, values: list[Any]) -> list[Any]:
        return values


def test_a_call_that_was_made_before_or_an_image_is_told_anew() -> None:
    same, image = turn(99), turn(1)
    assert Spoken.of([same, turn(1), same]) is not None
    assert Spoken.of([same, same, same]) is None
    assert Spoken.of([replace(image, said_images=(ImageRef(),))]) is None
    assert Spoken.of([turn(1, "r" * (RESULT_LIMIT + 1))]) is None


def test_no_more_turns_are_read_than_are_told_or_looked_at() -> None:
    window = Window(BRIEFING, "", 4_000)
    read = 0
    while window.wants_more:
        window.add(turn(read, "r" * 500))
        read += 1
    assert read == LOOKED_BACK


def test_what_an_agent_is_told_first_is_put_together_again_only_when_it_changes() -> None:
    held = Briefings()
    first = held.same("work", Briefing("", "Be.", "Do it."))
    assert held.same("work", Briefing("", "Be.", "Do it.")) is first
    other = held.same("work", Briefing("", "Be.", "Do that."))
    assert (other.prompt, held.same("look", first)) == ("Do that.", first)
    for number in range(100):
        held.same(f"{number}", first)
    assert held.same("work", other) is other


@pytest.mark.parametrize("offered", [0, 1, 3])
def test_the_bytes_of_a_request_are_those_of_its_json(offered: int) -> None:
    messages = told([turn(number, "ü\n" * 10) for number in range(3)], 100_000)
    offers = tuple(ToolOffer(f"look{n}", "Looks: ü.", {"type": "object"}) for n in range(offered))
    spoken = [[one.role, one.texts, [*map(_shown, one.calls)], one.call_id] for one in messages]
    tools = [[one.name, one.description, one.parameters] for one in offers]
    json = sum(1 + len(to_json(one)) for one in spoken) + len(to_json(tools))
    assert request_bytes(ModelRequest(messages, offers)) == json


def _shown(call: Any) -> dict[str, str]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}
