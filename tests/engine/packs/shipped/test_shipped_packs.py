"""The packs we ship: they load, and their code is what the flows expect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.flows.flow import ApprovalStep, ForEachStep, ParallelStep, UserInputStep
from engine.contracts.flows.tool_step import ToolStep
from engine.packs.code import code_tools
from engine.templates import render_value
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import PackCode, ToolLimits
from engine.tools.pack_code.pack_tools import describe_functions
from tests.engine.packs.catalogs import load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.flows.step import Step
    from engine.packs.catalog.catalog import Catalog
    from tests.engine.packs.conftest import LoadTools

PACKS = Path(__file__).parents[4] / "packs"
FLOWS = [
    "budget/soft-cap",
    "hello/hello",
    "log-triage/incident",
    "on-call/incident",
    "on-call/respond",
    "on-call/triage",
    "outside/approval",
    "outside/connection",
    "outside/question",
    "outside/report",
    "repo-steward/release-notes",
    "repo-steward/secret-scan",
    "senior-python-dev/ask",
    "senior-python-dev/change-survey",
    "senior-python-dev/feature-implementation",
    "senior-python-dev/fix",
    "senior-python-dev/review",
    "senior-python-dev/survey",
]

ASKS_ONLY = "budget"
"""It calls nothing."""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    names = [spec.name for spec in builtin_registry().specs()]
    return load_catalog(PACKS, None, names)


def steps(found: tuple[Step, ...]) -> Iterator[Step]:
    for step in found:
        yield step
        if isinstance(step, ForEachStep):
            yield from steps(step.steps)
        elif isinstance(step, ParallelStep):
            for branch in step.branches:
                yield from steps(branch)


def test_every_shipped_pack_loads_without_problems(catalog: Catalog) -> None:
    assert [str(problem) for pack in catalog.all() for problem in pack.problems] == []
    found = sorted(f"{pack.pack_id}/{flow}" for pack in catalog.all() for flow in pack.flows)
    assert found == FLOWS


@pytest.mark.parametrize("name", FLOWS)
def test_start_forms_explain_every_field(catalog: Catalog, name: str) -> None:
    flow = catalog.flow(*name.split("/"))
    assert flow is not None
    assert flow.description
    for field in flow.input["properties"].values():
        assert field["title"]
        assert field["description"]


@pytest.mark.parametrize("pack_id", ["hello", "log-triage", "on-call", "repo-steward"])
async def test_names_found_statically_are_those_the_code_has_when_it_runs(
    catalog: Catalog, pack_id: str
) -> None:
    pack = catalog.get(pack_id)
    assert pack is not None
    code = PackCode(pack=pack_id, digest=pack.content.digest, files=pack.content.code)
    specs = {one.spec.name: one.spec for one in await describe_functions(code, ToolLimits())}
    names, problems = code_tools(pack_id, pack.content.code)
    assert set(specs) == set(names)
    for name, schema in names.items():
        assert schema is not None
        assert set(schema["properties"]) == set(specs[name].parameters["properties"])
        assert schema["required"] == specs[name].parameters["required"]
    assert list(problems) == []
    for flow in pack.flows.values():
        for step in steps(flow.steps):
            if isinstance(step, ToolStep) and step.tool in specs:
                parameters = specs[step.tool].parameters
                assert set(step.params) <= set(parameters["properties"])
                assert set(parameters["required"]) <= set(step.params)


@pytest.mark.parametrize("name", FLOWS)
def test_every_write_is_gated_or_asked_for(catalog: Catalog, name: str) -> None:
    flow = catalog.flow(*name.split("/"))
    assert flow is not None
    gates = [step.gates for step in flow.steps if isinstance(step, ApprovalStep)]
    expected = {
        "hello/hello": ["greet"],
        "log-triage/incident": ["write_blocklist"],
        "on-call/incident": ["announce", "mitigate", None],
        "on-call/triage": ["act"],
        "outside/approval": ["allow", "allow-high"],
        "repo-steward/release-notes": ["write"],
        "senior-python-dev/feature-implementation": [None],
    }
    assert gates == expected.get(name, [])


def test_the_first_attempt_fails_and_the_second_greets(load_tools: LoadTools) -> None:
    tools = load_tools("hello")
    with pytest.raises(ConnectionError, match="on purpose"):
        tools.greet("Ada", "formal", False, context={"attempt": 1})
    answer = tools.greet("Ada", "formal", False, context={"attempt": 2})
    assert answer == {"summary": "Good day, Ada.", "greeting": "Good day, Ada.", "attempt": 2}


def test_an_unknown_style_is_invalid_input(load_tools: LoadTools) -> None:
    tools = load_tools("hello")
    with pytest.raises(ValueError, match="friendly, formal, brief"):
        tools.greet("Ada", "rude", False, context={"attempt": 1})


def test_the_report_renders_whether_the_forms_were_shown_or_skipped(catalog: Catalog) -> None:
    flow = catalog.flow("repo-steward", "secret-scan")
    assert flow is not None
    judge = next(step for step in flow.steps if step.id == "judge")
    assert isinstance(judge, ToolStep)
    outputs: dict[str, Any] = {
        "merge": {"output": {"findings": []}},
        "left": {"output": {"verdicts": {}}},
        "rules": {"output": {"rules": "own rules"}},
        "survey": {"output": [{"files": [], "truncated": False}, None]},
    }
    context = {"payload": {"repo": "/r"}, "steps": outputs}
    for classify in ({}, {"classify": {"output": None}}):
        rendered = render_value(judge.params, {**context, "steps": {**outputs, **classify}})
        assert (rendered["singly"], rendered["state"]) == ({}, None)
    answered = {"classify": {"output": {"values": {"f0001": "real"}}}}
    rendered = render_value(judge.params, {**context, "steps": {**outputs, **answered}})
    assert rendered["singly"] == {"f0001": "real"}


def test_every_shipped_pack_has_all_its_layers(catalog: Catalog) -> None:
    for pack in catalog.all():
        assert pack.agent is not None
        forms = {source.layer: source.form for source in pack.agent.sources}
        assert "default" not in forms.values(), pack.pack_id
        assert len(pack.agent.soul.principles) >= 3
        assert pack.agent.skills
        assert pack.agent.tools.available or pack.pack_id == ASKS_ONLY
        assert {tool for skill in pack.agent.skills for tool in skill.required_tools} <= {
            tool.id for tool in pack.agent.tools.available
        }


def test_the_agent_of_the_reference_is_there_with_its_values(catalog: Catalog) -> None:
    pack = catalog.get("senior-python-dev")
    assert pack is not None
    assert pack.agent is not None
    agent = pack.agent
    assert (agent.soul.identity.name, agent.role.seniority) == ("Architect", "senior")
    assert agent.soul.personality.communication_style == "professional"
    assert agent.guardrails.behavioral.max_autonomous_steps == 40
    assert agent.guardrails.output.hallucination_check.confidence_threshold == 0.8
    assert agent.memory.cross_session.merge_strategy == "highest_confidence"
    assert [skill.id for skill in agent.skills] == ["code-review"]


def test_the_end_of_a_log_is_read_and_not_all_of_it(load_tools: LoadTools, tmp_path: Path) -> None:
    tools = load_tools("on-call")
    log = tmp_path / "shop.log"
    old = "shop ERROR old\n" * 1000
    log.write_text(old + "x" * 9_000_000 + "\nshop INFO up\nSHOP ERROR new\nother ERROR not ours\n")
    found = tools.collect(str(log), "shop")
    assert (found["errors"], found["sample"]) == (1, ["SHOP ERROR new"])
    for tool, more in (("collect", ("shop",)), ("mark", ())):
        with pytest.raises(ValueError, match="is not a file"):
            getattr(tools, tool)(str(tmp_path), *more)


@pytest.mark.parametrize("directory", ["relative", "{here}/file"])
def test_on_call_writes_only_where_it_can(load_tools: LoadTools, tmp_path: Path, directory: str) -> None:
    (tmp_path / "file").write_text("")
    tools = load_tools("on-call")
    with pytest.raises(ValueError, match=r"absolute|is a file"):
        tools.locate(directory.format(here=tmp_path))
    assert tools.locate(str(tmp_path / "a" / "b")) == {"root": str(tmp_path), "path": "a/b/"}


@pytest.mark.parametrize("name", FLOWS)
def test_every_shipped_flow_keeps_its_own_layers(catalog: Catalog, name: str) -> None:
    pack_id, flow_id = name.split("/")
    pack = catalog.get(pack_id)
    assert pack is not None
    layer, guardrails = pack.tools_layer, pack.guardrails
    assert layer is not None
    assert guardrails is not None
    calls = 0
    flow = pack.flows[flow_id]
    gated = {step.gates for step in steps(flow.steps) if isinstance(step, ApprovalStep)}
    for step in steps(flow.steps):
        if isinstance(step, ApprovalStep | UserInputStep):
            calls = 0
        if not isinstance(step, ToolStep):
            continue
        bounds = layer.bounds(step.tool)
        assert bounds is not None, step.tool
        assert step.id in gated or not bounds.requires_approval, step.id
        assert step.timeout is None or step.timeout <= bounds.timeout or step.id in gated or pack.sops
        if step.tool == "files.write":
            assert bounds.filesystem == "scoped"
        calls += 1
        assert calls <= guardrails.behavioral.max_autonomous_steps


def test_whoever_reads_foreign_repositories_wants_to_be_isolated(catalog: Catalog) -> None:
    """The git tools say so themselves; the steward's own code reads the files as well."""
    git = [spec.sandbox for spec in builtin_registry().specs() if spec.name.startswith("git.")]
    assert set(git) == {"isolated_if_possible"}
    (steward,) = [pack for pack in catalog.all() if pack.pack_id == "repo-steward"]
    assert steward.tools_layer is not None
    assert steward.tools_layer.level == "isolated_if_possible"
