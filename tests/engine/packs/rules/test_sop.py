"""Procedures of the workflow layer as flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.flow import ApprovalStep
from engine.contracts.flows.tool_step import ToolStep
from engine.packs.catalog.outline import flow_outline, flow_outlines, pack_texts
from tests.engine.packs.layered_pack import LayeredPack

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = {"text.report", "files.write", "git.log"}
WORKFLOW = """\
sop:
  - id: restart
    name: Restart a service
    title: "{{ payload.service }}"
    trigger: When a service does not answer
    input: {type: object, properties: {service: {type: string}}, required: [service]}
    steps:
      - id: look
        action: Look at {{ payload.service }}
        tool: text.report
        params: {title: Look, body: "{{ payload.service }}"}
        on_failure: done
        timeout: 2m
      - id: act
        action: Restart it
        tool: files.write
        params: {root: /r, path: p, text: t}
        requires_approval: true
        on_failure: look
        max_visits: 2
      - id: check
        action: Check it
        tool: text.report
        params: {title: Check, body: fine}
        on_success: done
        on_failure: act
      - id: tell
        action: Tell everybody
        tool: git.log
        params: {repo: /r}
    max_duration: 1h
    escalation: Call {{ payload.service }}'s owner.
"""


@pytest.fixture
def demo(tmp_path: Path) -> LayeredPack:
    demo = LayeredPack(tmp_path)
    demo.manifest("risk_level: high\nworkflow: {file: WORKFLOW.yaml}\n")
    demo.write("demo/WORKFLOW.yaml", WORKFLOW)
    return demo


def test_a_procedure_becomes_a_flow(demo: LayeredPack) -> None:
    pack = demo.good(TOOLS)
    flow = pack.flows["restart"]
    assert pack.sops == {"restart"}
    assert pack.flow_files == {"restart": "WORKFLOW.yaml"}
    assert flow.description == "Restart a service. When a service does not answer"
    assert flow.title == "{{ payload.service }}"
    assert (flow.max_duration, flow.escalation) == (3600, "escalation")
    assert flow.input["required"] == ["service"]
    assert [step.id for step in flow.steps] == ["look", "act.approval", "act", "check", "tell", "escalation"]
    look, approval, act, check, tell, escalation = flow.steps
    assert isinstance(look, ToolStep)
    assert (look.timeout, look.on_success, look.on_failure) == (120, None, "done")
    assert look.params["body"] == "{{ payload.service }}"
    assert isinstance(approval, ApprovalStep)
    assert (approval.message, approval.gates, approval.risk) == ("Restart it", "act", "high")
    assert (act.on_failure, act.max_visits, act.timeout) == ("look", 2, 300)
    # a jump to a step that waits for an approval asks for it again
    assert (check.on_success, check.on_failure) == ("done", "act.approval")
    assert (tell.on_success, tell.on_failure) == ("done", None)
    assert isinstance(escalation, ApprovalStep)
    assert escalation.message == "Call {{ payload.service }}'s owner."


def test_going_back_is_bounded_by_three_visits(demo: LayeredPack) -> None:
    look = demo.good(TOOLS).flows["restart"].steps[0]
    assert look.max_visits == 3


def test_a_tool_that_asks_for_approval_is_approved_in_every_procedure(demo: LayeredPack) -> None:
    demo.manifest(
        """
        workflow: {file: WORKFLOW.yaml}
        tools:
          available:
            - {id: text.report, name: Report}
            - {id: files.write, name: Write, risk_level: critical}
            - {id: Git.Log, name: Log, requires_approval: true}
        """
    )
    flow = demo.good(TOOLS).flows["restart"]
    approvals = {
        step.gates: step.risk for step in flow.steps if isinstance(step, ApprovalStep) and step.gates
    }
    assert approvals == {"act": "critical", "tell": "medium"}


def test_a_step_without_parameters_is_an_agents_with_its_tool_or_with_none(demo: LayeredPack) -> None:
    text = WORKFLOW.replace("        tool: git.log\n        params: {repo: /r}\n", "        tool: git.log\n")
    demo.write("demo/WORKFLOW.yaml", text.replace("tool: git.log", "tool: null"))
    tell = demo.good(TOOLS).flows["restart"].steps[4]
    assert isinstance(tell, AgentStep)
    assert (tell.tools, tell.on_success) == ((), "done")
    assert "Tell everybody" in tell.prompt
    demo.write("demo/WORKFLOW.yaml", text)
    tell = demo.good(TOOLS).flows["restart"].steps[4]
    assert isinstance(tell, AgentStep)
    assert tell.tools == ("git.log",)


def test_what_an_agent_will_do_is_not_approved_before_but_each_call_of_its_tool(demo: LayeredPack) -> None:
    text = WORKFLOW.replace("        params: {root: /r, path: p, text: t}\n", "")
    demo.write("demo/WORKFLOW.yaml", text)
    (problem,) = demo.load(TOOLS).problems
    assert problem.field == "sop.0.steps.1.requires_approval"
    assert "what it will do cannot be approved before" in problem.message
    demo.manifest(
        """
        workflow: {file: WORKFLOW.yaml}
        tools:
          available:
            - {id: text.report, name: Report}
            - {id: files.write, name: Write, requires_approval: true}
            - {id: git.log, name: Log}
        """
    )
    assert [step.type for step in demo.good(TOOLS).flows["restart"].steps][1] == "agent"


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("on_failure: look", "on_failure: lok", "sop.0.steps.1.on_failure", "did you mean `look`"),
        ("on_success: done", "on_success: don", "sop.0.steps.2.on_success", "did you mean `done`"),
        ("id: tell", "id: look", "sop.0.steps.3.id", "here twice"),
        ("id: tell", "id: done", "sop.0.steps.3.id", "reserved"),
        ("id: tell", "id: act.approval", "sop.0.steps.3.id", "here twice"),
        ("tool: git.log", "tool: git.lgo", "sop.0.steps.3.tool", "did you mean `git.log`"),
        ("timeout: 2m", "timeout: soon", "sop.0.steps.0.timeout", "a duration such as"),
        ("max_duration: 1h", "max_duration: 1 hour", "sop.0.max_duration", "a duration such as"),
        ("Restart it", '"{{ payload. }}"', "sop.0.steps.1.action", "template"),
        ('body: "{{ payload.service }}"', 'body: "{{ x( }}"', "sop.0.steps.0.params.body", "template"),
        (
            'title: "{{ payload.service }}"',
            'title: "{{ steps.look }}"',
            "sop.0.title",
            "before the first step",
        ),
        ("type: object,", "type: list,", "sop.0.input.type", "`type` must be `object`"),
        ("action: Check it", "actoin: Check it", "sop.0.steps.2.actoin", "did you mean `action`"),
    ],
)
def test_a_fault_of_a_procedure_stands_in_its_layer(
    demo: LayeredPack, old: str, new: str, field: str, words: str
) -> None:
    assert WORKFLOW.count(old) == 1
    text = WORKFLOW.replace(old, new)
    line = WORKFLOW[: WORKFLOW.index(old)].count("\n") + 1
    demo.write("demo/WORKFLOW.yaml", text)
    pack = demo.load(TOOLS)
    found = {(problem.file, problem.line, problem.field): problem.message for problem in pack.problems}
    assert ("WORKFLOW.yaml", line, field) in found
    assert words in found["WORKFLOW.yaml", line, field]


def test_an_escalation_that_is_not_there_cannot_be_gone_to(demo: LayeredPack) -> None:
    text = WORKFLOW.replace("on_failure: act", "on_failure: escalation")
    demo.write("demo/WORKFLOW.yaml", text)
    assert demo.good(TOOLS).flows["restart"].steps[3].on_failure == "escalation"
    demo.write("demo/WORKFLOW.yaml", text[: text.index("    escalation: Call")])
    problem = demo.load(TOOLS).problems[0]
    assert "the escalation, which the procedure does not have" in problem.message


def test_what_the_tools_layer_denies_or_does_not_offer_is_refused(demo: LayeredPack) -> None:
    demo.manifest(
        """
        workflow: {file: WORKFLOW.yaml}
        tools:
          available: [{id: text.report, name: Report}]
          denied: [git.log]
        """
    )
    assert {(problem.field, problem.message) for problem in demo.load(TOOLS).problems} == {
        ("sop.0.steps.1.tool", "the tools layer does not offer `files.write`"),
        ("sop.0.steps.3.tool", "the tools layer denies `git.log`"),
    }


def test_a_procedure_and_a_flow_may_not_share_an_id(demo: LayeredPack) -> None:
    demo.write("demo/flows/restart.yaml", "id: restart\nsteps: [{type: tool, tool: git.log}]\n")
    (problem,) = demo.load(TOOLS).problems
    assert (problem.file, problem.line) == ("flows/restart.yaml", 1)
    assert "used by WORKFLOW.yaml already" in problem.message


def test_an_overridden_procedure_is_compiled_as_merged(demo: LayeredPack) -> None:
    demo.write("_shared/w.yaml", WORKFLOW)
    demo.manifest("workflow: {extends: ../_shared/w.yaml, override: {default_process: adaptive}}\n")
    pack = demo.good(TOOLS)
    assert list(pack.flows) == ["restart"]
    assert pack.flow_files == {"restart": "../_shared/w.yaml"}
    assert pack.agent is not None
    assert pack.agent.workflow.default_process == "adaptive"


def test_a_flow_is_drawn_as_a_tree_of_steps(demo: LayeredPack) -> None:
    demo.write(
        "demo/flows/tree.yaml",
        """
id: tree
description: Branches.
steps:
  - id: both
    type: parallel
    join: any
    branches: [[{id: a, type: tool, tool: git.log}], [{id: b, type: subflow, subflow: demo/restart}]]
  - id: each
    type: for_each
    items: "{{ payload.items }}"
    steps: [{id: form, type: user_input, params: {form_id: f, title: T, schema: {type: object}}}]
  - {id: ok, type: human_approval, message: Go?, when: "payload.careful"}
  - {id: act, type: tool, tool: files.write, on_failure: continue}
""",
    )
    pack = demo.good(TOOLS)
    restart, tree = flow_outlines(pack)
    assert restart == flow_outline(pack, "restart")
    assert (restart.sop, restart.file, restart.escalation) == (True, "WORKFLOW.yaml", "escalation")
    assert (tree.sop, tree.file, tree.description) == (False, "flows/tree.yaml", "Branches.")
    both, each, ok, act = tree.steps
    assert (both.join, [[step.target for step in branch] for branch in both.branches]) == (
        "any",
        [["git.log"], ["demo/restart"]],
    )
    assert (each.target, each.branches[0][0].target) == ("{{ payload.items }}", "f")
    assert (ok.gates, ok.when) == ("act", "payload.careful")
    assert (act.target, act.on_failure) == ("files.write", "continue")


def test_texts_to_compare_name_every_part_and_change_with_it_alone(demo: LayeredPack) -> None:
    demo.manifest("workflow: {file: WORKFLOW.yaml}\nskills: [{id: s, name: S, trigger: T, body: B}]\n")
    demo.write("demo/tools.py", "def act() -> dict:\n    'Act.'\n    return {}\n")
    demo.write("demo/flows/f.yaml", "id: f\nsteps: [{type: tool, tool: git.log}]\n")
    before = {part.name: part.text for part in pack_texts(demo.good(TOOLS))}
    assert list(before) == [
        "manifest",
        "soul",
        "role",
        "tools",
        "guardrails",
        "memory",
        "workflow",
        "skills/s",
        "flows/f",
        "tools.py",
    ]
    demo.write("demo/WORKFLOW.yaml", "# a remark\n" + WORKFLOW.replace("1h", "2h"))
    after = {part.name: part.text for part in pack_texts(demo.good(TOOLS))}
    assert {name for name in before if before[name] != after[name]} == {"workflow"}
    assert before["skills/s"].startswith("---\nid: s\nname: S\n")


def test_a_broken_tools_layer_is_told_once_and_not_for_every_step(demo: LayeredPack) -> None:
    demo.manifest(
        """
        workflow: {file: WORKFLOW.yaml}
        tools: {available: [{id: text.report}]}
        """
    )
    assert [problem.field for problem in demo.load(TOOLS).problems] == ["tools.available.0.name"]
