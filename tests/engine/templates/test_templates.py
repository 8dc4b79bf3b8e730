from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.templates import (
    MAX_SOURCE,
    TemplateError,
    compile_expression,
    compile_template,
    has_template,
    render_value,
)

CONTEXT: dict[str, Any] = {
    "payload": {
        "x": 1,
        "text": "abc",
        "digits": "123",
        "word": "None",
        "nothing": None,
        "yes": True,
        "items": [1, 2, {"a": "b"}],
        "values": {"x": "v"},
        "rows": [{"n": 2, "k": "b"}, {"n": 1, "k": "a"}, {"n": 2, "k": "c"}],
        "big": "y" * 600_000,
        "many": list(range(5_000)),
    },
    "steps": {"fetch": {"output": {"values": {"x": 5}, "keys": "k", "items": [3]}}, "1": {"output": 7}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def short(source: str) -> str:
    return source[:50]


def render(source: str, context: dict[str, Any] = CONTEXT) -> Any:
    return compile_template(source).render(context)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ payload.x }}", 1),
        ("{{ payload.digits }}", "123"),
        ("{{ payload.word }}", "None"),
        ("{{ payload.nothing }}", None),
        ("{{ payload.yes }}", True),
        ("{{ payload.items }}", [1, 2, {"a": "b"}]),
        ("{# why #}{{ payload.x }}", 1),
        ("{{ (1, 2) }}", [1, 2]),
    ],
)
def test_a_whole_expression_keeps_its_type(source: str, value: Any) -> None:
    found = render(source)
    assert found == value
    assert type(found) is type(value)


@given(JSON)
def test_any_value_comes_back_as_it_went_in(value: Any) -> None:
    assert render("{{ payload.v }}", {"payload": {"v": value}}) is value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("n={{ payload.x }}", "n=1"),
        ("{{ payload.x }}{{ payload.x }}", "11"),
        ("{{ payload.x }}\n", "1\n"),
        ("is {{ payload.yes }} {{ payload.nothing }}.", "is true ."),
        ("list {{ payload.items }}", 'list [1, 2, {"a": "b"}]'),
        ("{% for i in payload.items %}{{ loop.index }}:{{ i }};{% endfor %}", '1:1;2:2;3:{"a": "b"};'),
        ("{% for k, v in payload.values | items %}{{ k }}={{ v }}{% endfor %}", "x=v"),
        ("{% if payload.x > 0 %}up{% else %}down{% endif %}", "up"),
        ("{% set n = payload.x + 1 %}{{ n }}", "2"),
    ],
)
def test_everything_else_becomes_text(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ payload.items }}", [1, 2, {"a": "b"}]),
        ("{{ steps.fetch.output.values.x }}", 5),
        ("{{ steps.fetch.output.keys }}", "k"),
        ("{{ steps.fetch.output.items.0 }}", 3),
        ("{{ steps['fetch'].output['items'][-1] }}", 3),
        ("{{ steps.1.output }}", 7),
        ("{{ payload.items[1:] | length }}", 2),
    ],
)
def test_items_come_before_anything_python_calls_them(source: str, value: Any) -> None:
    assert render(source) == value


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ steps.nope.output.y }}", "steps.nope.output.y"),
        ("x {{ nope }}", "nope"),
        ("{{ payload.items.9 }}", "payload.items.9"),
        ("{{ payload['a b'].c }}", "payload['a b'].c"),
        ("{{ payload.nothing.deeper }}", "payload.nothing.deeper"),
        ("{{ [payload.no] }}", "payload.no"),
        ("{{ {'k': payload.no} }}", "payload.no"),
        ("{{ payload.no | upper }}", "payload.no"),
        ("{{ payload.text | replace('a', payload.no) }}", "payload.no"),
        ("{{ payload.x + payload.no }}", "payload.no"),
        ("{{ payload.no ~ 'x' }}", "payload.no"),
        ("{{ payload.rows | map(attribute='no') | list }}", "item.no"),
        ("{% for i in payload.no %}{% endfor %}", "payload.no"),
        ("{% if payload.no %}{% endif %}", "payload.no"),
    ],
)
def test_a_missing_value_is_an_error_that_names_its_path(source: str, path: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert path in caught.value.message or path.removeprefix("item.") in caught.value.message
    assert caught.value.line == 1


def test_default_and_defined_work_on_missing_values() -> None:
    assert render("{{ nope.deep.er | default('z') }}") == "z"
    assert render("{{ payload.no | default(payload.no2) | default(3) }}") == 3
    assert render("{{ payload.no.x is defined }}") is False
    assert render("{{ payload.x is defined }}") is True
    assert render("{{ [] | first | default('none') }}") == "none"


def test_errors_tell_the_line() -> None:
    with pytest.raises(TemplateError) as caught:
        render("one\ntwo\n{{ steps.x }} three")
    assert caught.value.line == 3
    with pytest.raises(TemplateError) as caught:
        compile_template("one\n{{ x")
    assert caught.value.line == 2
    assert caught.value.details == {"line": 2}


@pytest.mark.parametrize(
    "source",
    [
        "{{ payload.__class__ }}",
        "{{ payload['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ payload.text.upper }}",
        "{{ payload.items.append }}",
        "{{ payload.text.0 }}",
        "{{ payload | attr('keys') }}",
        "{{ payload.rows | map(attribute='__class__') | list }}",
        "{{ payload.rows | map('attr', 'keys') | list }}",
        "{{ payload.many | map('·each', -9) | list }}",
        "{% for i in payload.items %}{{ loop.__class__ }}{% endfor %}",
        "{% for i in payload.items %}{{ loop.cycle }}{% endfor %}",
        "{% for i in payload.items %}{{ loop }}{% endfor %}",
        "{{ self }}",
        "{{ cycler }}{{ namespace }}",
        "{{ '%s' % payload.x }}",
    ],
)
def test_values_have_no_attributes_and_nothing_leads_to_python(source: str) -> None:
    with pytest.raises(TemplateError):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ payload.text.upper() }}",
        "{{ payload.items.append(1) }}",
        "{{ payload.update({'x': 2}) }}",
        "{{ payload.items.pop() }}",
        "{{ payload.items.clear() }}",
        "{% set ns = namespace(a=1) %}",
        "{% set payload.x = 2 %}",
        "{% set payload['x'] = 2 %}",
        "{{ payload.items | random }}",
        "{{ payload | pprint }}",
        "{{ payload | xmlattr }}",
        "{{ lipsum() }}",
        "{{ dict(a=1) }}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% call m() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% set x %}y{% endset %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for a in payload recursive %}{{ loop(a) }}{% endfor %}",
        "{{ payload.items | join(*payload.items) }}",
        "{{ payload.x is callable }}",
        "{{ x",
        "{{ }}",
        "{% for %}",
        "{{ 1e999 }}",
        "{{ " + "9" * 6_000 + " }}",
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "-" * 15_000 + "1 }}",
        "{{ 1" + "+1" * 9_000 + " }}",
        "{% if x %}" * 900 + "{% endif %}" * 900,
        "x" * (MAX_SOURCE + 1),
    ],
    ids=short,
)
def test_what_is_not_available_is_refused_when_compiled(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(source)


def test_a_refusal_names_what_the_author_wrote() -> None:
    with pytest.raises(TemplateError, match="`autoescape` is not available"):
        compile_template("{% autoescape true %}{% endautoescape %}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 10**9 * 'a' }}",
        "{{ 9**9**9 }}",
        "{{ 2**100 * 2**200 }}",
        "{{ payload.big ~ payload.big }}",
        "{{ payload.big + payload.big }}",
        "{{ payload.big }}{{ payload.big }}",
        "{{ [payload.big, payload.big] | tojson }}",
        "{{ [payload.big, payload.big] | join }}",
        "{{ payload.big | replace('', payload.big) }}",
        "{{ range(10**9) }}",
        "{{ [1] | batch(10**9, 'x') }}",
        "{{ 1.5 | round(10**9) }}",
        "{{ payload | tojson(indent=10**9) }}",
        "{{ 1e308 * 10 }}",
        "{{ (0 - 8) ** 0.5 }}",
        "{{ 1 / 0 }}",
        "{{ 'nan' | float }}",
        "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
        "{% for i in range(10000) %}{{ payload.many | sort | join }}{% endfor %}",
        "{% for i in range(10000) %}{% if payload.many == [i] %}x{% endif %}{% endfor %}",
        "{% for i in range(10000) %}" + "{{ 1 }}" * 1_000 + "{% endfor %}",
    ],
    ids=short,
)
def test_no_template_can_grow_or_run_without_bound(source: str) -> None:
    with pytest.raises(TemplateError):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ payload.items | sort(attribute='a') }}",
        "{{ payload.rows | sort(attribute='n') }}",
        "{{ payload.many | map('string') | list }}",
        "{{ payload.items + [1] }}",
        "{{ payload.rows | groupby('n') }}",
        "{{ payload | dictsort }}",
        "{{ payload.rows | batch(2, 0) }}",
        "{% for row in payload.rows %}{% set row = 1 %}{% endfor %}",
        "{% set payload = 1 %}{{ payload }}",
    ],
)
def test_no_template_can_change_a_value(source: str) -> None:
    before = copy.deepcopy(CONTEXT)
    with suppress(TemplateError):
        render(source)
    assert before == CONTEXT


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ payload.items | tojson }}", '[1, 2, {"a": "b"}]'),
        ("{{ payload.items | tojson | fromjson | length }}", 3),
        ("{{ payload.text | upper | lower | length }}", 3),
        ("{{ ' a ' | trim }}", "a"),
        ("{{ 'a,b' | replace(',', ';') }}", "a;b"),
        ("{{ 'a long text' | truncate(7) }}", "a…"),
        ("{{ '/var/log/app.log' | basename }}", "app.log"),
        ("{{ '/srv/shop/' | basename }}", "shop"),
        ("{{ 'C:\\\\logs\\\\app.log' | basename }}", "app.log"),
        ("{{ 2.567 | round(1) }}", 2.6),
        ("{{ '12' | int + 1 }}", 13),
        ("{{ 'x' | int(3) }}", 3),
        ("{{ '1.5' | float }}", 1.5),
        ("{{ 7 | string }}", "7"),
        ("{{ payload.rows | sort(attribute='n') | map(attribute='k') | list }}", ["a", "b", "c"]),
        ("{{ [1, 1, 2] | unique }}", [1, 2]),
        ("{{ [{'a': 1}, {'a': 1}] | unique }}", [{"a": 1}]),
        ("{{ ['a', 'b'] | map('upper') | join('-') }}", "A-B"),
        ("{{ [1, 2, 3] | select('odd') }}", [1, 3]),
        ("{{ [1, 2, 3] | reject('odd') }}", [2]),
        ("{{ payload.rows | selectattr('n', 'eq', 1) | map(attribute='k') | first }}", "a"),
        ("{{ payload.rows | rejectattr('n', 'gt', 1) | length }}", 1),
        ("{{ [1, 2] | last + ([3, 4] | sum) + ([5, 6] | min) + ([7, 8] | max) }}", 22),
        ("{{ payload.rows | sum(attribute='n') }}", 5),
        ("{{ 'ab' | list }}", ["a", "b"]),
        ("{{ {'b': 1, 'a': 2} | dictsort }}", [["a", 2], ["b", 1]]),
        ("{{ {'b': 1} | items }}", [["b", 1]]),
        ("{{ payload.rows | groupby('n') | map('first') | list }}", [1, 2]),
        ("{{ [1, 2, 3] | batch(2) }}", [[1, 2], [3]]),
        ("{{ (0 - 3) | abs }}", 3),
        ("{{ range(1, 7, 2) }}", [1, 3, 5]),
        ("{{ 'yes' if payload.x == 1 else 'no' }}", "yes"),
        ("{{ 'yes' if payload.x == 2 }}", None),
        ("{{ 1 in payload.items and 'b' in payload.text }}", True),
        ("{{ payload.digits ~ payload.x ~ payload.yes }}", "1231true"),
    ],
)
def test_filters_are_pure_and_give_data(source: str, value: Any) -> None:
    assert render(source) == value


@pytest.mark.parametrize(
    "source", ["{{ 'x' | int }}", "{{ payload.items | sum }}", "{{ 'a' + 1 }}", "{{ 1 < 'a' }}"]
)
def test_what_does_not_fit_is_an_error_not_a_default(source: str) -> None:
    with pytest.raises(TemplateError):
        render(source)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("payload.x == 1", True),
        ("{{ payload.x > 1 }}", False),
        (" payload.items | length > 2 and not payload.nothing ", True),
        ("payload.no is defined", False),
        ("'}}' in payload.text", False),
    ],
)
def test_conditions_may_be_bare_or_wrapped(source: str, holds: bool) -> None:
    assert compile_expression(source).test(CONTEXT) is holds


@pytest.mark.parametrize(
    "source", ["", "{{ a }} {{ b }}", "{% if x %}{% endif %}", "a b", "a }}", "x = 1", "f()"]
)
def test_a_condition_that_is_no_expression_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        compile_expression(source)


def test_a_condition_on_a_missing_value_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"payload\.no"):
        compile_expression("payload.no").test(CONTEXT)


def test_render_value_walks_and_leaves_keys_and_plain_strings() -> None:
    value = {"{{ k }}": "plain", "a": ["{{ payload.x }}", {"b": "n{{ payload.x }}"}], "n": 3}
    assert has_template(value)
    assert not has_template({"{{ k }}": ["plain", 1, None]})
    assert render_value(value, CONTEXT) == {"{{ k }}": "plain", "a": [1, {"b": "n1"}], "n": 3}


@given(st.text())
def test_any_source_compiles_or_is_a_template_error(source: str) -> None:
    with suppress(TemplateError):
        compile_template("{{ " + source + " }}").render(CONTEXT)
