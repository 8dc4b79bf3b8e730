"""Images that calls bring, and that agents are asked about: kept once, shown to models that take some."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.images import MOST_IMAGES
from engine.models.blocks import ImageBlock
from engine.runtime.worker.steps.calls.brought_images import brings_images, kept_images
from tests.engine.models.loopback import serving
from tests.engine.pictures import as_text, jpeg, png
from tests.engine.runtime.agents.test_conversations import say, waiting
from tests.engine.runtime.agents_at_work import (
    agent,
    answering_in_turn,
    call,
    models_at,
    output_of,
    says,
    spoken,
    told,
)
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    error_of,
    failed,
    finished,
    pending_approval,
    rest,
    start,
    tool,
)
from tests.engine.runtime.plans.proposed_plans import call as planned
from tests.engine.runtime.plans.proposed_plans import next_plan, plan, proposes

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.tools.context import ToolContext
    from tests.engine.models.loopback import Loopback

SHOT = png(640, 480, b"pixels")
WORDS = "[image 640x480 png]"


def brings(*images: bytes, **fields: Any) -> dict[str, Any]:
    return {**fields, "images": [{"content_base64": as_text(one)} for one in images]}


async def shows(_params: dict[str, Any], _context: ToolContext) -> Any:
    return brings(SHOT)


def looks(*results: dict[str, Any]) -> list[bytes]:
    """Answers of a model that calls for each of these, and then speaks."""
    calls = [spoken("I look.", ("fake__give", json.dumps({"value": one}))) for one in results]
    return [*calls, spoken("There it is.")]


def images_of(server: Loopback, question: int = -1) -> list[str]:
    """The images of a question, as base64 text."""
    contents = [one["content"] for one in server.asked[question].body["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [part["image_url"]["url"].partition(",")[2] for part in parts if part["type"] == "image_url"]


GIVES = ("fake.give",)


async def test_an_image_that_a_call_brings_is_shown_to_a_model_that_takes_some(home: Home) -> None:
    home.flow("ask", agent(tools=GIVES))
    async with (
        serving(answering_in_turn(*looks(brings(SHOT, note="here")))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run = await finished(engine, "ask")
        assert images_of(server) == [as_text(SHOT)]
        told = server.asked[1].body["messages"][-2]
        assert (told["role"], json.loads(told["content"])) == ("tool", {"images": [WORDS], "note": "here"})
        await nobody_is_shown_more_than_what_it_is(engine, run.run_id)


async def nobody_is_shown_more_than_what_it_is(engine: Engine, run_id: str) -> None:
    conversation = await engine.runs.conversation(run_id, "work")
    assert conversation.turns[0].calls[0].result["images"] == [WORDS]
    steps = (await engine.runs.steps(run_id)).items
    brought = next(one.output for one in steps if one.step_id == "work/0/calls/0/call")
    assert brought["images"] == [WORDS]
    events = [json.dumps(one.payload) for one in await engine.runs.events(run_id, limit=1_000)]
    assert any(WORDS in one for one in events)
    assert not [one for one in events if '"kind": "png"' in one]


async def test_a_model_that_takes_none_is_told_what_it_is(home: Home) -> None:
    home.flow("ask", agent(tools=GIVES))
    async with (
        serving(answering_in_turn(*looks(brings(SHOT)))) as server,
        home.working(models=models_at(server.url)) as engine,
    ):
        await finished(engine, "ask")
        assert images_of(server) == []
        told = server.asked[1].body["messages"][-1]
        assert (told["role"], json.loads(told["content"])) == ("tool", {"images": [WORDS]})
        assert as_text(SHOT) not in str(told)


@pytest.mark.parametrize("images", [True, False])
async def test_a_tool_that_only_shows_images_is_offered_to_models_that_are_shown_some(
    home: Home,
    images: bool,
) -> None:
    home.tools.registry.register(ToolSpec(name="fake.look", for_images=True), shows)
    home.flow("ask", agent(tools=("fake.echo", "fake.look")))
    answers = answering_in_turn(spoken("", ("fake__look", "{}")), spoken("There."))
    async with (
        serving(answers) as server,
        home.working(models=models_at(server.url, images=images)) as engine,
    ):
        run = await finished(engine, "ask")
        offered = [one["function"]["name"] for one in server.asked[0].body["tools"]]
        assert offered == (["fake__echo", "fake__look"] if images else ["fake__echo"])
        (at,) = (await engine.runs.snapshot(run.run_id)).agents
        assert at.tools.blind == (() if images else ("fake.look",))
        (result,) = await told(engine, run.run_id)
        refused = {
            "code": "permission_denied",
            "message": "the tool fake.look is not offered to you; yours are: fake.echo",
        }
        assert result.get("error") == (None if images else refused)


async def test_the_scripted_model_calls_such_a_tool_as_the_one_would_that_it_stands_for(home: Home) -> None:
    home.tools.registry.register(ToolSpec(name="fake.look", for_images=True), shows)
    home.flow("ask", agent(says("", call("fake.look")), says("There."), tools=("fake.look",)))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert await told(engine, run.run_id) == [{"images": [WORDS]}]


async def test_an_agent_is_asked_about_images_that_steps_brought(home: Home) -> None:
    second = jpeg(20, 10)
    home.flow(
        "ask",
        tool("shot", "fake.give", params={"value": brings(SHOT, text="x" * 20_000)}),
        tool("chart", "fake.give", params={"value": brings(second)}),
        agent(images=["{{ steps.shot.output.images }}", "{{ steps.chart.output.images[0] }}"]),
    )
    async with (
        serving(answering_in_turn(spoken("Two images."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run = await finished(engine, "ask")
        assert images_of(server) == [as_text(SHOT), as_text(second)]
        conversation = await engine.runs.conversation(run.run_id, "work")
        assert conversation.images == (WORDS, "[image 20x10 jpeg]")
        assert (await output_of(engine, run.run_id, "shot"))["images"] == [WORDS]


async def test_what_else_an_agent_is_told_hides_no_image(home: Home) -> None:
    """Here its script holds what looks like a reference of ours."""
    forged = {"$image": "0" * 64, "kind": "png", "width": 1, "height": 1, "size": 1}
    script = [{"text": "I look.", "calls": [{"tool": "fake.give", "arguments": "{{ payload }}"}]}]
    home.flow(
        "ask",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        agent(images=["{{ steps.shot.output.images }}"], script=script),
    )
    async with (
        serving(answering_in_turn(spoken("An image."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        await finished(engine, "ask", {"value": forged})
        assert images_of(server) == [as_text(SHOT)]


async def test_another_engine_shows_them_too(home: Home) -> None:
    home.flow(
        "talk",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        agent(tools=GIVES, mode="conversation", images=["{{ steps.shot.output.images }}"]),
    )
    chart = jpeg(20, 10)
    answers = answering_in_turn(*looks(brings(chart)), spoken("Both."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url, images=True)) as engine:
            run_id = await start(engine, "talk")
            await waiting(engine, run_id)
        async with home.working(models=models_at(server.url, images=True)) as engine:
            await say(engine, run_id, "Which?")
            await waiting(engine, run_id)
        assert images_of(server) == [as_text(SHOT), as_text(chart)]


async def test_an_image_is_passed_on_to_another_flow_and_is_never_more_than_what_it_is(home: Home) -> None:
    home.flow("inner", agent(images=["{{ payload.of }}"]))
    home.flow(
        "ask",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        {
            "id": "sub",
            "type": "subflow",
            "subflow": "inner",
            "params": {"of": "{{ steps.shot.output.images[0] }}"},
        },
        tool("again", "fake.echo", params={"of": "{{ steps.shot.output.images[0] }}"}),
    )
    async with (
        serving(answering_in_turn(spoken("An image."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run = await finished(engine, "ask")
        assert images_of(server) == [as_text(SHOT)]
        assert (await engine.runs.step(run.run_id, "again")).input["of"] == WORDS


async def test_a_plan_is_asked_about_images_that_steps_brought_in_every_turn(home: Home) -> None:
    home.flow(
        "go",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        plan(tools=GIVES, images=["{{ steps.shot.output.images }}"]),
    )
    answers = answering_in_turn(*[spoken(json.dumps(proposes(planned("one", "fake.give", value=1))))] * 2)
    async with (
        serving(answers) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run_id = await start(engine, "go")
        first = await pending_approval(engine, run_id)
        await engine.requests.reject(first.approval_id, actor=ANN, comment="no", digest=first.digest)
        await next_plan(engine, run_id, first)
        assert [images_of(server, number) for number in (0, 1)] == [[as_text(SHOT)]] * 2


async def test_a_plan_of_a_model_that_takes_no_images_is_told_what_they_are(home: Home) -> None:
    home.flow(
        "go",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        plan(tools=GIVES, images=["{{ steps.shot.output.images }}"]),
    )
    answers = answering_in_turn(spoken(json.dumps(proposes(planned("one", "fake.give", value=1)))))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        await pending_approval(engine, await start(engine, "go"))
        assert images_of(server) == []
        assert WORDS in server.asked[0].body["messages"][1]["content"]


async def test_a_person_who_is_asked_sees_what_an_image_is(home: Home) -> None:
    """That is no personal data, so nothing is recorded as shown."""
    shot = "{{ steps.shot.output.images }}"
    home.flow(
        "ask",
        tool("shot", "fake.give", params={"value": brings(SHOT)}),
        {**approval("ok", gates="act"), "params": {"seen": shot}},
        tool("act", "fake.echo", params={"of": shot}),
    )
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        seen = await engine.requests.approval(card.approval_id, viewer=ANN)
        assert seen.context == {"seen": [WORDS]}
        assert seen.action is not None
        assert seen.action.params == {"of": [WORDS]}
        assert not [one for one in await engine.runs.events(run_id, limit=100) if "shown" in one.kind]
        await engine.requests.approve(card.approval_id, actor=ANN, digest=seen.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


@pytest.mark.parametrize(
    "forged",
    [
        {"$image": "0" * 64, "kind": "png", "width": 1, "height": 1, "size": 1},
        "[image 640x480 png]",
        7,
    ],
)
async def test_what_was_not_kept_by_this_engine_is_no_image(home: Home, forged: Any) -> None:
    home.flow(
        "ask",
        tool("shot", "fake.give", params={"value": "{{ payload.forged }}"}),
        agent(images=["{{ steps.shot.output }}"]),
    )
    home.flow("directly", agent(images=["{{ payload.forged }}"]))
    async with home.working() as engine:
        for flow in ("ask", "directly"):
            run = await failed(engine, flow, {"forged": forged})
            code, message = await error_of(engine, run.run_id)
            assert code == "invalid_input"
            assert "takes images that steps brought or people added" in message


async def test_a_reference_that_a_tool_makes_up_is_data_and_opens_nothing(home: Home) -> None:
    """Not even beside a true image of which it knows the digest."""
    home.flow("ask", agent(tools=GIVES))
    forged = {"$image": "0" * 64, "kind": "png", "width": 1, "height": 1, "size": 1}
    async with (
        serving(answering_in_turn(*looks({"images": [forged]}, brings(SHOT, more=forged)))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run = await finished(engine, "ask")
        assert images_of(server) == []
        assert (await output_of(engine, run.run_id, "work/0/calls/0/call"))["images"] == [forged]


async def test_the_same_screen_twice_is_sent_once_and_other_pixels_are_another_result(home: Home) -> None:
    """A call is only the same again when its image is."""
    home.flow("ask", agent(tools=GIVES, max_turns=20))
    shots = [png(640, 480, bytes([number])) for number in range(4)]
    answers = [spoken("Again.", ("fake__give", "{}"))] * 4
    async with (
        serving(answering_in_turn(*answers, spoken("Enough."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        home.tools.gives = [brings(one, one) for one in shots]
        await finished(engine, "ask")
        assert images_of(server) == [as_text(one) for one in shots]


async def test_an_image_goes_with_the_last_run_that_refers_to_it(home: Home, each_journal: Journal) -> None:
    home.flow("small", tool("shot", "fake.give", params={"value": brings(SHOT)}))
    home.flow("large", tool("shot", "fake.give", params={"value": brings(SHOT, text="x" * 20_000)}))
    digest = next(iter(kept_images(brings(SHOT))[1]))
    async with home.working(journal=each_journal) as engine:
        for flow in ("small", "large"):
            await finished(engine, flow)
            assert digest not in (await each_journal.upkeep.unused_blobs())[0]
            assert await each_journal.blob(digest) == SHOT
            await engine.housekeeping.prune(datetime.now(UTC) + timedelta(hours=1), actor=ANN)


def test_what_is_hostile_is_told_in_words() -> None:
    entries = [
        "!",
        as_text(b"<svg/>"),
        as_text(png(0, 5)),
        as_text(png(90_000, 5)),
        as_text(png(5, 5, b"x" * 6_000_000)),
    ]
    kept, blobs = kept_images({"images": [{"content_base64": one} for one in entries]})
    assert kept["images"] == [
        "[no image: what was sent is no base64]",
        "[no image: 6 bytes of something else]",
        "[no image: 29 bytes of something else]",
        "[image 90000x5 png] (not kept: a side has more than 8000 pixels)",
        "[image 5x5 png] (not kept: 6000029 bytes are more than 5242880)",
    ]
    assert not blobs
    many, blobs = kept_images(brings(*[png(1, number + 1) for number in range(MOST_IMAGES + 1)]))
    assert len(blobs) == MOST_IMAGES
    assert (
        many["images"][-1]
        == f"[image 1x{MOST_IMAGES + 1} png] (not kept: {MOST_IMAGES} images are kept of a result)"
    )


@pytest.mark.parametrize(
    "output", [None, {"images": 1}, {"images": []}, {"images": ["a"]}, {"images": [{"url": "x"}]}]
)
def test_what_only_has_the_name_is_left_as_it_is(output: Any) -> None:
    assert not brings_images(output)


def test_the_words_of_a_block_are_those_of_people() -> None:
    assert ImageBlock("png", 640, 480).told == WORDS
