"""Models that settings name while runs are worked: asked from the next question on, with price and key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.budget.settings import BudgetSettings
from engine.contracts.status import RunStatus
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, spoken
from tests.engine.runtime.embedded_home import ANN, Home, approval, pending_approval, rest, start, tool, until
from tests.engine.runtime.fake_settings import FakeSettings
from tests.engine.runtime.money.test_spending import usages
from tests.engine.runtime.outside_programs import agent as outside
from tests.engine.runtime.outside_programs import agents as outside_agents
from tests.engine.runtime.outside_programs import notes as outside_notes

if TYPE_CHECKING:
    import pytest

    from tests.engine.models.loopback import Answer, Write


def named(name: str, url: str) -> ModelSettings:
    model = NamedModel(
        provider=ProviderName.OPENAI, model=f"{name}-model", base_url=url, api_key=f"{name}_key"
    )
    return ModelSettings(default=name, named={name: model})


async def test_a_worker_says_at_its_start_which_keys_are_there_and_no_more(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"one": "mine", "two": "gone", "open": ""}
    named = {
        name: NamedModel(provider=ProviderName.OPENAI, model="m", api_key=key) for name, key in keys.items()
    }
    caplog.set_level("INFO")
    async with home.working(models=ModelSettings(named=named), secrets={"mine": "sk-hidden"}):
        pass
    told = [one.getMessage() for one in caplog.records if one.getMessage().startswith("the model ")]
    assert told == ["the model one: its key is there", "the model two: its key is missing"]


async def test_a_run_under_way_asks_the_model_that_settings_name_now(home: Home) -> None:
    home.flow("ask", agent(), approval("go", gates="none"), {**agent(), "id": "again"})
    now = FakeSettings()
    async with (
        serving(answering_in_turn(spoken("One."))) as old,
        serving(answering_in_turn(spoken("Two."))) as new,
        home.working(
            models=named("first", old.url),
            secrets={"first_key": "key-one"},
            settings_now=now,
            settings_look_seconds=0.01,
        ) as engine,
    ):
        run_id = await start(engine, "ask")
        view = await pending_approval(engine, run_id)
        prices = BudgetSettings.model_validate({"prices": {"second": {"input": 1, "output": 2}}})
        now.declare(models=named("second", new.url), budget=prices, secrets={"second_key": "key-two"})
        await until(now.taken)
        await engine.requests.approve(view.approval_id, actor=ANN, digest=view.digest)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        first, second = [one.payload for one in await usages(engine, run_id)]
        assert (first["model"], "cost" in first) == ("first", False)
        assert (second["model"], second["cost"]) == ("second", 100 * 1_000 + 10 * 2_000)
        assert (run.unpriced_calls, run.cost) == (1, second["cost"])
        assert [one.headers["authorization"] for one in (*old.asked, *new.asked)] == [
            "Bearer key-one",
            "Bearer key-two",
        ]
    assert b"key-two" not in home.bytes_at_rest()


async def test_a_call_of_a_tool_and_a_program_get_the_secrets_that_there_are_when_they_begin(
    home: Home,
) -> None:
    key = {"$secret": "api"}
    home.flow(
        "use", tool("a", params={"key": key}), approval("go", gates="none"), tool("b", params={"key": key})
    )
    home.flow("ask", outside())
    now = FakeSettings()
    programs = outside_agents(home, "secret", env={"TOKEN": key})
    async with home.working(
        agents=programs, secrets={"api": "old words"}, settings_now=now, settings_look_seconds=0.01
    ) as engine:
        run_id = await start(engine, "use")
        view = await pending_approval(engine, run_id)
        now.declare(secrets={"api": "new words"})
        await until(now.taken)
        await engine.requests.approve(view.approval_id, actor=ANN, digest=view.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [given["key"] for _, given in home.tools.calls] == ["old words", "new words"]
        asked = await start(engine, "ask")
        shown = await pending_approval(engine, asked)
        assert "token new words" in outside_notes(home)
        assert "words" not in shown.title
        await engine.requests.reject(shown.approval_id, actor=ANN, comment="no")
        await rest(engine, asked, expect=RunStatus.COMPLETED)
    assert b"new words" not in home.bytes_at_rest()


async def test_a_question_ends_with_the_model_that_it_was_put_to(home: Home) -> None:
    home.flow("ask", agent())
    now, heard, go_on = FakeSettings(), asyncio.Event(), asyncio.Event()

    async def slow(write: Write) -> None:
        heard.set()
        await go_on.wait()
        await write(spoken("Late."))

    answer: Answer = slow
    async with (
        serving(answer) as server,
        home.working(
            models=named("first", server.url),
            secrets={"first_key": "k"},
            settings_now=now,
            settings_look_seconds=0.01,
        ) as engine,
    ):
        run_id = await start(engine, "ask")
        await heard.wait()
        now.declare()
        await until(now.taken)
        go_on.set()
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert output(run.output) == "Late."
        again = await rest(engine, await start(engine, "ask"), expect=RunStatus.COMPLETED)
        assert [one.payload["model"] for one in await usages(engine, again.run_id)] == ["scripted"]


def output(found: Any) -> str:
    return str(found["text"])
