"""What a tools layer gets wrong, and what flows want of it, is a problem at load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.packs.layered_pack import LayeredPack

NAMES = ("files.read", "files.write", "http.get", "text.report")
FLOW = "id: go\nsteps:\n  - {id: a, type: tool, tool: TOOL, params: {title: t, body: b}}\n"


def told(demo: LayeredPack, layer: str, tool: str = "text.report") -> list[str]:
    demo.manifest(f"tools: {layer}\n")
    demo.write("demo/flows/go.yaml", FLOW.replace("TOOL", tool))
    return [problem.message for problem in demo.load(NAMES).problems]


@pytest.mark.parametrize(
    ("sandbox", "words"),
    [
        ("network: egress_allowlist, egress_allowlist: ['*.org']", "`*.org` is no host"),
        ("network: egress_allowlist, egress_allowlist: ['https://x.org']", "is no host"),
        ("network: none, egress_allowlist: [x.org]", "the network is `none`"),
        ("network: full, egress_allowlist: [x.org]", "the network is `full`"),
        ("network: egress_allowlist", "no host is listed"),
        ("filesystem: scoped", "no path is given"),
        ("filesystem: read_only, scoped_paths: [/srv]", "files are `read_only`"),
        ("filesystem: scoped, scoped_paths: [/srv/../etc]", "holds `..`"),
        ("filesystem: scoped, scoped_paths: ['{{ payload. }}']", "template:"),
    ],
)
def test_bounds_that_mean_nothing_are_problems(demo: LayeredPack, sandbox: str, words: str) -> None:
    layer = f"{{available: [{{id: text.report, name: x, sandbox: {{{sandbox}}}}}]}}"
    (problem,) = told(demo, layer)
    assert words in problem


def test_a_whole_sandbox_is_no_problem(demo: LayeredPack) -> None:
    sandbox = (
        "network: egress_allowlist, egress_allowlist: [x.org], "
        "filesystem: scoped, scoped_paths: [/srv, notes, '{{ payload.repo }}/out']"
    )
    assert told(demo, f"{{available: [{{id: text.report, name: x, sandbox: {{{sandbox}}}}}]}}") == []


def test_only_of_its_own_tools_a_pack_says_what_they_do(demo: LayeredPack) -> None:
    demo.write("demo/tools.py", "def look(title: str, body: str) -> str:\n    return body\n")
    named = "{available: [{id: demo.look, name: x, effects: none, idempotent: true}]}"
    assert told(demo, named, "demo.look") == []
    for field in ("effects: none", "idempotent: true"):
        (problem,) = told(demo, f"{{available: [{{id: text.report, name: x, {field}}}]}}")
        assert "`text.report` says itself what it does" in problem


def test_unknown_names_in_denied_are_problems(demo: LayeredPack) -> None:
    assert told(demo, "{denied: [http.gte]}") == ["unknown tool `http.gte` (did you mean `http.get`?)"]
    assert told(demo, "{denied: [' HTTP.get ']}") == []


@pytest.mark.parametrize("denied", ["http.get", "HTTP.Get"])
def test_a_step_with_a_denied_tool_is_a_problem(demo: LayeredPack, denied: str) -> None:
    assert told(demo, f"{{denied: [{denied}]}}", "http.get") == ["the tools layer denies `http.get`"]


def test_a_step_with_a_tool_that_is_not_offered_is_a_problem(demo: LayeredPack) -> None:
    layer = "{available: [{id: files.read, name: x}]}"
    assert told(demo, layer, "files.write") == [
        "the tools layer does not offer `files.write` (did you mean `files.read`?)"
    ]
    assert told(demo, "{available: []}")[0].startswith("the tools layer does not offer")


def test_without_a_list_of_tools_every_one_that_is_not_denied_is_offered(demo: LayeredPack) -> None:
    assert told(demo, "{denied: [http.get]}", "files.write") == []


def test_a_name_may_not_be_both_available_and_denied_in_any_case(demo: LayeredPack) -> None:
    layer = "{available: [{id: text.report, name: x}], denied: [Text.Report]}"
    assert "the tool `text.report` is both available and denied" in told(demo, layer)


@pytest.mark.parametrize("level", ["isolated", "isolated_if_possible"])
def test_a_level_that_a_tool_cannot_have_is_a_problem(demo: LayeredPack, level: str) -> None:
    layer = f"{{available: [{{id: text.report, name: x, sandbox: {{level: {level}}}}}]}}"
    (problem,) = told(demo, layer)
    assert "`text.report` works in the engine's own process" in problem
    demo.write("demo/tools.py", "def look(title: str, body: str) -> str:\n    return body\n")
    hosts = "network: egress_allowlist, egress_allowlist: [x.org]"
    (problem,) = told(
        demo,
        f"{{available: [{{id: demo.look, name: x, sandbox: {{level: {level}, {hosts}}}}}]}}",
        "demo.look",
    )
    assert "say `none` or `full`" in problem


def test_a_step_that_cannot_be_isolated_is_a_problem(demo: LayeredPack) -> None:
    demo.manifest("")
    demo.write("demo/flows/go.yaml", FLOW.replace("TOOL", "text.report, sandbox: isolated"))
    (problem,) = demo.load(NAMES).problems
    assert "which cannot be isolated" in problem.message


@pytest.mark.parametrize(
    ("level", "policies", "told_of"),
    [
        ("process", "", ["network", "filesystem"]),
        ("isolated_if_possible", "", ["network", "filesystem"]),
        ("isolated", "", []),
        ("process", ", tool_policies: {level: isolated}", []),
    ],
)
def test_bounds_that_hold_only_in_a_sandbox_are_told_where_there_is_none(
    demo: LayeredPack, level: str, policies: str, told_of: list[str]
) -> None:
    demo.write("demo/tools.py", "def look(title: str, body: str) -> str:\n    return body\n")
    sandbox = f"{{level: {level}, network: none, filesystem: read_only}}"
    demo.manifest(f"tools: {{available: [{{id: demo.look, name: x, sandbox: {sandbox}}}]{policies}}}\n")
    demo.write("demo/flows/go.yaml", FLOW.replace("TOOL", "demo.look"))
    found = demo.load(NAMES).not_in_force
    assert [str(problem.field).rpartition(".")[2] for problem in found] == told_of
    assert all("only at the level `isolated`" in problem.message for problem in found)
