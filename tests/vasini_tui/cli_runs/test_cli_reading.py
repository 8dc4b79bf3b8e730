from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.contracts.packs.pack import Problem
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.runs.preview import Preview
from engine.contracts.runs.request import GatedAction
from engine.contracts.runs.run import RunDetail
from engine.contracts.runs.snapshot import RunSnapshot
from engine.contracts.runs.timeline import FailedTry
from engine.contracts.status import (
    CancelMode,
    OutcomeDecision,
    RequestStatus,
    RunStatus,
    StepStatus,
    WaitKind,
)
from engine.contracts.times import rfc3339
from engine.contracts.tool import ToolMeta
from tests.fakes.views import NOW, a_form, a_pack, a_run, a_step, ago, an_approval, an_event, an_outcome
from tests.recorded_names import recorded
from vasini_tui.cli.arguments.moments import moment_named, optional_moment
from vasini_tui.exit_codes import ExitCode
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.listed import RunView
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini

HOSTILE = "x\x1b]52;c;aGk=\x07\x9b2J\u202etxt\u200b\x7f\nSTATUS  APPROVED"
FORM = WaitingFor(kind=WaitKind.FORM, id="form-1")
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\x7f")


def test_runs_lists_a_page_and_its_cursor(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(*(a_run(f"run-{number}", RunStatus.QUEUED) for number in range(5)))
    fake.add(a_run("run-5"), a_run("run-6", RunStatus.QUEUED, pack="other"))
    words = ("runs", "--json", "--limit", "2", "--status", "queued", "--pack", "hello")
    first = vasini(*words).document
    second = vasini(*words, "--after", first["next"]).document
    third = vasini(*words, "--after", second["next"]).document
    pages = [[run["run_id"] for run in page["runs"]] for page in (first, second, third)]
    assert pages == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]
    assert third["next"] is None
    assert vasini("runs", "--json", "--after", "no cursor").status == ExitCode.INVALID_INPUT


def test_a_person_gets_an_aligned_table_with_a_dash_for_nothing(vasini: Vasini, fake: FakeEngine) -> None:
    queued = a_run("run-1", RunStatus.QUEUED, current_step=None)
    fake.add(queued, a_run("r", waiting_for=FORM, created_at=ago(301)), a_run("r2", created_at=ago(302)))
    outcome = vasini("runs", "--limit", "2")
    head, first, second = outcome.stdout.splitlines()
    assert head.split() == ["RUN", "STATUS", "FLOW", "SUBJECT", "STEP", "WHY", "TOOK", "BY", "CREATED"]
    assert first.split() == ["run-1", "queued", "hello/hello", "-", "-", "-", "-", "ana", rfc3339(ago(300))]
    assert head.index("BY") == first.index("ana") == second.index("ana")
    after = outcome.stderr.removeprefix("there is more: --after ").strip()
    assert vasini("runs", "--after", after).stdout.splitlines()[1].split()[0] == "r2"


def test_the_level_of_autonomy_shows_in_a_run_and_where_it_is_unusual_in_lists(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(
        a_run("run-1", autonomy_level="full_auto"), a_run("run-2", autonomy_level="semi_auto"), a_run("run-3")
    )
    lines = {line.split()[0]: line for line in vasini("runs").stdout.splitlines()}
    assert "hello/hello · full_auto" in lines["run-1"]
    assert "_auto" not in lines["run-2"] + lines["run-3"]
    levels = {run["run_id"]: run["autonomy_level"] for run in vasini("runs", "--json").document["runs"]}
    assert levels == {"run-1": "full_auto", "run-2": "semi_auto", "run-3": None}
    assert "semi_auto" in vasini("show", "run-2").stdout
    assert "autonomy" not in vasini("show", "run-3").stdout


def test_runs_tell_why_and_how_long_and_who_started_them(vasini: Vasini, fake: FakeEngine) -> None:
    no = RunError(code="approval_rejected", message="rejected by bo: too early")
    down = RunError(code="backend_error", message="no route")
    times = {"started_at": ago(90), "finished_at": ago(30)}
    fake.add(
        a_run("run-1", RunStatus.FAILED, error=no, **times),
        a_run("run-2", RunStatus.FAILED, error=down, parent_run_id="run-1", **times),
    )
    told = {line.split()[0]: line for line in vasini("runs").stdout.splitlines()}
    assert "rejected  hello" in told["run-1"]
    assert "approval_rejected: rejected by bo: too early  1m" in told["run-1"]
    assert "failed" in told["run-2"]
    assert "↳ hello/hello" in told["run-2"]
    assert {run["status"] for run in vasini("runs", "--json").document["runs"]} == {"FAILED"}


def test_runs_are_found_by_how_they_failed_when_they_ended_and_what_started_them(
    vasini: Vasini, fake: FakeEngine
) -> None:
    no, down = (RunError(code=code, message="no") for code in ("approval_rejected", "backend_error"))
    fake.add(
        a_run("run-1", RunStatus.FAILED, error=no, finished_at=ago(90)),
        a_run("run-2", RunStatus.FAILED, error=down, finished_at=ago(7200), parent_run_id="run-3"),
        a_run("run-3", RunStatus.FAILED, error=down, finished_at=ago(60)),
        a_run("run-4", RunStatus.COMPLETED, finished_at=ago(60)),
    )

    def found(*words: str) -> set[str]:
        return {run["run_id"] for run in vasini("runs", "--json", *words).document["runs"]}

    assert found("--status", "failed") == {"run-2", "run-3"}
    assert found("--status", "rejected") == {"run-1"}
    assert found("--status", "rejected", "--status", "FAILED") == {"run-1", "run-2", "run-3"}
    assert found("--error", "backend_error", "--ended-since", rfc3339(ago(3600))) == {"run-3"}
    assert found("--ended-before", rfc3339(ago(3600))) == {"run-2"}
    assert found("--parent", "run-3") == {"run-2"}
    assert found("--flow", "hello/hello") == found("--pack", "hello", "--flow", "hello") == found()
    assert found("--flow", "other/hello") == set()
    for words in (("--flow", "hello/"), ("--flow", "a/hello", "--pack", "b")):
        assert vasini("runs", *words).status == ExitCode.USAGE
    assert found("--words", "BACKEND error") == {"run-2", "run-3"}
    assert found("--words", "ana", "--status", "completed") == {"run-4"}
    assert vasini("runs", "--parent", "nobody").status == ExitCode.NOT_FOUND
    (told,) = [line for line in vasini("runs").stdout.splitlines() if line.startswith("run-3")]
    assert "hello/hello +1" in told


def test_runs_are_listed_in_any_order_of_anybody_and_any_time(vasini: Vasini, fake: FakeEngine) -> None:
    day, night = "2030-01-02", "2030-01-03T04:00:00+02:00"
    words = ("--sort", "Status", "--requested-by", "ana", "--since", day, "--before", night)
    begin, end = datetime(2030, 1, 2, tzinfo=UTC), datetime(2030, 1, 3, 2, tzinfo=UTC)
    fake.add(
        a_run("early", created_at=begin),
        a_run("late", created_at=end),
        a_run("running", created_at=begin + timedelta(seconds=1)),
        a_run("failed", RunStatus.FAILED, created_at=end - timedelta(seconds=1)),
        a_run("hers", requested_by="bo", created_at=begin + timedelta(seconds=1)),
    )
    listed = vasini("runs", "--json", *words).document["runs"]
    assert [run["run_id"] for run in listed] == ["failed", "running"]


@pytest.mark.parametrize(
    "words", [("--sort", "age"), ("--since", "yesterday"), ("--before", "2030-13-01"), ("--since", "999999w")]
)
def test_an_unknown_order_or_time_is_a_usage_error(vasini: Vasini, words: tuple[str, str]) -> None:
    outcome = vasini("runs", "--json", *words)
    assert outcome.status == ExitCode.USAGE
    assert words[0] in outcome.error["message"]


def test_an_age_is_counted_back_from_now() -> None:
    now = datetime(2030, 1, 8, tzinfo=UTC)
    assert moment_named("7d", "--since", now) == datetime(2030, 1, 1, tzinfo=UTC)
    assert moment_named("90m", "--since", now) == datetime(2030, 1, 7, 22, 30, tzinfo=UTC)
    assert optional_moment(None, "--since") is None


@pytest.mark.parametrize("words", [("--status", "all"), ()])
def test_all_runs_are_listed_by_default_and_by_name(
    vasini: Vasini, fake: FakeEngine, words: tuple[str, ...]
) -> None:
    assert vasini("runs", "--json", *words).document == {"runs": [], "next": None}
    fake.add(*(a_run(status.value, status) for status in RunStatus))
    assert len(vasini("runs", "--json", *words).document["runs"]) == len(RunStatus)


def test_an_unknown_status_and_a_limit_out_of_range_are_usage_errors(vasini: Vasini) -> None:
    outcome = vasini("runs", "--json", "--status", "sleeping")
    assert outcome.status == ExitCode.USAGE
    assert "DEAD_LETTER" in outcome.error["message"]
    assert vasini("runs", "--limit", "0").status == ExitCode.USAGE
    assert vasini("runs", "--limit", "1001").status == ExitCode.USAGE


def test_show_has_run_steps_approvals_and_forms(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(status=RunStatus.COMPLETED, output={"summary": "ok"}), an_approval(), a_form())
    fake.stored_steps["run-1"] = (
        a_step("ask", type="user_input", attempt=2),
        a_step("act", StepStatus.RUNNING, recoveries=3),
    )
    document = vasini("show", "run-1", "--json").document
    assert document["run"]["output"] == {"summary": "ok"}
    assert (document["steps"][0]["step_id"], document["steps"][0]["attempt"]) == ("ask", 2)
    assert document["approvals"][0]["approval_id"] == "app-1"
    assert document["forms"][0]["schema"]["type"] == "object"
    told = vasini("show", "run-1").stdout
    assert all(word in told for word in ("completed", "user_input", "app-1", "form-1", '"summary": "ok"'))
    assert "1 (recovered 3 times)" in told
    assert "workers lost  recovered 3 times" in told


def test_show_tells_what_somebody_said_of_an_interrupted_call(vasini: Vasini, fake: FakeEngine) -> None:
    said = {"status": RequestStatus.ANSWERED, "decision": OutcomeDecision.DONE, "decided_by": "cyd"}
    fake.add(a_run(), an_outcome(**said))
    (row,) = [line for line in vasini("show", "run-1").stdout.splitlines() if line.startswith("out-1")]
    assert row.split() == ["out-1", "send", "answered", "mail.send", "done", "cyd"]


def test_show_tells_a_person_exactly_what_is_asked(vasini: Vasini, fake: FakeEngine) -> None:
    action = GatedAction(step="write", kind="tool", target="files.write", params={"path": "/srv/x"})
    asked = an_approval(action=action, message="line\nSTATUS  COMPLETED", digest="e" * 64)
    fake.add(a_run(status=RunStatus.PENDING_HUMAN), asked, a_form())
    told = vasini("show", "run-1").stdout
    assert all(word in told for word in ("files.write", '"path": "/srv/x"', "e" * 64, '"name": {'))
    assert "\nSTATUS  COMPLETED" not in told


def test_show_tells_how_calls_went_and_what_would_change(vasini: Vasini, fake: FakeEngine) -> None:
    meta = ToolMeta(tool="files.write", backend="local", sandbox="policy", latency_ms=12.4)
    fake.stored_steps["run-1"] = (a_step("act", meta=meta),)
    changes = Preview(kind="diff", summary="changes a.txt: 1 lines come, 0 go", text="+new")
    fake.add(a_run(status=RunStatus.PENDING_HUMAN), an_approval(preview=changes))
    told = vasini("show", "run-1").stdout
    assert "local, sandbox policy, 12 ms" in told
    assert "changes a.txt: 1 lines come, 0 go\n    +new" in told


def test_show_tells_which_tries_failed_and_which_item_a_step_is_for(vasini: Vasini, fake: FakeEngine) -> None:
    failed = FailedTry(attempt=1, run_seq=7, at=ago(60), code="timeout", message="no answer\x1b[2J")
    fake.stored_steps["run-1"] = (a_step("each/0/read", attempt=2, tries=(failed,), item="a\x1b[31m.txt"),)
    fake.add(a_run())
    told = vasini("show", "run-1").stdout
    assert "each/0/read (a␛[31m.txt)" in told
    assert "timeout: no answer␛[2J" in told.split("FAILED TRY OF")[1]
    (step,) = vasini("show", "run-1", "--json").document["steps"]
    assert (step["item"], step["tries"][0]["run_seq"]) == ("a\x1b[31m.txt", 7)


def test_a_snapshot_is_one_json_document_with_and_without_json(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_snapshots["run-1"] = RunSnapshot(
        run_id="run-1",
        pack="demo",
        flow="one",
        tenant="default",
        status=RunStatus.RUNNING,
        run_seq=3,
        held_by=None,
        pause_requested=False,
        cancel=None,
        steps_executed=1,
        tool_calls=0,
        tokens_used=0,
        cost=0,
        unpriced_calls=0,
        limits=(),
        narrowed=None,
        narrowed_once=None,
        messages_waiting=0,
        requests=(),
        agents=(),
    )
    plain = vasini("show", "run-1", "--snapshot")
    assert json.loads(plain.stdout) == vasini("show", "run-1", "--snapshot", "--json").document
    assert (plain.status, json.loads(plain.stdout)["schema_version"]) == (ExitCode.OK, 1)


def test_an_unknown_run_is_not_found(vasini: Vasini) -> None:
    for command in (
        ("show",),
        ("show", "--snapshot"),
        ("events",),
        ("events", "--follow"),
        ("pause",),
        ("resume",),
        ("cancel",),
        ("retry",),
        ("narrow", "--lift"),
    ):
        outcome = vasini(*command, "nowhere", "--json")
        assert outcome.status == ExitCode.NOT_FOUND
        assert outcome.error["code"] == "not_found"


@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (("pause",), a_run()),
        (("resume",), a_run(status=RunStatus.PAUSED, pause_requested=True)),
        (("cancel",), a_run()),
        (("cancel", "--now"), a_run()),
        (("retry",), a_run(status=RunStatus.FAILED, started_at=NOW)),
        (("narrow", "--only", "files.*", "--without", "files.write"), a_run()),
        (("narrow", "--once", "--without", "files.write"), a_run()),
    ],
)
def test_verbs_act_in_the_name_of_the_operator(
    vasini: Vasini, fake: FakeEngine, arguments: tuple[str, ...], before: RunView
) -> None:
    fake.add(before)
    outcome = vasini(*arguments, "run-1", "--json", "--as", "ana")
    assert outcome.document.keys() == {"run_id", "status", "changed"}
    assert fake.asked(arguments[0]) == [("run-1", recorded("ana"))]
    modes = {("cancel",): [CancelMode.BOUNDARY], ("cancel", "--now"): [CancelMode.NOW]}
    assert fake.asked("cancel_mode") == modes.get(arguments, [])


def test_text_from_outside_reaches_no_terminal_as_it_is(vasini: Vasini, fake: FakeEngine) -> None:
    child = WaitingFor(kind=WaitKind.CHILD, id=HOSTILE)
    fake.add(a_run(waiting_for=child, requested_by=HOSTILE, output={HOSTILE: HOSTILE}))
    fake.add(an_approval(title=HOSTILE), a_form(title=HOSTILE))
    fake.stored_events["run-1"] = (an_event(1, payload={"text": HOSTILE}, actor=HOSTILE),)
    fake.stored_packs = (
        a_pack(
            trusted=False,
            problems=(Problem(file=HOSTILE, message=HOSTILE, found=HOSTILE),),
        ),
    )
    for command in (
        ("runs",),
        ("show", "run-1"),
        ("events", "run-1"),
        ("approvals",),
        ("forms",),
        ("packs",),
    ):
        told, written = vasini(*command), vasini(*command, "--json")
        for outcome in (told, written):
            assert outcome.status == ExitCode.OK
            assert not [raw for raw in RAW if raw in outcome.stdout + outcome.stderr]
        assert written.stdout.isascii()
        assert "\nSTATUS  APPROVED" not in told.stdout


def test_what_is_not_a_number_in_json_becomes_null(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(output={"a": [float("nan"), float("inf"), 1.5]}))
    assert vasini("show", "run-1", "--json").document["run"]["output"] == {"a": [None, None, 1.5]}


def test_packs_are_listed_with_their_problems(vasini: Vasini, fake: FakeEngine) -> None:
    problem = Problem(file="flow.yaml", line=3, message="unknown field", found="x", expected="id")
    fake.stored_packs = (a_pack(pack="p", trusted=False, problems=(problem,)),)
    assert vasini("packs", "--json").document["packs"][0]["problems"][0]["line"] == 3
    assert "flow.yaml:3: unknown field; found x; expected id" in vasini("packs").stdout


def test_pack_validate_ends_with_4_and_names_every_problem(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path
) -> None:
    assert vasini("pack", "validate", str(tmp_path), "--json").document["valid"] is True
    fake.packs.problems = (
        Problem(file="a.yaml", line=1, message="one"),
        Problem(file="b.yaml", line=2, message="two"),
    )
    outcome = vasini("pack", "validate", str(tmp_path), "--json")
    assert outcome.status == ExitCode.INVALID_INPUT
    assert outcome.error["code"] == "pack_invalid"
    assert [problem["file"] for problem in outcome.error["details"]["problems"]] == ["a.yaml", "b.yaml"]
    told = vasini("pack", "validate", str(tmp_path))
    assert told.stdout.splitlines() == ["a.yaml:1: one", "b.yaml:2: two"]
    assert told.stderr.count("\n") == 1


def test_a_run_of_many_steps_is_shown_whole(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run-1"))
    failed = FailedTry(attempt=1, run_seq=7, at=NOW, code="temporary", message="not now")
    steps = tuple(a_step(f"each/{number}/read", recoveries=number // 1_200) for number in range(1_201))
    last = a_step("last", StepStatus.FAILED, attempt=2, tries=(failed,))
    fake.stored_steps["run-1"] = (*steps, last)
    whole = RunDetail.model_validate(vasini("show", "run-1", "--json").document)
    assert whole.steps == fake.stored_steps["run-1"]
    (line,) = vasini("show", "run-1", "--json").stdout.splitlines()
    assert line == json_text(whole)
    shown = vasini("show", "run-1").stdout
    names = [line.split()[0] for line in shown.splitlines() if line.startswith(("each/", "last "))]
    assert names == [step.step_id for step in (*steps, last, last)]
    assert "recovered 1 time" in shown
    assert "FAILED TRY OF" in shown
    fake.stored_steps["run-1"] = ()
    assert vasini("show", "run-1", "--json").document["steps"] == []
    assert "FAILED TRY OF" not in vasini("show", "run-1").stdout
