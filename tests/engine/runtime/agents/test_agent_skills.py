"""Skills of a pack are told to its agents as blocks of their own, with where they come from."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import yaml

from engine.models.conversation import Message, MessageRole
from engine.packs.loader import read_pack
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import finished

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from tests.engine.runtime.embedded_home import Home

BODY = "# Looking\n\nNever write {{ payload.what }}."


def skill(home: Home, name: str, body: str = BODY, **front: Any) -> None:
    """Add a skill to the pack `demo`."""
    place = home.root / "shipped" / "demo"
    (place / "SKILLS").mkdir(exist_ok=True)
    words = yaml.safe_dump({"id": name, "name": f"The {name}", "trigger": "When it looks", **front})
    (place / "SKILLS" / f"{name}.md").write_text(f"---\n{words}---\n\n{body}\n")
    manifest = yaml.safe_load((place / "profession-pack.yaml").read_text())
    manifest.setdefault("skills", []).append({"file": f"SKILLS/{name}.md"})
    (place / "profession-pack.yaml").write_text(yaml.safe_dump(manifest))


async def skill_events(engine: Engine, run_id: str) -> list[tuple[str, dict[str, Any]]]:
    events = await engine.runs.events(run_id)
    return [(event.kind, dict(event.payload)) for event in events if "skill" in event.kind]


async def test_a_skill_is_told_before_the_prompt_as_it_was_written_and_stands_in_the_history(
    home: Home,
) -> None:
    home.flow("ask", agent(says("never asked for"), skills=["look"]))
    skill(home, "look")
    answers = answering_in_turn(spoken("Here."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask", {"what": "a thing"})
        digest = sha256(BODY.encode()).hexdigest()
        (asked,) = [one for one in server.asked[0].body["messages"] if one["role"] == "user"]
        head = f"Skill demo/look (sha256 {digest[:12]}): The look. When to use it: When it looks"
        assert asked["content"] == f"{head}\n\n{BODY}\n\nDo a thing."
        assert await skill_events(engine, run.run_id) == [
            (
                "agent_skills_resolved",
                {"keys": ["demo/look"], "digests": [digest], "injection_bytes": len(BODY)},
            )
        ]
        conversation = await engine.runs.conversation(run.run_id, "work")
        (told,) = conversation.skills
        assert (told.key, told.digest, told.text, conversation.prompt) == (
            "demo/look",
            digest,
            BODY,
            "Do a thing.",
        )
        lines = list(conversation_lines(conversation))
        assert f"skill demo/look · {len(BODY)} bytes · sha256 {digest[:12]}" in lines
        assert "│ Never write {{ payload.what }}." in lines


async def test_a_skill_whose_tool_the_agent_lacks_is_not_told_and_the_others_are(home: Home) -> None:
    home.flow("ask", agent(says("Done."), skills=["call", "look"]))
    skill(home, "call", required_tools=["fake.give"])
    skill(home, "look")
    async with home.working() as engine:
        run = await finished(engine, "ask")
        failed, resolved = await skill_events(engine, run.run_id)
        assert failed == (
            "agent_skill_resolution_failed",
            {"key": "demo/call", "reason": "tool_not_visible", "details": {"tool": "fake.give"}},
        )
        assert resolved[1]["keys"] == ["demo/look"]
        conversation = await engine.runs.conversation(run.run_id, "work")
        assert [told.key for told in conversation.skills] == ["demo/look"]


async def test_tools_that_a_skill_needs_are_compared_without_case_and_spaces(home: Home) -> None:
    home.flow("ask", agent(says("Done."), skills=["call"], tools=("fake.give",)))
    skill(home, "call", required_tools=[" Fake.Give"])
    async with home.working() as engine:
        (resolved,) = await skill_events(engine, (await finished(engine, "ask")).run_id)
        assert resolved[1]["keys"] == ["demo/call"]


def test_a_skill_that_the_pack_has_not_and_too_much_of_them_are_problems(home: Home) -> None:
    home.flow("ask", agent(skills=["lok", "long"]))
    skill(home, "look")
    skill(home, "long", "x" * 100_001)
    problems = [str(one) for one in read_pack(home.root / "shipped" / "demo").problems]
    assert len(problems) == 2
    assert any("the pack has no skill `lok`" in one and "look" in one for one in problems)
    assert any("100001 bytes together, an agent is told 100000" in one for one in problems)


def test_a_message_without_blocks_is_its_text() -> None:
    message = Message(MessageRole.USER, "hello")
    assert (message.texts, message.whole_text) == (("hello",), "hello")


async def test_a_model_is_told_which_skills_its_pack_has_but_for_those_that_need_a_tool_it_lacks(
    home: Home,
) -> None:
    home.flow("ask", agent(says("never asked for")))
    skill(home, "call", required_tools=["fake.give"])
    skill(home, "look")
    answers = answering_in_turn(spoken("Here."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        await finished(engine, "ask", {"what": "a thing"})
        system = server.asked[0].body["messages"][0]["content"]
        assert "## Skills\n- demo/look: The look. When to use it: When it looks" in system
        assert "demo/call" not in system
