from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.preview import Preview
from engine.contracts.runs.request import GatedAction
from engine.contracts.status import OutcomeDecision, RequestStatus, Risk
from engine.contracts.times import rfc3339
from tests.fakes.views import NOW, a_form, a_run, ago, an_approval, an_outcome
from tests.recorded_names import recorded
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_approvals_default_to_pending_and_all_lists_all(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(an_approval(risk=Risk.HIGH), an_approval("app-2", status=RequestStatus.APPROVED))
    outcome = vasini("approvals", "--json")
    assert [item["approval_id"] for item in outcome.document["approvals"]] == ["app-1"]
    wanted = {
        "approval_id": "app-1",
        "run_id": "run-1",
        "step_id": "ask",
        "pack": "hello",
        "flow": "hello",
        "risk": "high",
        "status": "PENDING",
        "requested_at": "2026-03-14T09:24:53.589793Z",
        "expires_at": None,
    }
    assert wanted.items() <= outcome.document["approvals"][0].items()
    assert len(vasini("approvals", "--json", "--status", "ALL").document["approvals"]) == 2
    assert vasini("approvals", "--status", "maybe").status == ExitCode.USAGE


def test_approve_and_reject_tell_the_decision(vasini: Vasini, fake: FakeEngine) -> None:
    wanted = {
        "approval_id": "app-1",
        "run_id": "run-1",
        "decision": "APPROVED",
        "decided_by": recorded("ana"),
        "decided_at": rfc3339(NOW),
    }
    fake.add(an_approval(), an_approval("app-2"))
    assert vasini("approve", "app-1", "--as", "ana", "--json").document == wanted
    assert vasini("reject", "app-2", "--comment", "no", "--as", "ana").status == ExitCode.OK
    yes, no = fake.stored_approvals["app-1"], fake.stored_approvals["app-2"]
    assert (yes.status, yes.decided_by, yes.comment) == (RequestStatus.APPROVED, recorded("ana"), None)
    assert (no.status, no.decided_by, no.comment) == (RequestStatus.REJECTED, recorded("ana"), "no")


def test_too_late_is_refused_with_who_when_and_what(vasini: Vasini, fake: FakeEngine) -> None:
    yes = RequestStatus.APPROVED
    fake.add(an_approval(status=yes, decision=yes.value, decided_by="bo", decided_at=NOW))
    outcome = vasini("approve", "app-1", "--json")
    assert outcome.status == ExitCode.REFUSED
    assert outcome.error["code"] == "already_decided"
    wanted = {"decided_by": "bo", "decided_at": rfc3339(NOW), "decision": "APPROVED"}
    assert wanted.items() <= outcome.error["details"].items()


def test_reject_needs_a_comment(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(an_approval())
    assert vasini("reject", "app-1").status == ExitCode.USAGE
    assert fake.stored_approvals["app-1"].decided_by is None


def test_over_ssh_nobody_decides_under_another_name(
    vasini: Vasini, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    fake.add(an_approval())
    outcome = vasini("approve", "app-1", "--as", "bo", "--json")
    assert outcome.status == ExitCode.USAGE
    assert fake.stored_approvals["app-1"].decided_by is None


def test_forms_have_their_schema(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_form())
    document = vasini("forms", "--json").document
    assert document["next"] is None
    form = document["forms"][0]
    assert (form["request_id"], form["form_id"], form["run_id"]) == ("form-1", "who", "run-1")
    assert form["schema"]["properties"] == {"name": {"type": "string"}}


@pytest.mark.parametrize(
    "arguments", [("run-1",), ("run-1", "--form", "form-1"), ("form-1",), ("form-1", "--form", "form-1")]
)
def test_answer_finds_the_form_that_is_meant(
    vasini: Vasini, fake: FakeEngine, arguments: tuple[str, ...]
) -> None:
    fake.add(a_run(), a_form(), a_form("form-2", run_id="run-2"))
    outcome = vasini("answer", *arguments, "--values", '{"name": "x"}', "--json")
    assert outcome.document["request_id"] == "form-1"
    assert [(form, values) for form, values, _ in fake.asked("answer")] == [("form-1", {"name": "x"})]


def test_answer_with_several_forms_waiting_lists_them(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(), a_form(), a_form("form-2", step_id="scan/2/ask"))
    outcome = vasini("answer", "run-1", "--values", "{}", "--json")
    assert outcome.status == ExitCode.USAGE
    assert outcome.error["details"]["forms"] == ["form-1", "form-2"]
    assert "form-2 (scan/2/ask)" in outcome.stderr
    assert fake.asked("answer") == []


def test_answer_of_a_form_of_another_run_is_not_found(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(), a_form("form-2", run_id="run-2"))
    assert vasini("answer", "run-1", "--form", "form-2", "--values", "{}").status == ExitCode.NOT_FOUND
    assert vasini("answer", "nowhere", "--values", "{}").status == ExitCode.NOT_FOUND
    assert fake.asked("answer") == []


def test_answer_after_somebody_answered_tells_who(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(), a_form(status=RequestStatus.ANSWERED, answered_by="bo", answered_at=NOW))
    outcome = vasini("answer", "run-1", "--values", "{}", "--json")
    assert outcome.status == ExitCode.REFUSED
    assert outcome.error["code"] == "already_decided"
    assert outcome.error["details"]["decided_by"] == "bo"


def test_of_very_many_forms_that_were_answered_the_last_one_is_named(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(a_run())
    for number in range(1_002):  # a long conversation: each message answered a form
        answered: dict[str, Any] = {
            "status": RequestStatus.ANSWERED,
            "answered_by": "bo",
            "answered_at": NOW,
        }
        fake.add(a_form(f"form-{number:04}", requested_at=ago(5_000 - number), **answered))
    outcome = vasini("answer", "run-1", "--values", "{}", "--json")
    assert outcome.error["details"]["request_id"] == "form-1001"


def test_answer_of_a_run_that_waits_for_nothing_is_refused(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    outcome = vasini("answer", "run-1", "--values", "{}", "--json")
    assert outcome.status == ExitCode.REFUSED
    assert outcome.error["code"] == "invalid_transition"


def test_bad_values_are_refused_with_their_place(vasini: Vasini) -> None:
    outcome = vasini("answer", "run-1", "--values", "{oops}", "--json")
    assert outcome.status == ExitCode.INVALID_INPUT
    assert "--values" in outcome.error["message"]
    assert "line 1, column 2" in outcome.error["message"]


def test_interrupted_calls_are_listed_with_the_subject_of_their_run(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run(), an_outcome(subject="nightly of srv-3"))
    header, row, *_ = vasini("outcomes").stdout.splitlines()
    assert row[header.index("SUBJECT") :].startswith("nightly of srv-3")
    assert vasini("outcomes", "--json").document["outcomes"][0]["subject"] == "nightly of srv-3"


@pytest.mark.parametrize("target", ["run-1", "out-1"])
def test_outcome_says_what_became_of_a_call(vasini: Vasini, fake: FakeEngine, target: str) -> None:
    fake.add(a_run(), an_outcome(), an_outcome("out-2", run_id="run-2"))
    outcome = vasini("outcome", target, "done", "--output", '{"sent": 1}', "--comment", "seen", "--json")
    assert outcome.document["decision"] == "done"
    said = fake.stored_outcomes["out-1"]
    assert (said.decision, said.comment) == (OutcomeDecision.DONE, "seen")
    assert fake.asked("decide_outcome")[0][3] == {"sent": 1}
    fake.add(an_outcome())
    assert vasini("outcome", target, "run-again").stdout.startswith("out-1  run again, said by ")
    assert vasini("outcome", target, "maybe").status == ExitCode.USAGE


@pytest.mark.parametrize(("kind", "damaged"), [("outcomes", "out-1"), ("forms", "form-1")])
def test_a_list_says_what_is_damaged_and_left_out(
    vasini: Vasini, fake: FakeEngine, kind: str, damaged: str
) -> None:
    fake.add(an_outcome(), a_form())
    fake.damaged = {damaged}
    for arguments in ((kind,), (kind, "--json")):
        assert f"left out, cannot be read: {damaged}" in vasini(*arguments).stderr
    assert vasini(kind, "--json").document["unreadable"] == [damaged]


def test_outcomes_list_what_waits_for_a_word(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(an_outcome(), an_outcome("out-2", status=RequestStatus.ANSWERED))
    (listed,) = vasini("outcomes", "--json").document["outcomes"]
    assert (listed["request_id"], listed["action"]["target"], listed["gated"]) == ("out-1", "mail.send", True)
    assert "mail.send" in vasini("outcomes").stdout


def test_an_outcome_that_nobody_waits_for_is_refused(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    assert vasini("outcome", "run-1", "fail").status == ExitCode.REFUSED
    assert vasini("outcome", "nowhere", "fail").status == ExitCode.NOT_FOUND
    fake.add(an_outcome(), an_outcome("out-2", step_id="each/2/send"))
    several = vasini("outcome", "run-1", "fail", "--json")
    assert several.status == ExitCode.USAGE
    assert several.error["details"]["outcomes"] == ["out-1", "out-2"]


def test_one_approval_is_shown_as_the_card_shows_it(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(
        an_approval(
            action=GatedAction(step="write", kind="tool", target="files.write", params={"path": "/srv/x"}),
            preview=Preview(kind="diff", summary="changes /srv/x: 1 line", text="-old\n+new"),
            form={"why": "asked"},
            context={"approval_context": {"n": 7}},
            autonomy_level="semi_auto",
            recoveries=2,
            digest="e" * 64,
        ),
        an_approval("app-2", action=None),
    )
    told = vasini("approval", "app-1").stdout
    for words in (
        '"path": "/srv/x"',
        "changes /srv/x: 1 line\n    -old\n    +new",
        '"why": "asked"',
        '"n": 7',
        "semi_auto",
        "workers lost  2",
        "tenant        default",
        "e" * 64,
    ):
        assert words in told, told
    assert "Nothing is bound" in vasini("approval", "app-2").stdout
    assert vasini("approval", "app-1", "--json").document["preview"]["summary"] == "changes /srv/x: 1 line"


def test_interrupted_calls_stand_with_the_approvals(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(an_outcome())
    document = vasini("approvals", "--json").document
    assert [item["request_id"] for item in document["outcomes"]] == ["out-1"]
    told = vasini("approvals").stdout
    assert "out-1" in told
    assert "What became of mail.send?" in told


def test_interrupted_calls_that_fit_are_found_behind_those_that_do_not(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(*(an_outcome(f"out-{number}") for number in range(1, 4)))
    fake.add(*(an_outcome(f"out-{number}", pack="on-call") for number in range(4, 7)))
    some = vasini("approvals", "--pack", "on-call", "--limit", "2", "--json")
    assert [item["request_id"] for item in some.document["outcomes"]] == ["out-4", "out-5"]
    assert "there are more interrupted calls: vasini outcomes" in some.stderr
    assert "more interrupted" not in vasini("approvals", "--pack", "on-call", "--limit", "3").stderr
    fake.damaged = {"out-1"}
    assert vasini("approvals", "--json").document["unreadable"] == ["out-1"]


def test_approvals_are_filtered_by_pack_person_and_time(vasini: Vasini, fake: FakeEngine) -> None:
    decided = {"status": RequestStatus.APPROVED, "decided_at": ago(10)}
    fake.add(
        an_approval("a1", decided_by="ana", requested_at=ago(5000), **decided),
        an_approval("a2", decided_by="bo (as ana)", requested_at=ago(400), **decided),
        an_approval("a3", decided_by="ana (as the-ciso)", requested_at=ago(300), pack="other", **decided),
    )

    def found(*words: str) -> list[str]:
        document = vasini("approvals", "--json", "--status", "all", *words).document
        return [item["approval_id"] for item in document["approvals"]]

    assert found("--by", "ana") == ["a1", "a3"]
    assert found("--pack", "other") == ["a3"]
    assert found("--since", rfc3339(ago(600))) == ["a2", "a3"]
    assert found("--until", rfc3339(ago(600)), "--by", "bo") == []
    assert found("--by", "ana", "--limit", "1") == ["a1"]


def test_a_token_is_written_once_and_answers_from_a_file_only(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path
) -> None:
    fake.add(a_run(), a_form())
    made = vasini("token", "form-1", "--expires", "30m")
    token = made.stdout.strip()
    assert (made.status, token.startswith("vat_")) == (ExitCode.OK, True)
    assert token not in made.stderr
    assert [seconds for _, seconds, _ in fake.asked("token")] == [1800]
    assert vasini("token", "form-1", "--expires", "soon").status == ExitCode.USAGE
    place = tmp_path / "token"
    arguments = ("answer", "form-1", "--values", '{"name": "x"}')
    assert vasini(*arguments, "--token", token).status == ExitCode.INVALID_INPUT
    place.write_text("vat_other")
    refused = vasini(*arguments, "--token", f"@{place}", "--json")
    assert (refused.status, refused.document["error"]["code"]) == (ExitCode.REFUSED, "token_invalid")
    place.write_text(token + "\n")
    assert vasini(*arguments, "--token", f"@{place}").status == ExitCode.OK
    late = vasini("token", "form-1", "--json")
    assert (late.status, late.document["error"]["code"]) == (ExitCode.REFUSED, "already_decided")
