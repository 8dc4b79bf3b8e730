"""`vasini conversation`: an agent's words for a person and for a program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from engine import open_engine
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Refused
from tests.engine.pictures import png
from tests.fakes.conversations import agent_steps, long_steps, message_form, waiting_steps
from tests.fakes.runs import FakeRuns
from tests.fakes.views import a_flow, a_pack, a_run, a_step
from vasini_tui.__main__ import main
from vasini_tui.exit_codes import ExitCode
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.listed import RunView
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_the_only_agent_of_a_run_needs_no_name(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = agent_steps()
    lines = vasini("conversation", "run-1").stdout.splitlines()
    assert lines[0] == "agent look · running · 2 turns"
    assert "│ What is there?" in lines
    assert "│ turn 9 · openai gpt" in lines
    document = vasini("conversation", "run-1", "look", "--json").document
    assert [turn["status"] for turn in document["turns"]] == ["COMPLETED", "RUNNING"]
    assert [call["tool"] for call in document["turns"][0]["calls"]] == ["files.read", "files.none"]
    assert document["turns"][0]["calls"][1]["error"]["code"] == "not_found"


def test_a_run_without_an_agent_or_with_several_says_so(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = (a_step("greet"),)
    assert vasini("conversation", "run-1").status == ExitCode.NOT_FOUND
    assert vasini("conversation", "run-1", "greet").status == ExitCode.INVALID_INPUT
    fake.stored_steps["run-1"] = (a_step("a", type="agent"), a_step("b", type="agent"))
    outcome = vasini("conversation", "run-1")
    assert outcome.status == ExitCode.USAGE
    assert "name one: a, b" in outcome.stderr


HANDING = """\
id: talk
input: {type: object, properties: {message: {type: string}}, required: [message], additionalProperties: false}
steps:
  - {id: triage, type: agent, mode: conversation, instructions: Be., prompt: "{{ payload.message }}",
     tools: [], handoffs: [repairs], script: [
       {text: What is it?},
       {text: I hand over., calls: [{tool: handoff, arguments: {to: repairs, message: A pipe.}}]}]}
  - {id: repairs, type: agent, mode: conversation, instructions: Be., prompt: Go on., tools: [],
     script: [{text: Which pipe?}, {text: I come.}]}
"""


def a_desk(home: Path) -> None:
    pack = home / "packs" / "desk"
    (pack / "flows").mkdir(parents=True)
    about = "schema_version: '1.0'\npack_id: desk\nversion: 1.0.0\nauthor: {name: Ann}\n"
    manifest = f"{about}role: {{title: Desk, domain: Tests, goal: {{primary: Be asked}}}}\n"
    (pack / "profession-pack.yaml").write_text(manifest)
    (pack / "flows" / "talk.yaml").write_text(HANDING)


def test_who_asks_hears_the_agent_that_was_handed_over_to(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_desk(home)

    def asked(*arguments: str) -> list[str]:
        assert main(("ask", *arguments), opener=open_engine) == ExitCode.OK, capsys.readouterr().err
        return capsys.readouterr().out.splitlines()

    started = asked("desk", "Help!", "--json")
    run_id = json.loads("\n".join(started))["run"]["run_id"]
    assert asked(run_id, "Water everywhere") == ["I hand over.", "Which pipe?"]
    assert asked(run_id, "The long one") == ["I come."]
    turns = json.loads("\n".join(asked(run_id, "--end", "--json")))["turns"]
    assert turns == []


def test_what_another_command_answered_is_worked_before_more_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_desk(home)

    def perform(*arguments: str) -> str:
        assert main(arguments, opener=open_engine) == ExitCode.OK, capsys.readouterr().err
        return capsys.readouterr().out

    run_id = json.loads(perform("ask", "desk", "Help!", "--json"))["run"]["run_id"]
    perform("answer", run_id, "--values", '{"text": "Water everywhere"}')
    said = json.loads(perform("ask", run_id, "The long one", "--json"))["turns"]
    assert [(turn["said"], turn["text"]) for turn in said] == [
        ("Water everywhere", "I hand over."),
        ("", "Which pipe?"),
        ("The long one", "I come."),
    ]
    written = perform("conversation", run_id, "repairs").splitlines()
    assert written.index("│ The long one") < written.index("│ I come.")
    perform("answer", run_id, "--values", '{"text": ""}')
    assert main(("ask", run_id, "Too late?"), opener=open_engine) == ExitCode.REFUSED
    assert "its run is COMPLETED" in capsys.readouterr().err


def test_a_long_conversation_is_written_whole(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = long_steps(33)
    lines = vasini("conversation", "run-1").stdout.splitlines()
    assert [line for line in lines if line.startswith("│ answer")] == [
        f"│ answer {n}{' Needle' if n == 3 else ''}" for n in range(1, 34)
    ]
    assert all(limit for _, limit, _ in fake.asked("conversation"))


TALK = a_flow("talk", {"type": "object", "properties": {"message": {"type": "string"}}}, converses=True)


def test_a_long_conversation_is_one_document_whose_turns_are_read_a_few_at_a_time(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = long_steps(25)
    written = vasini("conversation", "run-1", "--json")
    (agent,) = [step.step_id for step in fake.stored_steps["run-1"] if step.type == "agent"]
    assert all(limit is not None for _, limit, _ in fake.asked("conversation"))
    assert written.stdout == json_text(asyncio.run(fake.runs.conversation("run-1", agent))) + "\n"
    assert len(written.document["turns"]) == 25


def test_asking_a_pack_begins_its_conversation_with_what_was_said(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_packs = (a_pack(a_flow(), TALK),)
    vasini("ask", "hello", "What is new?")
    (given,) = fake.asked("start")
    assert given[:3] == ("hello", "talk", {"message": "What is new?"})


class FakeOvertakenRuns(FakeRuns):
    """Runs of which somebody else starts one just before the start that is asked for."""

    async def start(self, *_given: Any, idempotency_key: str | None = None, **_more: Any) -> RunView:
        assert idempotency_key == "ask hello review-7 after none"
        run = a_run("run_1", pack="hello", session_id="review-7", status=RunStatus.PENDING_USER_INPUT)
        self.engine.add(run, message_form(run_id="run_1"))
        self.engine.stored_steps["run_1"] = waiting_steps()
        raise Refused(ErrorCode.IDEMPOTENCY_CONFLICT, "another request has this key")


def test_of_several_who_begin_a_session_at_once_one_does_and_the_others_go_on_with_it(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.stored_packs = (a_pack(TALK),)
    fake.runs = FakeOvertakenRuns(fake)
    assert vasini("ask", "hello", "And me?", "--session", "review-7").status == ExitCode.OK
    assert fake.asked("answer")[0][1] == {"text": "And me?"}


def test_images_go_with_what_is_said_where_somebody_takes_them(vasini: Vasini, fake: FakeEngine) -> None:
    images = {"type": "array", "items": {"type": "string"}, "format": "images"}
    schema = {"type": "object", "properties": {"message": {"type": "string"}, "shots": images}}
    fake.stored_packs = (a_pack(TALK, a_flow("look", schema, converses=True)),)
    vasini("ask", "hello/look", "What is it?", "--image", "a.png", "--image", "b.png")
    (given,) = fake.asked("start")
    assert given[2] == {"message": "What is it?", "shots": ["a.png", "b.png"]}
    refused = vasini("ask", "hello/talk", "What is it?", "--image", "a.png")
    assert (refused.status, "hello/talk takes no images" in refused.stderr) == (ExitCode.INVALID_INPUT, True)
    assert vasini("ask", "run_1", "--end", "--image", "a.png").status == ExitCode.USAGE
    fake.add(a_run("run_1", status=RunStatus.PENDING_USER_INPUT), message_form(run_id="run_1"))
    fake.stored_steps["run_1"] = waiting_steps()
    vasini("ask", "run_1", "Look", "--image", "a.png")
    assert fake.asked("answer")[0][1] == {"text": "Look", "images": ["a.png"]}


def test_skills_that_are_named_go_with_what_is_said(vasini: Vasini, fake: FakeEngine) -> None:
    skills = {"type": "array", "items": {"enum": ["look", "call"]}, "format": "skills"}
    schema = {"type": "object", "properties": {"message": {"type": "string"}, "skills": skills}}
    fake.stored_packs = (a_pack(a_flow("talk", schema, converses=True)),)
    vasini("ask", "hello", "What is it? /call, then /none")
    (given,) = fake.asked("start")
    assert given[2] == {"message": "What is it? /call, then /none", "skills": ["call"]}
    form = message_form(run_id="run_1", skills=["look"])
    fake.add(a_run("run_1", status=RunStatus.PENDING_USER_INPUT), form)
    fake.stored_steps["run_1"] = waiting_steps()
    vasini("ask", "run_1", "/look again")
    assert fake.asked("answer")[0][1] == {"text": "/look again", "skills": ["look"]}


def test_the_shipped_conversation_takes_the_skill_of_its_pack(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("ask", "senior-python-dev", "/code-review a diff"), opener=open_engine) == ExitCode.OK
    run_id = capsys.readouterr().err.partition("vasini ask ")[2].split()[0]
    assert main(("conversation", run_id), opener=open_engine) == ExitCode.OK
    assert "skill senior-python-dev/code-review · " in capsys.readouterr().out


def test_a_start_and_an_answer_name_images_too(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shot = tmp_path / "shot.png"
    shot.write_bytes(png(640, 480))

    def perform(*arguments: str, status: ExitCode = ExitCode.OK) -> str:
        assert main(arguments, opener=open_engine) == status, capsys.readouterr().err
        return capsys.readouterr().out

    start = ("run", "senior-python-dev/ask", "--set", "message=Hi", "--image", str(shot))
    run_id = json.loads(perform(*start, "--wait", "--json"))["run_id"]
    perform("ask", run_id, "And this?", "--image", str(shot))
    told = perform("conversation", run_id).splitlines()
    assert told.count("│ [image 640x480 png]") == 2
    assert any(line.endswith(" · its model was told of 1 in words") for line in told)
    answer = ("answer", run_id, "--values", '{"text": "Look"}', "--image")
    perform(*answer, str(tmp_path), status=ExitCode.INVALID_INPUT)
    perform(*answer, str(shot))


@pytest.mark.parametrize(("words", "said"), [("More?", "More?"), ("--end", "")])
def test_asking_a_run_goes_on_with_it_and_nothing_is_said_to_end_it(
    vasini: Vasini, fake: FakeEngine, words: str, said: str
) -> None:
    fake.add(a_run("run_1", status=RunStatus.PENDING_USER_INPUT), message_form(run_id="run_1"))
    fake.stored_steps["run_1"] = waiting_steps()
    assert vasini("ask", "run_1", words).status == ExitCode.OK
    (given,) = fake.asked("answer")
    assert given[:2] == ("form-1", {"text": said})
    refused = vasini("ask", "run_1", words)
    assert refused.status == ExitCode.REFUSED
    assert "waits for no message" in refused.stderr


def test_a_conversation_that_a_retry_or_resume_left_under_way_is_worked_and_then_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def perform(*arguments: str, status: ExitCode = ExitCode.OK) -> str:
        assert main(arguments, opener=open_engine) == status, capsys.readouterr().err
        return capsys.readouterr().out

    run_id = json.loads(perform("ask", "senior-python-dev", "Hi", "--json"))["run"]["run_id"]
    perform("pause", run_id)
    perform("ask", run_id, "First", status=ExitCode.NO_ANSWER_YET)
    assert main(("ask", run_id, "More"), opener=open_engine) == ExitCode.REFUSED
    assert f"its run is PAUSED: vasini resume {run_id}" in capsys.readouterr().err
    perform("resume", run_id)
    said = perform("ask", run_id, "Second").splitlines()
    assert [line.rpartition(" ")[2] for line in said] == ["First", "Second"]


def test_a_conversation_that_waits_for_a_worker_is_worked_and_then_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = '{"message": "Hi"}'
    assert (
        main(("run", "senior-python-dev/ask", "--input", given, "--json"), opener=open_engine) == ExitCode.OK
    )
    run_id = json.loads(capsys.readouterr().out)["run_id"]
    assert main(("ask", run_id, "And?"), opener=open_engine) == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[-1].endswith("And?")


def test_who_leaves_before_the_answer_is_told_how_to_go_on(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_packs = (a_pack(a_flow(), TALK),)
    fake.runs.never_rests = lambda: os.kill(os.getpid(), signal.SIGINT)
    outcome = vasini("ask", "hello", "What is new?")
    (run_id,) = fake.stored_runs
    assert outcome.status == ExitCode.INTERRUPTED
    first, second, third = outcome.stderr.splitlines()
    assert first.startswith(f"stopping: what {run_id} is doing may end, in 10 seconds at the most. Once more")
    assert second == f"{run_id} is left as it is, its answer comes when it is worked again."
    assert third.startswith(f'go on: vasini ask {run_id} "..."')


def test_an_answer_that_came_while_stopping_is_told_as_whole(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_packs = (a_pack(a_flow(), TALK),)

    def interrupted() -> None:
        (run_id,) = fake.stored_runs
        fake.stored_steps[run_id] = waiting_steps()
        os.kill(os.getpid(), signal.SIGINT)

    fake.runs.never_rests = interrupted
    outcome = vasini("ask", "hello", "What is new?")
    assert outcome.stdout == "Ask me.\n"
    assert "is left as it is, the answer is whole." in outcome.stderr


def test_who_stops_waiting_for_another_answer_has_said_nothing(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run_1", status=RunStatus.RUNNING))
    fake.stored_steps["run_1"] = waiting_steps()
    fake.runs.never_rests = lambda: os.kill(os.getpid(), signal.SIGINT)
    outcome = vasini("ask", "run_1", "More?")
    assert outcome.status == ExitCode.INTERRUPTED
    assert "nothing was said" in outcome.stderr
    assert fake.asked("answer") == []


def test_who_cannot_be_asked_is_told_with_who_can(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_packs = (a_pack(a_flow(), TALK),)
    wrong = vasini("ask", "hello/hello", "Hi")
    assert wrong.status == ExitCode.INVALID_INPUT
    assert "hello/hello is no conversation; its conversations are: hello/talk" in wrong.stderr
    for words in (("hello", " "), ("hello",), ("hello", "--end"), ("run_1", "Hi", "--end")):
        assert vasini("ask", *words).status == ExitCode.USAGE


@pytest.mark.parametrize("part", ["run_01abcdef", "01abcdef", "cdef"])
def test_a_conversation_is_found_by_a_part_of_its_run(vasini: Vasini, fake: FakeEngine, part: str) -> None:
    fake.add(a_run("run_01abcdef", status=RunStatus.PENDING_USER_INPUT), message_form(run_id="run_01abcdef"))
    fake.stored_steps["run_01abcdef"] = waiting_steps()
    assert vasini("ask", part, "Hi", "--set", "a=1").status == ExitCode.USAGE
    assert vasini("ask", part, "Hi", "--session", "day").status == ExitCode.USAGE
    assert vasini("ask", part, "--end").status == ExitCode.OK
    assert fake.asked("answer")[0][:2] == ("form-1", {"text": ""})
    assert "there is no run or pack none" in vasini("ask", "none", "Hi").stderr
    assert vasini("ask", "none", "Hi").status == ExitCode.NOT_FOUND


def test_a_session_is_gone_on_with_while_one_of_its_conversations_is_open(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.stored_packs = (a_pack(a_flow(), TALK),)
    vasini("ask", "hello", "Hi", "--session", "day")
    (begun,) = fake.stored_runs.values()
    assert begun.session_id == "day"
    fake.stored_runs.clear()
    fake.add(a_run(status=RunStatus.PENDING_USER_INPUT, session_id="day"), message_form())
    fake.stored_steps["run-1"] = waiting_steps()
    assert vasini("ask", "hello", "More?", "--session", "day").status == ExitCode.OK
    assert fake.asked("answer")[0][:2] == ("form-1", {"text": "More?"})
    listed = vasini("runs", "--session", "day", "--json").document["runs"]
    assert [run["run_id"] for run in listed] == ["run-1"]
    for other in (("--pack", "hello"), ("--limit", "1"), ("--sort", "oldest"), ("--after", "x")):
        assert vasini("runs", "--session", "day", *other).status == ExitCode.USAGE
    assert "no run is of the session night" in vasini("runs", "--session", "night").stderr
    assert vasini("ask", "hello", "--session", "night", "--end").status == ExitCode.NOT_FOUND
