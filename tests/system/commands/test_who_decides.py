"""Who acts and who decides, with real processes: accounts of the system, tenants, and what a run started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.recorded_names import recorded
from tests.system.conftest import PROGRAM
from vasini_tui.identity import login_name

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
ASKS = """\
steps:
  - {id: ask, type: human_approval, message: "May I?", gates: act}
  - {id: act, type: tool, tool: text.report, params: {title: yes, body: done}}
"""
DECIDES = """\
input: {type: object, required: [command], properties: {command: {type: string}}}
steps:
  - {id: try, type: tool, tool: command.run, params: {argv: [sh, "-c", "{{ payload.command }}"]}}
"""


@pytest.fixture
def desk(vasini: Vasini) -> Vasini:
    vasini.make_pack("desk", asks=ASKS, decides=DECIDES)
    return vasini.with_settings(VASINI_TOOLS__COMMAND_ALLOWLIST='["sh"]')


def configured(desk: Vasini, **settings: object) -> Vasini:
    """The same home with these settings in its file."""
    (desk.home / "config.yaml").write_text(json.dumps(settings))
    return desk


def waiting(desk: Vasini, *arguments: str) -> str:
    """The approval of a new run."""
    run = desk.ok("run", "desk/asks", "--wait", *arguments)
    (approval,) = desk.ok("approvals", "--run", run["run_id"], *arguments)["approvals"]
    return str(approval["approval_id"])


LEAVES = (
    "( setsid sh -c '( {} >said.tmp; mv said.tmp said ) &' & ); "
    "while [ ! -s said ]; do sleep 0.05; done; cat said"
)
"""In a session of its own, whose parents have ended."""


@pytest.mark.parametrize("way", ["plain", "environment cleared", "process replaced", "session left"])
def test_what_a_run_started_decides_nothing(desk: Vasini, way: str) -> None:
    approval = waiting(desk)
    decide = f"VASINI_HOME={desk.home} {PROGRAM} approve {approval} --as the-ciso --json"
    command = {
        "plain": f"{decide}; true",
        "environment cleared": f"env -i {decide}; true",
        "process replaced": f"exec env -i {decide}",
        "session left": LEAVES.format(f"env -i {decide}"),
    }[way]
    tried = desk("run", "desk/decides", "--input", json.dumps({"command": command}), "--wait", "--json")
    (step,) = desk.ok("show", tried.document["run_id"])["steps"]
    assert "decision_from_run" in json.dumps(step), step
    assert [one["approval_id"] for one in desk.ok("approvals")["approvals"]] == [approval]


def test_what_an_isolated_call_starts_finds_nothing_to_decide(desk: Vasini) -> None:
    approval = waiting(desk)
    command = f"ls -A {desk.home}; VASINI_HOME={desk.home} {PROGRAM} approve {approval} --json; true"
    isolated = desk.with_settings(VASINI_TOOLS__SANDBOX="isolated", VASINI_TOOLS__SANDBOX_READS=f'["{ROOT}"]')
    tried = isolated("run", "desk/decides", "--input", json.dumps({"command": command}), "--wait", "--json")
    (step,) = isolated.ok("show", tried.document["run_id"])["steps"]
    assert step["meta"]["sandbox"] == "isolated"
    seen, answer = step["output"]["stdout"].split("\n", 1)
    assert (seen, json.loads(answer)["error"]["code"]) == ("runs", "not_found"), (
        "a journal of its own, in memory"
    )
    assert [one["approval_id"] for one in desk.ok("approvals")["approvals"]] == [approval]


def test_what_belongs_to_another_tenant_is_found_by_no_verb(desk: Vasini) -> None:
    approval = waiting(desk, "--tenant", "acme")
    (run,) = desk.ok("runs", "--tenant", "acme")["runs"]
    run_id = run["run_id"]
    assert desk.ok("runs")["runs"] == desk.ok("approvals")["approvals"] == []
    verbs = (
        ("show", run_id), ("events", run_id), ("pause", run_id), ("resume", run_id), ("cancel", run_id),
        ("retry", run_id), ("handoffs", run_id), ("handoff", run_id, "desk"), ("approve", approval),
        ("reject", approval, "--comment", "no"), ("answer", run_id, "--values", "{}"),
    )  # fmt: skip
    for verb in verbs:
        outcome = desk(*verb, "--json")
        assert (outcome.status, outcome.error["code"]) == (3, "not_found"), verb
    assert len(desk.ok("approvals", "--all-tenants")["approvals"]) == 1
    assert desk.ok("approve", approval, "--tenant", "acme")["decided_by"] == login_name()


def test_an_operator_does_what_its_roles_say_in_its_own_tenants(desk: Vasini) -> None:
    approval = waiting(desk, "--tenant", "acme")
    me = {"tenants": ["acme"], "roles": ["operator"]}
    configured(desk, identity={"operators": {login_name(): me}})
    assert len(desk.ok("approvals")["approvals"]) == 1, "one's first tenant is the one in view"
    for words in (
        ("approve", approval),
        ("runs", "--all-tenants"),
        ("run", "desk/asks", "--as", "the-ciso"),
    ):
        outcome = desk(*words, "--json")
        assert (outcome.status, outcome.error["code"]) == (5, "role_missing"), words
    assert desk("runs", "--tenant", "other", "--json").status == 3
    assert desk.ok("run", "desk/asks")["requested_by"] == login_name()


def test_an_account_that_is_no_operator_does_nothing(desk: Vasini) -> None:
    somebody = {"somebody-else": {"tenants": ["*"], "roles": ["admin"]}}
    configured(desk, identity={"operators": somebody})
    outcome = desk("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (5, "role_missing")
    assert login_name() in outcome.error["message"]


def test_an_admin_acts_under_another_name_and_both_are_recorded(desk: Vasini) -> None:
    admin = {login_name(): {"tenants": ["*"], "roles": ["admin"]}}
    configured(desk, identity={"operators": admin})
    approval = waiting(desk)
    assert desk.ok("approve", approval, "--as", "the-ciso")["decided_by"] == recorded("the-ciso")
    run_id = desk.ok("runs")["runs"][0]["run_id"]
    (decided,) = [
        event for event in desk("events", run_id, "--json").lines if event["kind"] == "approval_decided"
    ]
    assert decided["actor"] == recorded("the-ciso")
    assert (decided["account"], decided["via"]) == (login_name(), "cli")


def test_nobody_approves_what_they_requested_where_duties_are_separate(desk: Vasini) -> None:
    strict = configured(desk, policies={"separate_duties": True})
    approval = waiting(strict)
    for words in ((), ("--as", "the-ciso")):
        outcome = strict("approve", approval, *words, "--json")
        assert (outcome.status, outcome.error["code"]) == (5, "own_request")
    assert strict.ok("reject", approval, "--comment", "mine")["decision"] == "REJECTED"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VASINI_IDENTITY__OPERATORS", '{"me": {"tenants": ["*"], "roles": ["admin"]}}'),
        ("VASINI_POLICIES__SEPARATE_DUTIES", "false"),
        ("VASINI_POLICIES__BY_PACK", '{"desk": {"separate_duties": false}}'),
    ],
)
def test_nobody_gives_themselves_more_with_a_variable(desk: Vasini, variable: str, value: str) -> None:
    outcome = desk.with_settings(**{variable: value})("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "config_invalid")
    assert variable in outcome.error["message"]
    assert "config.yaml only" in outcome.error["message"]
