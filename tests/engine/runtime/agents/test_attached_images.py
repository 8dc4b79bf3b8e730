"""Images that people add to a message, a start or a form: files of their machine, read once and kept."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import InvalidInput
from engine.images import MAX_IMAGE_BYTES, MOST_BYTES, MOST_IMAGES
from engine.runtime.files.attached_images import with_images_read
from tests.engine.models.loopback import serving
from tests.engine.pictures import as_text, jpeg, png
from tests.engine.runtime.agents.test_agent_images import GIVES, SHOT, WORDS, images_of
from tests.engine.runtime.agents.test_conversations import say, waiting
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import ANN, BOB, Home, finished, form, rest, start, tool
from tests.engine.runtime.outside_programs import agent as outside
from tests.engine.runtime.outside_programs import agents as outside_agents
from tests.engine.runtime.outside_programs import said as heard

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine

TAKES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "images": {"type": "array", "items": {"type": "string"}, "format": "images", "default": []}
    },
}
SHOWS = ("{{ payload.images }}",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a person's files are."""
    found = tmp_path / "mine"
    found.mkdir()
    (found / "shot.png").write_bytes(SHOT)
    return found


async def show(engine: Engine, run_id: str, folder: Path, *names: str, text: str = "Look.") -> None:
    asked = (await waiting(engine, run_id)).waits_with
    assert asked is not None
    said = {"text": text, "images": list(names)}
    await engine.requests.answer(asked, said, actor=BOB, base_dir=folder)


async def test_an_image_of_a_message_is_shown_to_the_model_and_everywhere_else_it_is_words(
    home: Home, folder: Path
) -> None:
    home.flow("talk", agent(mode="conversation", tools=GIVES))
    answers = answering_in_turn(spoken("Hello."), spoken("A shot."), spoken("Still there."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url, images=True)) as engine:
            run_id = await start(engine, "talk")
            await show(engine, run_id, folder, "shot.png")
            (folder / "shot.png").unlink()  # the run has what it was given
            await waiting(engine, run_id)
        async with home.working(models=models_at(server.url, images=True)) as engine:
            await say(engine, run_id, "And now?")
            found = await waiting(engine, run_id)
            assert (images_of(server, 1), images_of(server, 2)) == ([as_text(SHOT)], [as_text(SHOT)])
            said = server.asked[2].body["messages"][-3]
            assert (said["role"], said["content"][-1]) == ("user", {"type": "text", "text": "Look."})
            turn = found.turns[1]
            assert (turn.said, turn.said_images, turn.said_by, turn.unseen) == ("Look.", (WORDS,), "bob", 0)
            events = json.dumps([one.payload for one in await engine.runs.events(run_id, limit=100)])
            assert WORDS in events
            assert '"kind": "png"' not in events
            (form,) = (await engine.requests.forms(run_id=run_id)).items
            assert as_text(SHOT) not in form.model_dump_json()


async def test_a_model_that_takes_none_is_told_in_words_and_the_conversation_says_so(
    home: Home, folder: Path
) -> None:
    home.flow("talk", agent(mode="conversation"))
    async with (
        serving(answering_in_turn(spoken("Hello."), spoken("I see nothing."))) as server,
        home.working(models=models_at(server.url)) as engine,
    ):
        run_id = await start(engine, "talk")
        await show(engine, run_id, folder, "shot.png", text="")  # an image says something by itself
        turn = (await waiting(engine, run_id)).turns[1]
        assert (turn.said_images, turn.unseen) == ((WORDS,), 1)
        assert (images_of(server), server.asked[-1].body["messages"][-1]["content"]) == ([], WORDS)


async def test_more_than_half_of_the_room_is_told_in_words(home: Home, folder: Path) -> None:
    (folder / "large.png").write_bytes(png(3_000, 3_000))
    home.flow("talk", agent(mode="conversation"))
    async with (
        serving(answering_in_turn(spoken("Hello."), spoken("Small."))) as server,
        home.working(models=models_at(server.url, images=True, context_tokens=2_000)) as engine,
    ):
        run_id = await start(engine, "talk")
        await show(engine, run_id, folder, "shot.png", "large.png", "shot.png")
        assert (await waiting(engine, run_id)).turns[1].unseen == 1
        assert images_of(server) == [as_text(SHOT)]


async def test_a_run_starts_with_images_and_again_with_the_same_ones(home: Home, folder: Path) -> None:
    home.flow("ask", agent(images=list(SHOWS)), input=TAKES)
    (folder / "chart.jpg").write_bytes(jpeg(20, 10))
    async with (
        serving(answering_in_turn(spoken("Two."), spoken("Two again."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        names = ["shot.png", str(folder / "chart.jpg")]
        first = await engine.runs.start("demo", "ask", {"images": names}, actor=ANN, base_dir=folder)
        await rest(engine, first.run_id, expect=RunStatus.COMPLETED)
        (folder / "shot.png").unlink()
        again = await engine.runs.start_again(first.run_id, {}, actor=ANN, base_dir=folder)
        run = await rest(engine, again.run_id, expect=RunStatus.COMPLETED)
        assert images_of(server, 0) == images_of(server, 1) == [as_text(SHOT), as_text(jpeg(20, 10))]
        assert (await engine.runs.get(run.run_id)).run.input == {"images": [WORDS, "[image 20x10 jpeg]"]}
        assert home.document(run, "input/input.json")["images"] == [WORDS, "[image 20x10 jpeg]"]


@pytest.mark.parametrize("behavior", ["sees", "blind"])
async def test_another_program_is_shown_them_where_it_says_that_it_takes_some(
    home: Home, folder: Path, behavior: str
) -> None:
    home.flow("ask", outside(images=list(SHOWS)), input=TAKES)
    async with home.working(agents=outside_agents(home, behavior)) as engine:
        asked = await engine.runs.start("demo", "ask", {"images": ["shot.png"]}, actor=ANN, base_dir=folder)
        await rest(engine, asked.run_id, expect=RunStatus.COMPLETED)
        *shown, text = json.loads(await heard(engine, asked.run_id))
        assert shown == (
            [{"type": "image", "mimeType": "image/png", "data": as_text(SHOT)}] if behavior == "sees" else []
        )
        assert text["text"].startswith(WORDS) == (behavior == "blind")
        assert text["text"].endswith("Make it.")


async def test_a_flow_hands_them_on_as_texts_of_the_schema(home: Home, folder: Path) -> None:
    home.flow("inner", agent(images=list(SHOWS)), input=TAKES)
    params = {"images": "{{ payload.images }}"}
    home.flow("ask", {"id": "sub", "type": "subflow", "subflow": "inner", "params": params}, input=TAKES)
    async with (
        serving(answering_in_turn(spoken("One."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run = await engine.runs.start("demo", "ask", {"images": ["shot.png"]}, actor=ANN, base_dir=folder)
        await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
        assert images_of(server) == [as_text(SHOT)]


async def test_a_form_takes_images_where_it_has_a_field_of_them(home: Home, folder: Path) -> None:
    home.flow(
        "ask",
        form("shot", params={"schema": TAKES}),
        agent(images=["{{ steps.shot.output['values'].images }}"]),
    )
    async with (
        serving(answering_in_turn(spoken("One."))) as server,
        home.working(models=models_at(server.url, images=True)) as engine,
    ):
        run_id = await start(engine, "ask")
        await rest(engine, run_id, expect=RunStatus.PENDING_USER_INPUT)
        (asked,) = (await engine.requests.forms(run_id=run_id)).items
        given = {"images": ["shot.png"]}
        with pytest.raises(InvalidInput, match="which only a person there can name"):
            await engine.requests.answer(asked.request_id, given, actor=BOB)
        await engine.requests.answer(asked.request_id, given, actor=BOB, base_dir=folder)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert images_of(server) == [as_text(SHOT)]


async def test_neither_a_program_nor_a_default_names_a_file(home: Home, folder: Path) -> None:
    """Else a flow, a form or another agent would choose what is read here and shown to a model."""
    sly = json.loads(json.dumps(TAKES))
    sly["properties"]["images"]["default"] = [str(folder / "shot.png")]
    home.flow("ask", tool("act", params={"a": 1}), input=TAKES)
    home.flow("sly", tool("act", params={"a": 1}), input=sly)
    async with home.working() as engine:
        with pytest.raises(InvalidInput, match="which only a person there can name"):
            await engine.runs.start("demo", "ask", {"images": [str(folder / "shot.png")]}, actor=ANN)
        with pytest.raises(InvalidInput, match="a default names no image"):
            await engine.runs.start("demo", "sly", {}, actor=ANN, base_dir=folder)
        forged = {"$image": "0" * 64, "kind": "png", "width": 1, "height": 1, "size": 1}
        with pytest.raises(InvalidInput, match="does not fit"):
            await engine.runs.start("demo", "ask", {"images": [forged]}, actor=ANN, base_dir=folder)
        await finished(engine, "ask")


async def test_what_is_hostile_is_refused_and_says_why(folder: Path) -> None:
    (folder / "text.png").write_text("root:x:0:0")
    (folder / "empty.png").write_bytes(b"")
    (folder / "wide.png").write_bytes(png(90_000, 5))
    (folder / "large.png").write_bytes(png(5, 5, b"x" * MAX_IMAGE_BYTES))
    (folder / "link.png").symlink_to(folder / "shot.png")
    (folder / "\x1b[2Jshot.png").write_text("x")
    os.mkfifo(folder / "pipe.png")
    for name, why in {
        "text.png": "text.png is no PNG, JPEG, GIF or WebP image",
        "empty.png": "is no PNG, JPEG, GIF or WebP image",
        "wide.png": r"is \[image 90000x5 png\]: a side may have 8,000 pixels",
        "large.png": "has 5,242,909 bytes; an image may have 5,242,880",
        "link.png": "it is a symbolic link; name the file itself",
        "pipe.png": "pipe.png is no plain file",
        "\x1b[2Jshot.png": r"^[^\x1b]* is no PNG",
        ".": "is a directory",
        "": "is a directory",
        "none.png": "no such file",
        "a\0b": "is no name of a file",
        "x" * 5_000: "name of a file|file name too long",
        "~nobody-of-this-name/shot.png": "no such file",
        "/dev/zero": "no plain file",
        "/proc/self/status": "changed while it was read",
    }.items():
        await refused(folder, [name], why)
    await refused(folder, ["shot.png"] * (MOST_IMAGES + 1), "at most 20 images are taken, these are 21")
    many = [f"{number}.png" for number in range(1 + MOST_BYTES // 4_000_000)]
    for number, name in enumerate(many):
        (folder / name).write_bytes(png(5, 5 + number, b"x" * 4_000_000))
    await refused(folder, many, "bytes in all, more than 16,777,216")


async def refused(folder: Path, names: list[str], why: str) -> None:
    given = {"images": names}
    with pytest.raises(InvalidInput, match=why) as refusal:
        await with_images_read(TAKES, given, given, folder)
    assert refusal.value.details["errors"][0]["field"] == "images"
