"""Many items: what has ended is its output and no more, also when the worker is lost in the middle."""

from __future__ import annotations

import json

from engine.contracts.status import RunStatus
from engine.machine.model.codec import state_to_json
from engine.machine.model.state import OUTPUTS_PER_BLOCK, Outputs
from tests.engine.machine.flow_builders import for_each, graph, tool
from tests.engine.machine.simulation import Simulation

ITEMS = 60
AT_ONCE = 3


def test_ended_items_are_kept_as_outputs_only_and_a_lost_worker_changes_nothing() -> None:
    run = Simulation(graph(for_each("e", list(range(ITEMS)), tool("x"), max_concurrent=AT_ONCE))).start()
    for index in range(ITEMS):
        if index == ITEMS // 2:
            run.reload()
            run.lose_worker()
        run.finish(f"e/{index}/x", index)
        branches = run.execution("e").branches
        if branches is not None:
            assert len(branches.children) <= AT_ONCE
            assert branches.outputs.in_order() == list(range(index + 1))

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == list(range(ITEMS))
    assert len(json.dumps(state_to_json(run.state))) < 2_000


def test_an_output_is_added_without_copying_all_others() -> None:
    few = Outputs.of((index, index) for index in range(3 * OUTPUTS_PER_BLOCK))
    more = few.put(3 * OUTPUTS_PER_BLOCK, "new")

    assert more.in_order() == [*range(3 * OUTPUTS_PER_BLOCK), "new"]
    assert few.in_order() == list(range(3 * OUTPUTS_PER_BLOCK))
    assert more.blocks[0] is few.blocks[0]
    assert (few.first(), Outputs().first()) == (0, None)
