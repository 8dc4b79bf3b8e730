"""Graphs of steps as lines."""

from __future__ import annotations

from engine.contracts.flows.step import RunIf
from engine.contracts.packs.agent import FlowOutline, StepOutline
from screens.packs.flows import flow_rows
from screens.widgets.drawn_graph import drawn_graph


def lines(needs: dict[str, list[str]]) -> list[str]:
    return [f"{drawn.rails} {drawn.id}" for drawn in drawn_graph(needs)]


def test_what_needs_more_stands_further_in_below_what_it_needs() -> None:
    needs = {"ship": ["test", "lint"], "build": [], "test": ["build"], "lint": []}
    assert lines(needs) == ["├ build", "├ lint", "├── test", "└──── ship"]


def test_what_is_wrong_is_drawn_all_the_same() -> None:
    assert lines({"a": ["b"], "b": ["a"], "c": ["gone"]}) == ["├ c", "├ a", "└── b"]
    assert lines({}) == []


def test_the_flows_of_a_pack_draw_a_graph_and_what_runs_in_any_case() -> None:
    build = StepOutline(id="build", type="tool", target="text.report")
    ship = StepOutline(id="ship", type="tool", needs=("build",), run_if=RunIf.DONE)
    graph = StepOutline(id="all", type="graph", branches=((ship, build),))
    last = StepOutline(id="tell", type="tool")
    outline = FlowOutline(
        flow="f", version="v1", file="flows/f.yaml", sop=False, steps=(graph,), closing=(last,)
    )

    rows = flow_rows([outline])

    assert [str(row.cells[0].text) for row in rows] == [
        "f v1",
        "└ all",
        "  ├ build",
        "  └── ship",
        "finally",
        "└ tell",
    ]
    assert str(rows[3].cells[3].text) == "after build · if done"
