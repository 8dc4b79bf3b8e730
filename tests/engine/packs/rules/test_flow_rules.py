from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.packs.checks.flow_rules import MAX_STEP_DEPTH, MAX_STEPS, check_flow
from engine.packs.source.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from engine.contracts.packs.pack import Problem

TOOLS = {"files.read", "files.write", "text.report"}

READ = "{id: read, type: tool, tool: files.read}"
WRITE = "{id: write, type: tool, tool: files.write}"
ASK = "{id: ask, type: human_approval, message: Go}"
LAST = "{id: last, type: tool, tool: text.report}"


def check(*steps: str) -> list[Problem]:
    """Faults of a flow whose n-th step stands on line n + 2."""
    return check_text("id: f\nsteps:\n" + "".join(f"  - {step}\n" for step in steps))


def check_text(text: str) -> list[Problem]:
    document = parse_document(text, "flows/f.yaml")
    assert isinstance(document, SourceDocument), document
    problems = check_flow(document, TOOLS)
    assert all(problem.line and problem.column and problem.field for problem in problems)
    return problems


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def step(text: str, **more: Any) -> str:
    """A step of the constants above with further fields."""
    fields: dict[str, Any] = yaml.safe_load(text)
    return yaml.safe_dump({**fields, **more}, default_flow_style=True, width=1000).strip()


def form(**params: Any) -> str:
    params = {"form_id": "q", "prompt": "Say", **params}
    fields = {"id": "form", "type": "user_input", "params": params}
    return yaml.safe_dump(fields, default_flow_style=True, width=10_000).strip()


FREE = form(mode="free_text_input")


def test_a_plain_flow_has_no_faults() -> None:
    assert check(READ, ASK, WRITE, LAST) == []


@pytest.mark.parametrize("field", ["retry_on_codes", "retry_on"])
def test_a_retry_names_codes_that_something_fails_with(field: str) -> None:
    problem = only(check(step(READ, retry={"max_attempts": 2, field: ["timeout", "time_out"]})))
    assert (problem.line, problem.field) == (3, f"steps.0.retry.{field}.1")
    assert problem.message == "nothing fails with the code `time_out` (did you mean `timeout`?)"


@pytest.mark.parametrize("codes", [["temporary"], ["TEMPORARY"], ["backend_error", "disk_full"]])
def test_codes_of_steps_and_reasons_of_tools_may_be_tried_again(codes: list[str]) -> None:
    assert check(step(READ, retry={"retry_on_codes": codes})) == []


def test_reasons_of_models_and_of_agents_may_be_tried_again_where_they_are_asked() -> None:
    agent = {"id": "a", "type": "agent", "instructions": "Look.", "prompt": "Look.", "tools": []}
    named = {**agent, "retry": {"retry_on_codes": ["model_error", "overloaded", "auth_required"]}}
    assert check(yaml.safe_dump(named, default_flow_style=True, width=1000).strip()) == []
    assert "`overloaded`" in only(check(step(READ, retry={"retry_on_codes": ["overloaded"]}))).message


def test_a_tool_of_the_pack_may_have_reasons_of_its_own() -> None:
    document = parse_document(
        "id: f\nsteps: [{id: a, type: tool, tool: own.look, retry: {retry_on: [supplier_closed]}}]", "f.yaml"
    )
    assert isinstance(document, SourceDocument)
    assert check_flow(document, {"own.look"}) == []


def test_ids_are_unique_within_their_list() -> None:
    problem = only(check(READ, WRITE, READ))
    assert (problem.line, problem.field) == (5, "steps.2.id")
    assert "`read` is here twice (first on line 3)" in problem.message
    assert check("{id: a, type: parallel, branches: [[" + READ + "], [" + READ + "]]}") == []


def test_a_default_id_can_collide_with_a_written_one() -> None:
    problem = only(check("{id: step_1, type: tool, tool: files.read}", "{type: tool, tool: files.read}"))
    assert problem.line == 4
    assert "`step_1` is here twice" in problem.message


@pytest.mark.parametrize("reserved", ["fail", "continue"])
def test_words_of_jumps_are_no_ids(reserved: str) -> None:
    assert "reserved" in only(check(f"{{id: {reserved}, type: tool, tool: files.read}}")).message


@pytest.mark.parametrize("field", ["on_success", "on_failure"])
@pytest.mark.parametrize("target", ["last", "fail", "continue"])
def test_forward_jumps_are_fine(field: str, target: str) -> None:
    assert check(step(READ, **{field: target}), WRITE, LAST) == []


@pytest.mark.parametrize("field", ["on_success", "on_failure"])
def test_a_jump_to_nowhere_suggests_a_step(field: str) -> None:
    problem = only(check(step(READ, **{field: "wriet"}), WRITE))
    assert (problem.line, problem.field) == (3, f"steps.0.{field}")
    assert "no step `wriet` in this list (did you mean `write`?)" in problem.message


def test_a_jump_to_nothing_is_not_told_to_go_there() -> None:
    assert "did you mean `none`" not in only(check(step(READ, on_success="none"), WRITE)).message


def test_a_jump_stays_in_its_list() -> None:
    jump = "{id: in, type: tool, tool: files.read, on_success: last}"
    inner = f"{{id: each, type: for_each, items: [1], steps: [{jump}]}}"
    assert "is in another list" in only(check(inner, LAST)).message
    assert (
        "is in another list"
        in only(check(step(READ, on_success="in"), inner.replace("last", "fail"))).message
    )


@pytest.mark.parametrize("target", ["read", "write"])
def test_a_jump_back_needs_max_visits(target: str) -> None:
    back = step(WRITE, on_failure=target)
    assert "names no `max_visits`" in only(check(READ, back)).message
    allowed = [text.replace("}", ", max_visits: 3}") for text in (READ, back)]
    assert check(*allowed) == []


def test_gates_name_a_later_step_of_the_same_list() -> None:
    assert check(step(ASK, gates="last"), WRITE, LAST) == []
    assert "did you mean `last`?" in only(check(step(ASK, gates="lost"), WRITE, LAST)).message
    assert "must stand after" in only(check(READ, step(ASK, gates="read"))).message
    assert "must stand after" in only(check(step(ASK, gates="ask"), WRITE)).message


def test_a_step_has_one_gate() -> None:
    second = "{id: again, type: human_approval, message: Really}"
    assert "gated by `ask` already" in only(check(step(ASK, gates="write"), second, WRITE)).message
    assert check(ASK, second, WRITE) == []


def test_an_approval_at_the_end_gates_nothing() -> None:
    assert check(READ, ASK) == []


@pytest.mark.parametrize("field", ["on_success", "on_failure"])
def test_a_jump_may_not_land_on_a_gated_step(field: str) -> None:
    problem = only(check(step(READ, **{field: "write"}), ASK, WRITE))
    assert (problem.line, problem.field) == (3, f"steps.0.{field}")
    assert "a jump may not land on a step that an approval gates" in problem.message


def test_a_jump_may_not_land_between_an_approval_and_what_it_gates() -> None:
    gate = step(ASK, gates="write")
    assert (
        "without the approval `ask`" in only(check(step(READ, on_success="mid"), gate, mid(), WRITE)).message
    )
    assert check(READ, gate, step(mid(), on_success="write"), WRITE) == []


def mid() -> str:
    return "{id: mid, type: tool, tool: text.report}"


def test_a_rejected_approval_may_not_reach_what_it_gates() -> None:
    assert (
        "a rejected approval may not `continue`"
        in only(check(step(ASK, on_failure="continue"), WRITE)).message
    )
    assert "without the approval" in only(check(step(ASK, on_failure="write"), WRITE)).message
    assert check(step(ASK, on_failure="last"), WRITE, LAST) == []
    assert check(step(ASK, on_success="write"), WRITE) == []


def test_a_gated_step_is_not_visited_again_without_a_new_approval() -> None:
    write = WRITE.replace("}", ", max_visits: 3}")
    assert "without the approval" in only(check(ASK, step(write, on_failure="write"))).message
    assert "without the approval" in only(check(ASK, write, step(LAST, on_failure="write"))).message
    ask = ASK.replace("}", ", max_visits: 3}")
    assert check(ask, write, step(LAST, on_failure="ask")) == []


CHOICE = form(mode="choice_input")
PARALLEL = "{id: both, type: parallel, branches: [[" + READ + "]]}"
LOOP = "{id: each, type: for_each, items: [1], steps: [" + READ + "]}"
CHILD = "{id: child, type: subflow, subflow: other}"


@pytest.mark.parametrize("composite", [PARALLEL, LOOP, CHILD])
def test_an_approval_does_not_stand_before_what_it_cannot_show(composite: str) -> None:
    problem = only(check(ASK, composite))

    assert "put it inside, directly before the step it is about" in problem.message
    assert "gates: none" in problem.message


def test_an_acknowledgement_binds_nothing() -> None:
    acknowledgement = step(ASK, gates="none")

    assert check(acknowledgement, PARALLEL) == []
    assert check(acknowledgement, CHILD, LOOP) == []


def test_only_what_acts_can_be_gated_by_name() -> None:
    assert "nothing that could be approved" in only(check(step(ASK, gates="form"), CHOICE, LAST)).message
    assert "put it inside" in only(check(step(ASK, gates="each"), READ, LOOP)).message


def test_no_step_is_called_none() -> None:
    assert "reserved" in only(check("{id: none, type: tool, tool: files.read}")).message


@pytest.mark.parametrize(
    "steps",
    [
        (FREE, READ),
        (step(FREE, on_success="continue"), READ),
        (step(FREE, on_success="last"), ASK, WRITE, LAST),
        (FREE, "{type: parallel, branches: [[" + ASK + "], [" + READ + "]]}"),
        (FREE, "{type: for_each, items: [1], steps: [" + READ + "]}"),
        ("{type: for_each, items: [1], steps: [" + FREE + "]}", READ),
        (FREE, step(ASK, when="payload.x"), READ),
    ],
)
def test_free_text_does_not_reach_a_tool_directly(steps: tuple[str, ...]) -> None:
    problem = only(check(*steps))
    assert "directly follows the free-text form `form`" in problem.message


@pytest.mark.parametrize(
    "steps",
    [
        (FREE, ASK, READ),
        (FREE, form(mode="choice_input").replace("id: form", "id: choose"), READ),
        (form(mode="choice_input"), READ),
        (step(FREE, on_success="fail"), READ),
        (step(FREE, on_success="ask"), READ, ASK),
        (READ, FREE),
    ],
)
def test_free_text_may_go_to_a_person(steps: tuple[str, ...]) -> None:
    assert check(*steps) == []


def test_walking_on_from_a_form_ends_in_a_loop_of_skippable_steps() -> None:
    loop = (
        "{id: each, max_visits: 2, type: for_each, items: [1], on_success: each, "
        "steps: [{id: maybe, type: human_approval, message: Go, when: payload.x}]}"
    )
    assert check(FREE, loop) == []


def test_an_unknown_tool_suggests_a_close_one() -> None:
    problem = only(check("{type: tool, tool: files.raed}"))
    assert (problem.field, problem.found) == ("steps.0.tool", 'the text "files.raed"')
    assert "unknown tool `files.raed` (did you mean `files.read`?)" in problem.message


def test_tool_names_are_not_checked_when_they_are_not_known() -> None:
    document = parse_document("id: f\nsteps: [{type: tool, tool: x.y}]\n", "f.yaml")
    assert isinstance(document, SourceDocument)
    assert check_flow(document, None) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{type: tool, tool: files.read, params: {a: [{b: "{{ payload."}]}}', "steps.0.params.a.0.b"),
        ('{type: human_approval, message: "{% if %}"}', "steps.0.message"),
        ('{type: human_approval, message: ok, title: "{{ payload | nosuchfilter }}"}', "steps.0.title"),
        ('{type: tool, tool: files.read, when: "payload.x >"}', "steps.0.when"),
        ('{type: for_each, items: "{{ }}", steps: [' + READ + "]}", "steps.0.items"),
        ('{type: for_each, items: "payload.files", steps: [' + READ + "]}", "steps.0.items"),
        ('{type: subflow, subflow: "{{ payload.flow }}"}', "steps.0.subflow"),
        ('{type: user_input, params: {form_id: q, prompt: "{{ ("}}', "steps.0.params.prompt"),
    ],
)
def test_templates_are_checked_when_the_flow_is_loaded(text: str, field: str) -> None:
    assert only(check(text)).field == field


def test_the_line_inside_a_long_template_is_told() -> None:
    text = "id: f\nsteps:\n  - type: human_approval\n    message: |\n      one\n      two {{ x y }}\n"
    problem = only(check_text(text))
    assert problem.line == 4
    assert "(line 2 of the text)" in problem.message


def test_a_condition_may_be_a_plain_boolean() -> None:
    assert check("{type: tool, tool: files.read, when: false}") == []


@pytest.mark.parametrize(
    ("params", "field", "words"),
    [
        ({"form_id": ""}, "steps.0.params.form_id", "at least 1 character"),
        ({"prompt": ""}, "steps.0.params", "prompt (or title) is required"),
        ({"mode": "chat"}, "steps.0.params.mode", "choice_input, free_text_input"),
        ({"shema": {}}, "steps.0.params.shema", "did you mean `schema`?"),
        ({"schema": []}, "steps.0.params.schema", "expected a mapping"),
        (
            {"schema": {"type": "object", "properties": {"a": {"type": "strin"}}}},
            "steps.0.params.schema.properties.a.type",
            "not a usable JSON Schema",
        ),
        (
            {"required": ["b"], "schema": {"properties": {"a": {}}}},
            "steps.0.params",
            "names fields it does not",
        ),
    ],
)
def test_a_form_is_checked_when_the_flow_is_loaded(params: dict[str, Any], field: str, words: str) -> None:
    problem = check(form(**params))[0]
    assert problem.field == field
    assert words in problem.message


def test_what_a_template_gives_to_a_form_is_not_guessed() -> None:
    assert check(form(schema="{{ payload.schema }}", defaults="{{ payload.d }}")) == []
    assert check(form(schema={"type": "object", "properties": {"a": {"enum": "{{ payload.all }}"}}})) == []


def test_nesting_of_steps_is_bounded() -> None:
    def nested(levels: int) -> str:
        inner = READ if levels == 1 else nested(levels - 1)
        return f"{{type: for_each, items: [1], steps: [{inner}]}}" if levels > 1 else inner

    assert check(nested(MAX_STEP_DEPTH)) == []
    assert "nested too deeply" in only(check(nested(MAX_STEP_DEPTH + 1))).message
    assert len(check(nested(MAX_STEP_DEPTH + 3))) == 1


def test_the_number_of_steps_is_bounded() -> None:
    many = ["{type: tool, tool: files.read}"] * MAX_STEPS
    assert check(*many) == []
    assert "has 501 steps, at most 500" in only(check(*many, READ)).message


@pytest.mark.parametrize("fields", ["duration: 30", "duration: 1h30m", "until: '{{ payload.at }}'"])
def test_a_wait_names_a_time_or_a_moment(fields: str) -> None:
    assert check(f"{{id: w, type: wait, {fields}}}", READ) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("name: x", "either `duration` or `until`"),
        ("duration: 1, until: '2026-01-01T00:00:00Z'", "either `duration` or `until`"),
        ("duration: soon", "expected seconds, or a text such as"),
        ("duration: -1", "expected seconds"),
        ("until: '2026-01-01 08:00'", "a moment with its offset"),
        ("until: '{{ payload'", "template: "),
    ],
)
def test_what_is_no_time_is_told_at_its_line(fields: str, words: str) -> None:
    problem = only(check(f"{{id: w, type: wait, {fields}}}", READ))
    assert problem.line == 3
    assert words in problem.message


def with_last(*last: str) -> list[Problem]:
    steps = "id: f\nsteps:\n  - {id: read, type: tool, tool: files.read}\nfinally:\n"
    return check_text(steps + "".join(f"  - {each}\n" for each in last))


def test_steps_that_run_in_any_case_are_checked_as_others_are() -> None:
    assert with_last(WRITE, LAST) == []
    assert "unknown tool `files.raed`" in only(with_last("{id: a, type: tool, tool: files.raed}")).message
    assert only(with_last(READ, READ)).field == "finally.1.id"
    assert "is in another list" in only(with_last(step(WRITE, on_failure="read"))).message


def test_steps_that_run_in_any_case_see_all_steps_and_the_ending() -> None:
    body = "{{ steps.read.status }} {{ ending.outcome }} {{ ending.cause.message | default('') }}"
    say = step(LAST, params={"title": "t", "body": body})
    assert with_last(say) == []
    assert {problem.message for problem in check(say, READ)} == {"there is nothing named `ending` here"}


def test_free_text_does_not_lead_into_what_runs_in_any_case() -> None:
    text = f"id: f\nsteps:\n  - {FREE}\nfinally:\n  - {WRITE}\n"
    assert "directly follows the free-text form" in only(check_text(text)).message


def test_no_step_is_called_as_what_runs_in_any_case() -> None:
    assert "reserved" in only(check("{id: finally, type: tool, tool: files.read}")).message
