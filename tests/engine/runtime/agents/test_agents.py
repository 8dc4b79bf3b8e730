"""An agent in a run: turns, calls through the one chain, what it is told of them, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import to_json

from engine.contracts.runs.snapshot import TerminalCause
from engine.contracts.status import CancelMode, RequestStatus, RunStatus
from engine.governance.policies import Policies
from engine.machine.events.fold import fold
from engine.machine.model.codec import state_to_json
from engine.machine.model.state import RunState
from tests.engine.models.loopback import hanging, head, serving, sse
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
    error_of,
    failed,
    finished,
    pending_approval,
    rest,
    start,
    statuses,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.journal.sqlite.journal import SqliteJournal


async def test_an_agent_calls_what_its_model_wants_and_hands_on_its_last_answer(home: Home) -> None:
    home.flow(
        "ask",
        agent(says("I look.", call(a=1), call(b="{{ 1 + 1 }}")), says("Both are there.")),
        tool("after", params={"said": "{{ steps.work.output.text }}"}),
    )
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert run.output == {"said": "Both are there."}
        assert home.tools.given("work/0/calls/0/call") == [{"a": 1}]
        assert home.tools.given("work/0/calls/1/call") == [{"b": 2}]
        inside = ("0/model", "0/calls", "0/calls/0/call", "0/calls/1/call", "1/model", "1/calls")
        paths = ("work", *(f"work/{path}" for path in inside), "after")
        assert await statuses(engine, run.run_id) == dict.fromkeys(paths, "COMPLETED")
        assert run.tool_calls == 3
        assert run.tokens_used > 0
        assert await output_of(engine, run.run_id, "work") == {
            "text": "Both are there.",
            "model": "scripted",
            "provider": "scripted",
        }
        reply = await output_of(engine, run.run_id, "work/0/model")
        assert [one["tool"] for one in reply["calls"]] == ["fake.echo", "fake.echo"]


async def test_what_a_call_failed_with_is_told_to_the_model_and_the_agent_goes_on(home: Home) -> None:
    home.flow("ask", agent(says("", call("fake.fail", message="no disk")), says("It failed.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert await told(engine, run.run_id) == [{"error": {"code": "backend_error", "message": "no disk"}}]
        assert (await statuses(engine, run.run_id))["work/0/calls/0/call"] == "FAILED"


async def test_calls_that_cannot_be_are_told_to_the_model_and_reach_no_tool(home: Home) -> None:
    wrong = (
        call("fake.nothing"),
        call("fake.give"),
        {"tool": "fake.echo", "arguments": "no object"},
        call(token={"$secret": "mine"}),
    )
    home.flow("ask", agent(says("", *wrong), says("Well.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        errors = [result["error"] for result in await told(engine, run.run_id)]
        assert [error["code"] for error in errors] == [
            "not_found",
            "permission_denied",
            "invalid_input",
            "permission_denied",
        ]
        assert "yours are: fake.echo, fake.fail" in errors[0]["message"]
        assert not home.tools.calls
        assert run.tool_calls == 0


async def test_a_model_is_not_told_that_a_tool_is_its_own_which_policy_keeps_from_it(home: Home) -> None:
    home.flow("ask", agent(says("", call("fake.nothing"), call("fake.fail")), says("Well.")))
    async with home.working(policies=Policies(blocked_tools=frozenset({"fake.fail"}))) as engine:
        run = await finished(engine, "ask")
        nothing, blocked = [result["error"] for result in await told(engine, run.run_id)]
        assert nothing["message"] == "there is no tool fake.nothing; yours are: fake.echo"
        assert blocked["code"] == "permission_denied"


async def test_results_are_told_in_the_order_of_the_calls_whichever_ends_first(home: Home) -> None:
    first, second = call("fake.slow", key="first"), call("fake.slow", key="second")
    home.flow("ask", agent(says("", first, second), says("Done."), tools=("fake.slow",)))
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def both() -> bool:
            return len(home.tools.calls) == 2

        async def ended() -> bool:
            return (await statuses(engine, run_id))["work/0/calls/1/call"] == "COMPLETED"

        await until(both)
        home.tools.release("second")
        await until(ended)
        home.tools.release("first")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert await told(engine, run_id) == [{"slow": "first"}, {"slow": "second"}]


async def test_a_call_whose_time_is_over_is_told_to_the_model_and_the_agent_goes_on(home: Home) -> None:
    home.flow("ask", agent(says("", call("fake.slow")), says("It was late."), tools=("fake.slow",)))
    async with home.working(default_step_timeout=0.05) as engine:
        run = await finished(engine, "ask")
        (result,) = await told(engine, run.run_id)
        assert result["error"] == {
            "code": "timeout",
            "message": "tool 'fake.slow' did not end within 0.05 s (engine.default_step_timeout)",
        }
        assert run.output is not None
        assert run.output["text"] == "It was late."


async def test_what_a_model_makes_up_is_kept_masked_and_no_longer_than_a_person_reads(home: Home) -> None:
    made_up = f"ask ann@example.com {'y' * 50_000}"
    home.flow("ask", agent())
    answers = answering_in_turn(spoken("", (made_up, "{}")), spoken("Well."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        (refused,) = await told(engine, run.run_id)
        words = refused["error"]["message"]
        assert "ann@example.com" not in words
        assert words.endswith("yours are: fake.echo, fake.fail")
        failed = [one for one in await engine.runs.events(run.run_id) if one.kind == "step_failed"]
        assert [len(str(one.payload)) < 2_000 for one in failed] == [True]


async def test_a_call_that_autonomy_wants_approved_waits_for_a_person_with_its_parameters(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.title) == ("work/0/calls/0/call", "work: fake.echo")
        assert card.action is not None
        assert (card.action.target, card.action.params) == ("fake.echo", {"a": 1})
        assert not home.tools.calls
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given("work/0/calls/0/call") == [{"a": 1}]
        conversation = await engine.runs.conversation(run_id, "work")
        assert [turn.text for turn in conversation.turns] == ["", "Done."]
        (made,) = conversation.turns[0].calls
        assert (made.arguments, made.decided, made.result) == ('{"a":1}', "APPROVED by ann", {"a": 1})


async def test_a_rejection_is_told_to_the_model_with_its_comment(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("Then not.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        await engine.requests.reject(card.approval_id, actor=ANN, digest=card.digest, comment="too soon")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (result,) = await told(engine, run_id)
        assert result["error"]["code"] == "approval_rejected"
        assert "rejected by ann: too soon" in result["error"]["message"]
        assert not home.tools.calls
        assert run.output is not None
        assert run.output["text"] == "Then not."


async def test_a_rejection_ends_the_agent_where_its_step_says_so_and_a_retry_asks_again(home: Home) -> None:
    asks = says("", call(a=1), call(a=2))
    step = agent(asks, says("Done."), on_rejection="fail")
    home.flow("ask", step, autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def both_ask() -> bool:
            return len((await engine.requests.approvals(run_id=run_id)).items) == 2

        await until(both_ask)
        first, second = (await engine.requests.approvals(run_id=run_id)).items
        await engine.requests.reject(first.approval_id, actor=ANN, comment="never")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await error_of(engine, run_id) == ("approval_rejected", "rejected by ann: never")
        beside = await engine.requests.approval(second.approval_id)
        assert beside.status is RequestStatus.WITHDRAWN
        (agent_now,) = (await engine.runs.snapshot(run_id)).agents
        assert agent_now.terminal_cause is TerminalCause.DENIED
        await engine.runs.retry(run_id, actor=ANN)
        await until(both_ask)
        for again in (await engine.requests.approvals(run_id=run_id)).items:
            await engine.requests.approve(again.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert sorted(params["a"] for _, params in home.tools.calls) == [1, 2]


async def test_an_agent_that_is_not_done_after_its_turns_has_failed_and_makes_no_call_in_vain(
    home: Home,
) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("", call(a=2)), says("Done."), max_turns=2))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "turn_limit"
        assert [params for _, params in home.tools.calls] == [{"a": 1}]


async def test_the_same_call_with_the_same_result_is_told_then_ends_the_agent(home: Home) -> None:
    home.flow("ask", agent(*[says("", call(a=1)) for _ in range(8)]))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "loop_detected"
        assert len(home.tools.calls) == 4


async def test_a_model_that_the_settings_do_not_name_fails_the_agent_with_those_there_are(home: Home) -> None:
    home.flow("ask", agent(says("x"), model="gone"))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        code, message = await error_of(engine, run.run_id)
        assert code == "invalid_input"
        assert "there are scripted" in message


async def test_turns_are_kept_beside_the_state_which_stays_small(home: Home, journal: SqliteJournal) -> None:
    turns = [says("x" * 2000, call(a=number, text="y" * 2000)) for number in range(49)]
    home.flow("ask", agent(*turns, says("Done."), max_turns=50))
    async with home.working(journal=journal) as engine:
        run = await finished(engine, "ask")
        state, largest = RunState(), 0
        for number, stored in enumerate(await journal.events_after(run.run_id, 0)):
            state = fold((stored.event,), state)
            if number % 50 == 0 or stored.event.kind == "run_completed":
                largest = max(largest, len(to_json(state_to_json(state))))
        assert state.counters.tool_calls == 49
        assert largest < 64_000


async def test_a_served_model_is_told_everything_and_what_it_writes_is_no_template(home: Home) -> None:
    wrong = ("fake__echo", "{broken")
    answers = answering_in_turn(
        spoken("I try.", ("fake__echo", '{"a": "{{ 7 * 7 }}"}'), wrong), spoken("{{ payload }} it is.")
    )
    home.flow("ask", agent(says("never asked for")))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask", {"what": "a thing"})
        assert run.output == {"text": "{{ payload }} it is.", "model": "m", "provider": "openai"}
        assert home.tools.given("work/0/calls/0/call") == [{"a": "{{ 7 * 7 }}"}]
        assert run.tokens_used == 220
        assert (run.cost, run.unpriced_calls) == (0, 2)
        first, second = (asked.body["messages"] for asked in server.asked)
        assert [message["role"] for message in second] == ["system", "user", "assistant", "tool", "tool"]
        assert second[:2] == first
        assert "Be a test." in first[0]["content"]
        assert "Tester" in first[0]["content"]
        assert first[1]["content"] == "Do a thing."
        assert [message["tool_call_id"] for message in second[3:]] == ["c00000000", "c00000001"]
        assert "no JSON object" in second[4]["content"]
        offered = [one["function"]["name"] for one in server.asked[0].body["tools"]]
        assert offered == ["fake__echo", "fake__fail"]


async def test_a_model_that_is_busy_is_asked_again_and_one_that_refuses_is_not(home: Home) -> None:
    busy = head(429, "application/json", retry_after="0") + b"{}"
    retry = {"max_attempts": 2, "backoff_seconds": 0}
    home.flow("ask", agent(retry=retry))
    answers = answering_in_turn(busy, spoken("Here."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        assert (await engine.runs.step(run.run_id, "work/0/model")).attempt == 2
        assert run.tool_calls == 0
    refused = head(401, "application/json") + b'{"error": {"message": "who are you"}}'
    answers = answering_in_turn(refused)
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.code, run.error.message) == ("model_error", "who are you")
        assert len(server.asked) == 1


async def test_a_run_that_another_engine_takes_over_asks_for_no_answer_that_it_has(home: Home) -> None:
    home.flow("ask", agent(tools=("fake.slow",)))
    answers = answering_in_turn(spoken("", ("fake__slow", "{}")), spoken("Done."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")

            async def called() -> bool:
                return bool(home.tools.calls)

            await until(called)
        home.tools.release()
        async with home.working(models=models_at(server.url)) as engine:
            run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
            assert run.output is not None
            assert run.output["text"] == "Done."
        assert len(server.asked) == 2


async def test_what_a_model_says_can_be_followed_line_by_line(home: Home) -> None:
    home.flow("ask", agent(says("One.\nTwo.", call(a=1)), says("", call(a=2)), says("Three.\n")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        page = await engine.runs.output(run.run_id, step_id="work/0/model")
        assert [line.text for line in page.lines] == ["One.", "Two.", '→ fake.echo {"a":1}']
        for turn, lines in ((1, ['→ fake.echo {"a":2}']), (2, ["Three."])):
            page = await engine.runs.output(run.run_id, step_id=f"work/{turn}/model")
            assert [line.text for line in page.lines] == lines


async def test_a_cancel_and_a_time_limit_end_an_agent_whose_model_says_nothing_more(home: Home) -> None:
    home.flow("ask", agent())
    home.flow("hurry", agent(timeout=0.2))
    silent = hanging(head() + sse({"id": "1", "choices": [{"delta": {"content": "So"}}]}))
    async with serving(silent) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")

        async def asked() -> bool:
            return bool(server.asked)

        await until(asked)
        await engine.runs.cancel(run_id, actor=ANN, mode=CancelMode.NOW)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        hurried = await failed(engine, "hurry")
        assert (await error_of(engine, hurried.run_id))[0] == "timeout"
        assert (await statuses(engine, hurried.run_id))["work/0/model"] == "CANCELLED"


async def test_a_model_that_nobody_may_ask_fails_the_agent_and_is_not_asked(home: Home) -> None:
    home.flow("ask", agent())
    async with serving(answering_in_turn(spoken("no"))) as server:
        models = models_at(server.url).model_copy(update={"deny": ("served",)})
        async with home.working(models=models) as engine:
            run = await failed(engine, "ask")
            assert run.error is not None
            assert run.error.code == "policy_blocked"
            assert run.error.details["rule"] == "models.deny"
            assert "models.deny names it" in run.error.message
        assert not server.asked


async def test_what_a_model_says_can_be_read_before_its_line_has_ended(home: Home) -> None:
    home.flow("ask", agent())
    piece = {"id": "1", "choices": [{"index": 0, "delta": {"content": "There are two fil"}}]}
    async with (
        serving(hanging(head(), sse(piece))) as server,
        home.working(models=models_at(server.url)) as engine,
    ):
        run_id = await start(engine, "ask")

        async def coming() -> list[str]:
            return [line.text for line in (await engine.runs.output(run_id, step_id="work")).coming]

        async def begun() -> bool:
            return bool(await coming())

        await until(begun)
        assert await coming() == ["There are two"]
        assert (await engine.runs.output(run_id, step_id="wor")).coming == ()
        await engine.runs.cancel(run_id, actor=ANN, mode=CancelMode.NOW)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert await coming() == []
