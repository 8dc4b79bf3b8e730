"""Approvals and forms through the command line, as two operators and a program use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.recorded_names import recorded
from tests.system.conftest import ended

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

APPROVAL_KEYS = {
    "approval_id", "run_id", "step_id", "pack", "flow", "risk", "status", "requested_at", "expires_at",
}  # fmt: skip
FORM_KEYS = {"request_id", "form_id", "run_id", "step_id", "schema"}

ASKS = """\
steps:
  - {id: ask, type: human_approval, risk: high, message: "May I?", gates: act}
  - {id: act, type: tool, tool: text.report, params: {title: yes, body: done}}
"""
_FORM = """{id: %s, type: user_input, params: {form_id: size, title: "How large?", schema: {
            type: object, required: [size, unit], additionalProperties: false,
            properties: {size: {type: integer, minimum: 1}, unit: {enum: [cm, m]}}}}}"""
TWO_FORMS = f"""\
steps:
  - id: both
    type: parallel
    branches:
      - - {_FORM % "left"}
      - - {_FORM % "right"}
"""


@pytest.fixture
def desk(vasini: Vasini) -> Vasini:
    vasini.make_pack("desk", asks=ASKS, forms=TWO_FORMS)
    return vasini


def approval_of(desk: Vasini, run: dict[str, Any]) -> str:
    (approval,) = desk.ok("approvals", "--run", run["run_id"])["approvals"]
    return str(approval["approval_id"])


def test_an_approval_is_decided_once(desk: Vasini) -> None:
    run = desk.ok("run", "desk/asks", "--wait")
    assert run["status"] == "PENDING_HUMAN"
    (approval,) = desk.ok("approvals")["approvals"]
    assert approval.keys() >= APPROVAL_KEYS
    assert (approval["risk"], approval["status"], approval["expires_at"]) == ("high", "PENDING", None)
    assert approval["action"]["params"]["body"] == "done"
    decided = desk.ok("approve", approval["approval_id"], "--as", "ana", "--digest", approval["digest"])
    assert decided.keys() == {"approval_id", "run_id", "decision", "decided_by", "decided_at"}
    assert (decided["decision"], decided["decided_by"]) == ("APPROVED", recorded("ana"))
    for command in (("approve",), ("reject", "--comment", "too late")):
        late = desk(command[0], approval["approval_id"], *command[1:], "--as", "bob", "--json")
        assert (late.status, late.error["code"]) == (5, "already_decided")
        details = {key: late.error["details"][key] for key in ("decided_by", "decided_at", "decision")}
        assert details == {key: decided[key] for key in details}
    assert desk.ok("approvals")["approvals"] == []
    (kept,) = desk.ok("approvals", "--status", "approved")["approvals"]
    assert kept["decided_by"] == recorded("ana")
    desk.ok("worker", "--until-idle")
    assert desk.ok("show", run["run_id"])["run"]["status"] == "COMPLETED"


def test_a_rejection_needs_a_comment_and_fails_the_run(desk: Vasini) -> None:
    run = desk.ok("run", "desk/asks", "--wait")
    approval = approval_of(desk, run)
    empty = desk("reject", approval, "--comment", " ", "--json")
    assert (empty.status, empty.error["code"]) == (4, "invalid_input")
    assert desk.ok("reject", approval, "--comment", "not today")["decision"] == "REJECTED"
    desk.ok("worker", "--until-idle")
    shown = desk.ok("show", run["run_id"])
    assert (shown["run"]["status"], shown["run"]["error"]["code"]) == ("FAILED", "approval_rejected")
    assert shown["approvals"][0]["comment"] == "not today"


def test_an_approval_that_shows_something_else_is_not_decided(desk: Vasini) -> None:
    approval = approval_of(desk, desk.ok("run", "desk/asks", "--wait"))
    stale = desk("approve", approval, "--digest", "0" * 64, "--json")
    assert (stale.status, stale.error["code"]) == (5, "approval_changed")
    assert len(desk.ok("approvals")["approvals"]) == 1


def test_of_many_operators_at_once_exactly_one_decides(desk: Vasini) -> None:
    approval = approval_of(desk, desk.ok("run", "desk/asks", "--wait"))
    names = ("ana", "bob", "cleo", "dan")
    deciding = [desk.start("approve", approval, "--as", name, "--json") for name in names]
    outcomes = [ended(process) for process in deciding]
    assert sorted(outcome.status for outcome in outcomes) == [0, 5, 5, 5], outcomes
    (winner,) = [outcome.document["decided_by"] for outcome in outcomes if outcome.status == 0]
    losers = [outcome.error["details"]["decided_by"] for outcome in outcomes if outcome.status == 5]
    assert losers == [winner] * 3


def test_requests_are_paged_oldest_first(desk: Vasini) -> None:
    for _ in range(3):
        desk.ok("run", "desk/asks")
    desk.ok("run", "desk/forms")
    desk.ok("worker", "--until-idle")
    for verb, key, total in (("approvals", "approval_id", 3), ("forms", "request_id", 2)):
        whole = [item[key] for item in desk.ok(verb)[verb]]
        assert whole == sorted(whole)
        assert len(whole) == total
        first = desk.ok(verb, "--limit", "1")
        rest = desk.ok(verb, "--after", first["next"])
        assert [item[key] for item in (*first[verb], *rest[verb])] == whole
        assert rest["next"] is None
        assert desk.ok(verb, "--status", "withdrawn")[verb] == []
        assert len(desk.ok(verb, "--status", "all")[verb]) == total
        assert desk(verb, "--after", "run_x", "--json").status == 4
        assert desk(verb, "--status", "lost", "--json").status == 2


def test_a_form_tells_all_its_faults_by_field_and_takes_a_valid_answer(desk: Vasini) -> None:
    run = desk.ok("run", "desk/forms", "--wait")
    forms = desk.ok("forms", "--run", run["run_id"])["forms"]
    assert all(form.keys() >= FORM_KEYS for form in forms)
    assert [form["form_id"] for form in forms] == ["size", "size"]
    ambiguous = desk("answer", run["run_id"], "--values", "{}", "--json")
    assert (ambiguous.status, ambiguous.error["code"]) == (2, "usage")
    left, right = (form["request_id"] for form in forms)
    wrong = desk(
        "answer", run["run_id"], "--form", left, "--values", '{"size": 0, "unit": "km", "x": 1}', "--json"
    )
    assert (wrong.status, wrong.error["code"]) == (4, "invalid_input")
    assert {fault["field"] for fault in wrong.error["details"]["errors"]} >= {"size", "unit"}
    good = '{"size": 3, "unit": "cm"}'
    answered = desk.ok("answer", run["run_id"], "--form", left, "--values", good)
    assert (answered["request_id"], answered["form_id"]) == (left, "size")
    (desk.cwd / "values.json").write_text(good)
    assert desk.ok("answer", run["run_id"], "--values", "@values.json")["request_id"] == right
    for again in ((run["run_id"],), (run["run_id"], "--form", left)):
        late = desk("answer", *again, "--values", good, "--json")
        assert (late.status, late.error["code"]) == (5, "already_decided")
    foreign = desk("answer", run["run_id"], "--form", "form_none", "--values", good, "--json")
    assert foreign.status == 3
    desk.ok("worker", "--until-idle")
    assert desk.ok("show", run["run_id"])["run"]["status"] == "COMPLETED"


def test_what_a_cancelled_run_asked_is_withdrawn(desk: Vasini) -> None:
    run = desk.ok("run", "desk/asks", "--wait")
    approval = approval_of(desk, run)
    assert desk.ok("cancel", run["run_id"])["changed"] is True
    late = desk("approve", approval, "--json")
    assert (late.status, late.error["code"]) == (5, "request_withdrawn")
