"""A call that needs an answer from somebody: it parks, is found in every inbox, outlives its worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.request import UserInputRequest
from engine.contracts.status import RequestStatus, RunStatus
from engine.contracts.tool import AwaitedAnswer, ToolSpec
from engine.errors import AlreadyDecided, InvalidInput, VasiniError
from engine.tools.awaiting import AnswerAwaited
from engine.tools.builtin.person import person_tools
from tests.engine.runtime.agents_at_work import agent, call, says, told
from tests.engine.runtime.asking_models.test_calls_that_ask_again import asked_again, changed
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.calls.test_bound_calls import layers
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    error_of,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)

if TYPE_CHECKING:
    from engine.tools.context import ToolContext

QUESTION = {"question": "Which port?"}
FIELDS = {"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"]}


@pytest.fixture
def asking(home: Home) -> Home:
    """A home whose tools can ask."""
    for one in person_tools():
        home.tools.registry.add(one)
    return home


async def test_an_agent_asks_a_person_and_hears_the_answer_also_in_another_process(asking: Home) -> None:
    script = says("I ask.", call("person.ask", **QUESTION, fields=FIELDS)), says("It is 80.")
    asking.flow("ask", agent(*script, tools=("person.ask",)), autonomy_level="suggest_only")
    async with asking.working() as engine:
        run_id = await start(engine, "ask")
        form = await pending_form(engine, run_id)
        assert (form.step_id, form.prompt) == ("work/0/calls/0/call", "Which port?")
        conversation = await engine.runs.conversation(run_id, "work")
        (head,) = (await engine.runs.conversation(run_id, "work", calls=False)).turns
        (turn,) = conversation.turns
        assert (head.asks, head.call_count, head.calls) == (turn.calls[0].step_id, 1, ())
        assert turn.asks == head.asks
        assert f"  waits for an answer: vasini answer {form.request_id}" in conversation_lines(conversation)
    async with asking.working() as engine:
        with pytest.raises(InvalidInput):
            await engine.requests.answer(form.request_id, {"port": "x"}, actor=BOB)
        await engine.requests.answer(form.request_id, {"port": 80}, actor=BOB)
        with pytest.raises(AlreadyDecided):
            await engine.requests.answer(form.request_id, {"port": 81}, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (heard,) = await told(engine, run_id)
        assert heard["values"] == {"port": 80}
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (made.decided, made.waits_with) == ("ANSWERED by bob", None)
        assert run.tool_calls == 1


async def test_an_agent_hears_with_the_answer_that_a_person_changed_its_question(asking: Home) -> None:
    script = says("", call("person.ask", **QUESTION)), says("It is 80.")
    asking.flow("ask", agent(*script, tools=("person.ask",)))
    layers(asking, {"id": "person.ask", "name": "Ask", "requires_approval": True})
    async with asking.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        better = {"question": "Which port of the proxy?"}
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=changed(**better))
        again = await asked_again(engine, run_id)
        await engine.requests.approve(again.approval_id, actor=ANN)
        form = await pending_form(engine, run_id)
        await engine.requests.answer(form.request_id, {"text": "80"}, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (heard,) = await told(engine, run_id)
        assert heard["values"] == {"text": "80"}
        assert (heard["changed_by"], heard["arguments"]) == ("bob", better)
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert made.changed is not None
        assert made.changed == again.context["changed"]["diff"]


async def test_a_question_that_nobody_answers_in_time_is_told_to_the_agent_and_takes_no_answer(
    asking: Home,
) -> None:
    script = says("", call("person.ask", **QUESTION, expires_in=0.05)), says("Nobody knows.")
    asking.flow("ask", agent(*script, tools=("person.ask",)))
    async with asking.working() as engine:
        run_id = await start(engine, "ask")
        run = await rest(engine, run_id)
        while run.status is RunStatus.PENDING_USER_INPUT:
            run = await rest(engine, run_id)
        assert run.status is RunStatus.COMPLETED
        (heard,) = await told(engine, run_id)
        assert heard["error"]["code"] == "timeout"
        (form,) = (await engine.requests.forms(run_id=run_id, status=None)).items
        assert form.status is RequestStatus.EXPIRED
        with pytest.raises(VasiniError, match="expired"):
            await engine.requests.answer(form.request_id, {"text": "80"}, actor=ANN)


async def test_a_call_is_made_again_when_its_question_expired_and_its_step_retries(home: Home) -> None:
    made: list[int] = []

    async def wait(params: dict[str, Any], context: ToolContext) -> Any:
        made.append(context.attempt)
        if context.attempt == 1:
            raise AnswerAwaited(
                AwaitedAnswer(form=UserInputRequest(form_id="answer", prompt="?"), expires_in=0.05)
            )
        return {"text": "went without"}

    home.tools.registry.register(ToolSpec(name="fake.wait"), wait)
    home.flow("ask", tool("a", "fake.wait", retry={"max_attempts": 2, "backoff_seconds": 0}))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        run = await rest(engine, run_id)
        while run.status is RunStatus.PENDING_USER_INPUT:
            run = await rest(engine, run_id)
        assert (run.status, made) == (RunStatus.COMPLETED, [1, 2])


async def test_a_form_that_cannot_be_shown_is_a_failure_of_its_call(home: Home) -> None:
    form = UserInputRequest(form_id="answer", prompt="?", required=("nothing",))

    async def wait(params: dict[str, Any], context: ToolContext) -> Any:
        raise AnswerAwaited(AwaitedAnswer(form=form))

    home.tools.registry.register(ToolSpec(name="fake.wait"), wait)
    home.flow("ask", tool("a", "fake.wait"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        code, message = await error_of(engine, run_id)
        assert code == "invalid_input"
        assert "nothing" in message


async def test_what_other_tools_bring_opens_no_form(home: Home) -> None:
    given = {"callback_pending": {"title": "Your password?"}}
    home.flow("ask", tool("a", "fake.give", params={"value": given}))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == given
