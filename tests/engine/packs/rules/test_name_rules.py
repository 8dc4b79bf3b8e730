"""Names in templates that nothing can stand behind are problems at load."""

from __future__ import annotations

import pytest
import yaml

from engine.templates import paths_in
from tests.engine.packs.rules.test_flow_rules import check_text

INPUT = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}


def told(*steps: str, declared: dict[str, object] | None = None) -> list[str]:
    """What is wrong with a flow of these steps."""
    flow = {"id": "f", "input": declared or INPUT, "steps": [yaml.safe_load(step) for step in steps]}
    return [problem.message for problem in check_text(yaml.safe_dump(flow))]


def report(body: str, step: str = "a") -> str:
    return f'{{id: {step}, type: tool, tool: text.report, params: {{title: t, body: "{body}"}}}}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{{ paylod.name }}", "nothing named `paylod` here (did you mean `payload`?)"),
        ("{{ payload.nam }}", "the input of this flow has no field `nam` (did you mean `name`?)"),
        ("{{ steps.frist.output.text }}", "no step `frist` in view (did you mean `first`?)"),
        ("${{ github.sha }}", "nothing named `github` here"),
        ("{{ item }}", "nothing named `item` here"),
        ("{{ paylod.name | default('x') }}", "nothing named `paylod` here"),
        ("{% for one in paylod.names %}{{ one }}{% endfor %}", "nothing named `paylod` here"),
    ],
)
def test_a_name_that_cannot_exist_is_told(body: str, words: str) -> None:
    (message,) = told(report("x", "first"), report(body))
    assert words in message


def test_a_condition_that_is_a_word_is_told() -> None:
    (message,) = told('{id: a, type: tool, tool: text.report, when: "no", params: {title: t, body: x}}')
    assert "nothing named `no` here" in message


@pytest.mark.parametrize(
    "body",
    [
        "{{ payload.name }} {{ payload['name'] }} {{ payload | tojson }}",
        "{{ steps.first.output.text }} {{ steps['first'].status }} {{ steps.a.attempt }}",
        "{{ handoff.note | default('') }} {{ artifacts.tool }} {{ run.id }}",
        "{% for key in payload.name %}{{ loop.index }}{{ key }}{% endfor %}",
        "{{ range(3) | join(',') }} {{ true }} {{ none }}",
    ],
)
def test_names_that_exist_are_fine(body: str) -> None:
    assert told(report("x", "first"), report(body)) == []


def test_an_input_that_may_hold_more_is_not_held_to_its_fields() -> None:
    assert told(report("{{ payload.other }}"), declared={"type": "object"}) == []


def test_steps_around_a_loop_and_its_item_are_in_view_inside_and_not_outside() -> None:
    inner = report("{{ repo }} {{ loop_index }} {{ steps.first.output }}", "in")
    loop = f'{{id: each, type: for_each, items: "{{{{ payload.name }}}}", as: repo, steps: [{inner}]}}'
    assert told(report("x", "first"), loop) == []
    messages = told(loop.replace("steps.first", "steps.each"), report("{{ repo }} {{ steps.in.output }}"))
    assert [message.partition(" (")[0] for message in messages] == [
        "there is nothing named `repo` here",
        "there is no step `in` in view",
    ]


def test_paths_stop_at_the_first_key_that_is_no_word() -> None:
    assert paths_in("{{ a.b['c'][0].d }}{{ e[f.g] }}", expression=False) == (
        ("a", "b", "c"),
        ("e",),
        ("f", "g"),
    )


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("{{ payload.nam }}", "no field `nam` (did you mean `name`?)"),
        ("{{ steps.a.output }}", "a title is rendered before the first step: it knows handoff, payload, run"),
        ("{{ paylod }}", "nothing named `paylod` here (did you mean `payload`?)"),
        ("{{ payload.name", "template: "),
    ],
)
def test_a_title_knows_what_there_is_at_the_start(title: str, words: str) -> None:
    flow = {"id": "f", "title": title, "input": INPUT, "steps": [yaml.safe_load(report("x"))]}
    (problem,) = check_text(yaml.safe_dump(flow))
    assert problem.field == "title"
    assert words in problem.message


def test_a_title_of_payload_and_run_is_fine() -> None:
    title = "{{ payload.name }} {{ run.tenant }} {{ handoff.note | default('') }}"
    flow = {"id": "f", "title": title, "input": INPUT, "steps": [yaml.safe_load(report("x"))]}
    assert check_text(yaml.safe_dump(flow)) == []


BOTH = "{{id: both, type: parallel, branches: [[{a}], [{b}]]}}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{{ steps.in_a.output }}", "only `error` and `status` are known outside of it"),
        ("{{ steps.in_x.status }}", "no step `in_x` in view (did you mean `in_"),
    ],
)
def test_of_a_step_inside_a_branch_only_its_end_is_known_outside(body: str, words: str) -> None:
    both = BOTH.format(a=report("x", "in_a"), b=report("x", "in_b"))
    (message,) = told(both, report(body, "after"))
    assert words in message


def test_what_became_of_a_step_inside_a_branch_is_known_outside() -> None:
    both = BOTH.format(a=report("x", "in_a"), b=report("x", "in_b"))
    assert told(both, report("{{ steps.in_a.status }} {{ steps.in_b.error.code }}", "after")) == []


def test_steps_of_one_id_in_two_branches_cannot_be_told_apart_outside() -> None:
    both = BOTH.format(a=report("x", "same"), b=report("x", "same"))
    (message,) = told(both, report("{{ steps.same.status }}", "after"))
    assert "there are 2 steps `same` in branches before" in message
    assert told(both, report("x", "after")) == []


def test_a_branch_does_not_see_into_the_one_beside_it() -> None:
    both = BOTH.format(a=report("x", "in_a"), b=report("{{ steps.in_a.status }}", "in_b"))
    (message,) = told(both)
    assert "no step `in_a` in view" in message


def test_only_what_is_rendered_for_each_question_knows_its_turn() -> None:
    words = "{id: a, type: agent, instructions: x, prompt: '%s', context: '%s', tools: []}"
    assert told(words % ("y", "{{ turn.number }} {{ payload.name }}")) == []
    (message,) = told(words % ("{{ turn.number }}", "z"))
    assert "nothing named `turn` here" in message


LOOP = "{{id: each, type: for_each, items: [1], as: {name}, steps: [{inner}]}}"


@pytest.mark.parametrize("name", ["payload", "steps", "run", "loop_index", "turn", "ending"])
def test_an_item_does_not_hide_what_templates_know_by_its_name(name: str) -> None:
    (message,) = told(LOOP.format(name=name, inner=report("x")))
    assert f"templates know something else as `{name}`" in message


@pytest.mark.parametrize("name", ["none", "not", "self", "loop", "range"])
def test_an_item_has_a_name_that_templates_take_for_one(name: str) -> None:
    (message,) = told(LOOP.format(name=name, inner=report("x")))
    assert f"templates do not take `{name}` for a name" in message


def test_an_item_may_have_any_other_name() -> None:
    assert told(LOOP.format(name="one_file", inner=report("{{ one_file }} {{ loop_index }}"))) == []
