from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.contracts.flows.flow import ApprovalStep, FlowDef, ForEachStep
from engine.contracts.flows.tool_step import ToolStep
from engine.packs.catalog.pack_views import PackStatus
from engine.packs.checks.schemas.tool_names import over_http
from engine.packs.code import code_digest, code_text
from engine.packs.loader import read_pack

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.packs.pack import Problem
    from engine.packs.loaded_pack import LoadedPack
    from tests.engine.packs.conftest import WritePack

TOOLS = {"files.read", "files.write"}


def only_problem(pack: LoadedPack) -> Problem:
    assert len(pack.problems) == 1, [str(problem) for problem in pack.problems]
    return pack.problems[0]


def flow_of(directory: Path, name: str = "f") -> FlowDef:
    pack = read_pack(directory, tool_names=TOOLS)
    assert pack.problems == ()
    return pack.flows[name]


def test_a_good_pack_loads(write_pack: WritePack) -> None:
    pack = read_pack(
        write_pack(
            f="""
            id: f
            description: Words.
            steps:
              - id: ask
                type: human_approval
                message: Go?
                gates: none
              - id: each
                type: for_each
                items: "{{ payload.items }}"
                as: one
                steps:
                  - type: tool
                    tool: files.read
                    retry: {max_attempts: 2, retry_on: [timeout]}
            """
        ),
        tool_names=TOOLS,
    )
    assert pack.problems == ()
    assert pack.manifest is not None
    assert pack.manifest.pack_id == "demo"
    approval, each = pack.flows["f"].steps
    assert isinstance(approval, ApprovalStep)
    assert isinstance(each, ForEachStep)
    inner = each.steps[0]
    assert isinstance(inner, ToolStep)
    assert each.as_ == "one"
    assert inner.id == "step_0"
    assert inner.retry is not None
    assert inner.retry.retry_on_codes == ("timeout",)


def test_a_flow_may_be_json(write_pack: WritePack) -> None:
    directory = write_pack()
    flow = {"name": "j", "steps": [{"type": "tool", "tool": "files.read"}]}
    (directory / "flows" / "j.json").write_text(json.dumps(flow))
    assert flow_of(directory, "j").steps[0].id == "step_0"


def test_steps_without_ids_are_numbered_by_their_place_even_when_aliased(write_pack: WritePack) -> None:
    directory = write_pack(
        f="""
        id: f
        steps:
          - &read {type: tool, tool: files.read}
          - *read
          - {id: last, type: tool, tool: files.read}
        """
    )
    assert [step.id for step in flow_of(directory).steps] == ["step_0", "step_1", "last"]


def test_a_version_stays_what_was_written(write_pack: WritePack) -> None:
    directory = write_pack(f="name: f\nversion: 1.10\nsteps: [{type: tool, tool: files.read}]\n")
    assert flow_of(directory).version == "1.10"
    manifest = directory / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "compatibility: {framework_max: 1.10}\n")
    pack = read_pack(directory)
    assert pack.manifest is not None
    assert pack.manifest.compatibility.framework_max == "1.10"


def test_a_number_where_a_form_wants_text_is_a_problem_since_the_run_would_find_one(
    write_pack: WritePack,
) -> None:
    form = "{form_id: v, title: 1.10, schema: {type: object, properties: {}}}"
    directory = write_pack(f=f"id: f\nsteps:\n  - {{id: ask, type: user_input, params: {form}}}\n")
    (problem,) = read_pack(directory).problems
    assert (problem.line, problem.field) == (3, "steps.0.params.title")
    assert problem.message == "expected text, found the number 1.1"


@pytest.mark.parametrize(
    ("line", "column", "field", "written", "words", "expected"),
    [
        (4, 5, "steps.0.timeout", "timeout: soon", 'found the text "soon"', "a number"),
        (4, 5, "steps.0.timeout", 'timeout: "5"', "expected a number", "a number"),
        (4, 5, "steps.0.timeout", "timeout: 0", "greater than 0", "greater than 0.0"),
        (4, 5, "steps.0.params", "params: [1]", "expected a mapping, found a list", "a mapping"),
        (4, 5, "steps.0.when", "when: 5", "found the number 5", "text or true or false"),
        (4, 5, "steps.0.name", "name: 5", "expected text, found the number 5", "text"),
        (4, 5, "steps.0.max_visits", "max_visits: true", "found true", "a whole number"),
        (4, 5, "steps.0.parms", "parms: {}", "unknown field `parms` (did you mean `params`?)", None),
        (4, 13, "steps.0.retry.max_attempt", "retry: {max_attempt: 2}", "did you mean `max_attempts`", None),
        (4, 13, "steps.0.retry.retry_on", "retry: {retry_on: x}", "expected a list", "a list"),
        (4, 13, "steps.0.retry.backoff", "retry: {backoff: slow}", "one of fixed, exponential", None),
        (4, 5, "steps.0.backend", "backend: loacl", "(did you mean `local`?)", None),
        (4, 5, "steps.0.backend", "backend: mcp", "`files.read` is a tool of no MCP server", None),
        (4, 5, "steps.0.backend", "backend: remote", "is a tool of the back end `local`, and of no", None),
        (4, 5, "steps.0.backend", "backend: http", "is a tool of the back end `local`, and of no", None),
        (4, 5, "steps.0.backend", "backend: command", "is a tool of the back end `local`, and of no", None),
        (4, 5, "steps.0.id", "id: a b", "letters, digits", None),
        (4, 5, "steps.0.id", "id: ''", "at least 1 character", None),
    ],
)
def test_a_fault_of_a_step_names_everything(
    write_pack: WritePack, line: int, column: int, field: str, written: str, words: str, expected: str | None
) -> None:
    directory = write_pack(f=f"id: f\nsteps:\n  - type: tool\n    {written}\n    tool: files.read\n")
    pack = read_pack(directory, tool_names=TOOLS)
    problem = pack.problems[0]
    assert (problem.file, problem.line, problem.column) == ("flows/f.yaml", line, column)
    assert problem.field == field
    assert words in problem.message
    assert problem.found
    if expected is not None:
        assert problem.expected == expected


@pytest.mark.parametrize(
    ("backend", "tool"),
    [
        *(("local", "files.read"), ("command", "git.status"), ("pack", "demo.own"), ("mcp", "notes.add")),
        *(("http", "crm.lookup"), ("remote", "crm.lookup")),
    ],
)
def test_a_step_may_name_the_back_end_that_its_tool_has(
    write_pack: WritePack, backend: str, tool: str
) -> None:
    directory = write_pack(f=f"id: f\nsteps:\n  - {{type: tool, tool: {tool}, backend: {backend}}}\n")
    known = ["files.read", "git.status", "demo.own", "notes.*", "crm.lookup", over_http("crm.lookup")]
    assert [
        one for one in read_pack(directory, tool_names=known).problems if "backend" in str(one.field)
    ] == []


@pytest.mark.parametrize(
    ("step", "field", "words"),
    [
        ("{type: agent, prompt: x}", "steps.0", "an agent has `instructions`, unless it is a core agent"),
        ("{type: agent, instructions: a, prompt: b, tools: [tol]}", "steps.0.tools.0", "unknown tool `tol`"),
        (
            "{type: agent, instructions: a, prompt: b, output: {type: 5}}",
            "steps.0.output.type",
            "",
        ),
        ("{type: tol, tool: x}", "steps.0.type", "unknown step type `tol` (did you mean `tool`?)"),
        ("{tool: files.read}", "steps.0", "a step needs a `type`"),
        ("{type: 5}", "steps.0.type", "expected a step type, found the number 5"),
        ("{type: tool}", "steps.0.tool", "the field `tool` is required"),
        ("{type: human_approval}", "steps.0.message", "the field `message` is required"),
        ("5", "steps.0", "expected a mapping, found the number 5"),
        ("", "steps.0", "expected a mapping, found nothing"),
        ("{type: for_each, items: {}, steps: [{type: tool, tool: files.read}]}", "steps.0.items", "a list"),
        ("{type: for_each, items: [1], steps: []}", "steps.0.steps", "at least 1 item"),
        ("{type: parallel, branches: [[]]}", "steps.0.branches.0", "this list of steps is empty"),
        ("{type: parallel, branches: [[{type: subflow}]]}", "steps.0.branches.0.0.subflow", "required"),
    ],
)  # fmt: skip
def test_a_fault_of_a_step_type_names_its_place(
    write_pack: WritePack, step: str, field: str, words: str
) -> None:
    problem = only_problem(read_pack(write_pack(f=f"id: f\nsteps:\n  - {step}\n"), tool_names=TOOLS))
    assert (problem.line, problem.field) == (3, field)
    assert words in problem.message


@pytest.mark.parametrize(
    ("trigger", "field", "words"),
    [
        ("{id: t}", "triggers.0", "a trigger needs a `type`"),
        ("{id: t, type: corn}", "triggers.0.type", "unknown trigger type `corn` (did you mean `cron`?)"),
        ("{id: t, type: tool}", "triggers.0.type", "unknown trigger type `tool`"),
    ],
)
def test_a_fault_of_a_trigger_type_speaks_of_triggers(
    write_pack: WritePack, trigger: str, field: str, words: str
) -> None:
    text = f"id: f\ntriggers: [{trigger}]\nsteps: [{{type: tool, tool: files.read}}]\n"
    problem = only_problem(read_pack(write_pack(f=text), tool_names=TOOLS))
    assert (problem.field, problem.message, problem.expected) == (field, words, "one of cron, watch")


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("steps: [{type: tool, tool: files.read}]\n", 1, "id", "the field `id` is required"),
        ("id: f\n", 1, "steps", "the field `steps` is required"),
        ("id: f\nsteps: []\n", 2, "steps", "at least 1 item"),
        ("id: f\nsteps: soon\n", 2, "steps", "expected a list"),
        ("id: f\nname: g\nsteps: [{type: tool, tool: files.read}]\n", 2, "name", "another word for `id`"),
        ("# words\nname: 5\nsteps: [{type: tool, tool: files.read}]\n", 2, "id", "expected text"),
        ("id: f\nstep: 1\nsteps: [{type: tool, tool: files.read}]\n", 2, "step", "did you mean `steps`?"),
        ("- 1\n", 1, "", "expected a mapping, found a list"),
        ("", 1, "", "the file is empty"),
        ("id: f\nsteps: [\n", 3, "", "not valid YAML"),
    ],
)
def test_a_fault_of_a_flow_names_its_place(
    write_pack: WritePack, text: str, line: int, field: str, words: str
) -> None:
    problem = only_problem(read_pack(write_pack(f=text), tool_names=TOOLS))
    assert (problem.file, problem.line, problem.field) == ("flows/f.yaml", line, field)
    assert words in problem.message


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("pack_id: demo", "pack_id: Demo", 2, "pack_id"),
        ("version: 1.0.0", "version: 1.0", 3, "version"),
        ("author: {name: Somebody}", "autor: x", 1, "author"),
        ("author: {name: Somebody}", "author: {}", 4, "author.name"),
        ("author: {name: Somebody}", "author: {name: A, mail: b}", 4, "author.mail"),
        ("version: 1.0.0", "version: 1.0.0\nrisk_level: extreme", 4, "risk_level"),
        ("version: 1.0.0", "version: 1.0.0\nsoul: calm", 4, "soul"),
    ],
)
def test_a_fault_of_the_manifest_names_its_place(
    write_pack: WritePack, old: str, new: str, line: int, field: str
) -> None:
    directory = write_pack()
    manifest = directory / "profession-pack.yaml"
    manifest.write_text(manifest.read_text().replace(old, new))
    pack = read_pack(directory)
    assert pack.manifest is None
    problem = pack.problems[0]
    assert (problem.file, problem.line, problem.field) == ("profession-pack.yaml", line, field)


def test_all_faults_of_all_files_come_at_once(write_pack: WritePack) -> None:
    directory = write_pack(
        a="id: a\nsteps:\n  - {type: tool, tool: files.raed, timeout: soon, on_success: nowhere}\n",
        b="id: b\nsteps: [\n",
    )
    manifest = directory / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "colour: red\n")
    (directory / "tools.py").write_text("def broken(:\n")
    pack = read_pack(directory)
    assert {problem.file for problem in pack.problems} == {
        "profession-pack.yaml",
        "tools.py",
        "flows/a.yaml",
        "flows/b.yaml",
    }
    assert len(pack.problems) == 5
    assert all(problem.line and problem.column for problem in pack.problems)


def test_one_flow_id_in_two_files_is_named_on_the_second(write_pack: WritePack) -> None:
    text = "id: same\nsteps: [{type: tool, tool: files.read}]\n"
    problem = only_problem(read_pack(write_pack(a=text, b=text)))
    assert problem.file == "flows/b.yaml"
    assert "`same` is used by flows/a.yaml already" in problem.message


def test_pack_tools_are_known_without_running_any_code(write_pack: WritePack, tmp_path: Path) -> None:
    directory = write_pack(
        "my-pack", f="id: f\nsteps: [{type: tool, tool: my_pack.good}, {type: tool, tool: my_pack._hidden}]\n"
    )
    witness = tmp_path / "ran"
    (directory / "tools.py").write_text(
        f"open({str(witness)!r}, 'w')\ndef good() -> int: return 1\ndef _hidden() -> int: return 2\n"
    )
    pack = read_pack(directory, tool_names=TOOLS)
    problem = only_problem(pack)
    assert "unknown tool `my_pack._hidden` (did you mean `my_pack.good`?)" in problem.message
    assert not witness.exists()
    assert pack.has_code
    assert not PackStatus().trusts(pack)
    assert PackStatus().trusts(read_pack(directory, source="shipped"))
    digest = code_digest(pack.content.code)
    assert PackStatus(trusted=frozenset({("my-pack", digest)})).trusts(pack)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x = 1\ndef broken(:\n", 2, "not Python"),
        ("x = 1\n" + "(" * 1000, 2, "not Python"),
        ("x = " + "-" * 100_000 + "1\n", 1, "not Python"),
        ("async def slow() -> int:\n    return 1\n", 1, "plain function"),
    ],
)
def test_code_that_cannot_be_read_is_a_problem(
    write_pack: WritePack, source: str, line: int, words: str
) -> None:
    directory = write_pack(f="id: f\nsteps: [{type: tool, tool: demo.x}]\n")
    (directory / "tools.py").write_text(source)
    problem = only_problem(read_pack(directory, tool_names=TOOLS))
    assert (problem.file, problem.line) == ("tools.py", line)
    assert words in problem.message


def test_a_pack_may_not_take_a_builtin_tools_name(write_pack: WritePack) -> None:
    directory = write_pack("files")
    (directory / "tools.py").write_text("def read() -> int:\n    return 1\n")
    assert "is a built-in tool's name" in only_problem(read_pack(directory, tool_names=TOOLS)).message


def test_a_pack_may_not_be_called_as_flows_are_that_agents_run(write_pack: WritePack) -> None:
    problem = only_problem(read_pack(write_pack("flow"), tool_names=TOOLS))
    assert (problem.file, problem.line is not None) == ("profession-pack.yaml", True)
    assert "give the pack another id" in problem.message
    assert not read_pack(write_pack("flow-control"), tool_names=TOOLS).problems


def test_code_of_several_files_is_trusted_and_shown_whole(write_pack: WritePack) -> None:
    directory = write_pack("my-pack", f="id: f\nsteps: [{type: tool, tool: my_pack.good}]\n")
    (directory / "tools.py").write_text("from tools_one import x\ndef good() -> int: return x\n")
    (directory / "tools_one.py").write_text("x = 1\n")
    (directory / "other.py").write_text("not read")
    pack = read_pack(directory, tool_names=TOOLS)
    assert list(pack.problems) == []
    assert list(pack.content.code) == ["tools.py", "tools_one.py"]
    assert "# ---- tools_one.py ----\nx = 1\n" in code_text(pack.content.code)
    trusted = code_digest(pack.content.code)
    (directory / "tools_one.py").write_text("x = 2\n")
    assert code_digest(read_pack(directory, tool_names=TOOLS).content.code) != trusted
    (directory / "tools_one.py").write_text("x = (\n")
    assert only_problem(read_pack(directory, tool_names=TOOLS)).file == "tools_one.py"


def test_an_approval_before_an_agent_is_told_what_asks_instead(write_pack: WritePack) -> None:
    steps = "  - {type: human_approval, message: a}\n  - {id: w, type: agent, instructions: a, prompt: b}\n"
    problem = only_problem(read_pack(write_pack(f=f"id: f\nsteps:\n{steps}"), tool_names=TOOLS))
    assert (
        "cannot show what the agent step `w` will do: its calls are asked about one by one" in problem.message
    )
