"""Rules for graphs of steps with needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.engine.packs.rules.test_flow_rules import ASK, FREE, READ, WRITE, check, check_text, only, step

if TYPE_CHECKING:
    from engine.contracts.packs.pack import Problem


def in_graph(*nodes: str) -> list[Problem]:
    lines = "".join(f"      - {each}\n" for each in nodes)
    return check_text(f"id: f\nsteps:\n  - id: g\n    type: graph\n    steps:\n{lines}")


def node(name: str, **fields: Any) -> str:
    made = {"id": name, "type": "tool", "tool": "files.read", **fields}
    return yaml.safe_dump(made, default_flow_style=True, width=1000).strip()


def test_a_graph_of_steps_with_needs_is_fine() -> None:
    assert in_graph(node("c", needs=["a", "b"]), node("a"), node("b", needs=["a"], run_if="done")) == []


@pytest.mark.parametrize(
    ("nodes", "field", "words"),
    [
        ((node("a"), node("b", needs=["aa"])), "1.needs", "no step `aa` in this graph (did you mean `a`?)"),
        ((node("a", needs=["a"]),), "0.needs", "needs itself"),
        ((node("a"), node("a")), "1.id", "is here twice"),
        ((node("a", run_if="failed"),), "0.run_if", "this one needs nothing"),
        ((node("a"), node("b", on_success="a")), "1.on_success", "no order to jump in"),
        ((ASK, node("b", needs=["ask"])), "0", "write `gates: none`"),
    ],
)
def test_what_is_wrong_in_a_graph_is_told_at_its_place(
    nodes: tuple[str, ...], field: str, words: str
) -> None:
    problem = only(in_graph(*nodes))
    assert problem.field == f"steps.0.steps.{field}"
    assert words in problem.message


def test_steps_that_need_each_other_are_a_circle() -> None:
    problem = only(in_graph(node("a", needs=["c"]), node("b", needs=["a"]), node("c", needs=["b"])))
    assert "in a circle: a -> c -> b -> a" in problem.message


def test_needs_are_for_graphs_only() -> None:
    assert "for steps of a graph only" in only(check(READ, step(WRITE, needs=["read"]))).message


def seeing(body: str, needs: str) -> str:
    return node("c", tool="text.report", params={"title": "t", "body": body}, needs=[needs])


def test_a_step_of_a_graph_sees_what_it_needs_and_no_others() -> None:
    below = (node("a"), node("b", needs=["a"]))
    assert in_graph(*below, seeing("{{ steps.a.output }} {{ steps.b.status }}", "b")) == []
    problem = only(in_graph(*below, seeing("{{ steps.b.output }}", "a")))
    assert "does not need `b`, which may end before it or after it: add it to `needs`" in problem.message


def test_free_text_does_not_lead_to_what_needs_it() -> None:
    problem = only(in_graph(FREE, node("a"), node("b", needs=["form"])))
    assert "the step `b` directly follows the free-text form" in problem.message
