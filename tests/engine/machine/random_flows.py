"""Random flows that the loader would take: every step type, three levels deep, jumps, gates, retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.engine.machine.flow_builders import (
    agent,
    approval,
    for_each,
    form,
    graph,
    nodes,
    parallel,
    plan,
    subflow,
    tool,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine.model.graph import FlowGraph
    from tests.engine.machine.flow_builders import StepData

MAX_DEPTH = 3
LEAVES = ("tool", "tool", "human_approval", "user_input", "subflow", "wait")

Draw = Any


@st.composite
def flows(draw: Draw) -> FlowGraph:
    """A flow with its limits left open."""
    fields: dict[str, Any] = {"max_duration": 60} if _seldom(draw, 8) else {}
    steps = _steps(draw, 1)
    if _seldom(draw, 3):
        steps.append(approval("help"))
        fields["escalation"] = "help"
    if _seldom(draw, 3):
        fields["finally"] = _steps(draw, MAX_DEPTH)
    return graph(*steps, **fields)


def _seldom(draw: Draw, times: int) -> bool:
    """True about once in `times`; not at the ends of a range, which Hypothesis likes best."""
    return bool(draw(st.integers(0, times - 1)) == times // 2)


def _steps(draw: Draw, depth: int) -> list[StepData]:
    size = draw(st.sampled_from((3, 2, 4) if depth == 1 else (2, 1)))
    steps = [_step(draw, f"{'abc'[depth - 1]}{index}", depth) for index in range(size)]
    for index in range(size):
        _add_jumps(draw, steps, index)
    return steps


def _step(draw: Draw, step: str, depth: int) -> StepData:
    composite = (
        ("parallel", "for_each", "graph", "agent", "outside", "plan_proposal") if depth < MAX_DEPTH else ()
    )
    kind = draw(st.sampled_from((*composite, *composite, *composite, *LEAVES)))
    fields: dict[str, Any] = {}
    if _seldom(draw, 12):
        fields["when"] = draw(st.sampled_from((False, False, False, "broken")))
    if _seldom(draw, 4):
        fields["timeout"] = 5
    if draw(st.integers(0, 1)):
        fields["max_visits"] = draw(st.integers(2, 3))
    if kind in {"tool", "subflow"} and draw(st.integers(0, 1)):
        fields["retry"] = {
            "max_attempts": draw(st.integers(2, 3)),
            "backoff_seconds": draw(st.sampled_from((0, 1))),
        }
    if kind == "parallel":
        branches = [_steps(draw, depth + 1) for _ in range(draw(st.integers(1, 3)))]
        joining = {"join": draw(st.sampled_from(("any", "all"))), "max_concurrent": draw(st.integers(1, 3))}
        return parallel(step, *branches, **joining, **fields)
    if kind == "agent":
        mode = draw(st.sampled_from(("task", "task", "conversation")))
        on_rejection = draw(st.sampled_from(("continue", "fail")))
        return agent(step, max_turns=draw(st.integers(1, 3)), mode=mode, on_rejection=on_rejection, **fields)
    if kind == "outside":
        return agent(step, agent="acp:one", **fields)
    if kind == "plan_proposal":
        return plan(step, **fields)
    if kind == "graph":
        size = draw(st.integers(1, 4))
        inside = [_node(draw, index, depth + 1) for index in range(size)]
        return nodes(step, *inside, max_concurrent=2, **fields)
    if kind == "for_each":
        items = list(range(draw(st.integers(0, 3))))
        concurrent = draw(st.integers(1, 2))
        return for_each(step, items, *_steps(draw, depth + 1), max_concurrent=concurrent, **fields)
    make: Callable[..., StepData] = {
        "tool": tool,
        "human_approval": approval,
        "user_input": form,
        "subflow": subflow,
        "wait": wait,
    }[kind]
    return make(step, **fields)


def _node(draw: Draw, index: int, depth: int) -> StepData:
    """A step of a graph that may need those before it."""
    made = _step(draw, f"g{depth}{index}", depth)
    earlier = [f"g{depth}{place}" for place in range(index) if draw(st.booleans())]
    if earlier:
        made |= {"needs": earlier, "run_if": draw(st.sampled_from(("success", "success", "failed", "done")))}
    if made["type"] == "human_approval":
        made["gates"] = "none"
    return made


def _add_jumps(draw: Draw, steps: list[StepData], index: int) -> None:
    for field in ("on_success", "on_failure"):
        allowed = ["fail", "continue", "done", *_landings(steps, index, field)]
        if steps[index]["type"] == "human_approval" and field == "on_failure":
            allowed = [target for target in allowed if target != "continue"]
        if field == "on_success":
            allowed.remove("fail")
        target = draw(st.sampled_from(allowed)) if _seldom(draw, 3) else None
        if target is not None:
            steps[index][field] = target


def _landings(steps: list[StepData], index: int, field: str) -> list[str]:
    """Steps that a jump may land on: later ones, or earlier ones with max_visits; never past an approval
    to what it gates (here always the next step)."""
    found = []
    for landing, step in enumerate(steps):
        gated = landing > 0 and steps[landing - 1]["type"] == "human_approval"
        if gated and not (index == landing - 1 and field == "on_success"):
            continue
        if landing > index or step.get("max_visits"):
            found.append(step["id"])
    return found
