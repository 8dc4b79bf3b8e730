"""What a template puts together is bounded by what it would be written out."""

from __future__ import annotations

import pytest

from engine.templates import TemplateError, compile_template


@pytest.mark.parametrize(
    "many",
    [
        "[V, V, V]",
        "{'a': V, 'b': V, 'c': V}",
        "[1] | batch(3, V)",
        "range(3) | map(attribute='x', default=V) | list",
        "[V] + [V]",
    ],
)
@pytest.mark.parametrize("used", ["{{ v }}", "{{ v | tojson | length }}", "{{ v == w }}", "{{ v in [w] }}"])
def test_values_that_hold_each_other_many_times_are_not_written_out(many: str, used: str) -> None:
    def grown(name: str) -> str:
        once = f"{{% set {name} = {many.replace('V', name)} %}}"
        return f"{{% set {name} = range(9) %}}" + once * 24

    with pytest.raises(TemplateError, match="puts together more than 4,000,000 values"):
        compile_template(grown("v") + grown("w") + used).render({})


def test_what_a_template_puts_together_may_be_as_large_as_what_tools_bring() -> None:
    given = {"rows": [{"a": number, "b": "x" * 20} for number in range(50_000)]}
    put = compile_template("{{ {'first': rows, 'second': rows, 'same': rows == rows} }}").render(given)
    assert put == {"first": given["rows"], "second": given["rows"], "same": True}
