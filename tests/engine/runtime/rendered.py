"""One step as a runtime prepares it, in a state that a test puts together: no engine, no journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from engine.contracts.status import StepStatus
from engine.governance.masking import Masker
from engine.governance.policies import Policies
from engine.governance.redactor import Redactor
from engine.journal.memory.journal import MemoryJournal
from engine.machine.model.state import Execution, Phase, RunState, Scope
from engine.runtime.pack_library.pinned import PinnedFlow
from engine.runtime.value_store import ValueStore
from engine.runtime.worker.steps.calls.call_judge import CallJudge
from engine.runtime.worker.steps.preparation import Preparer
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolLimits
from engine.tools.executor import ToolExecutor
from tests.engine.machine.flow_builders import graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.inputs import StepPrepared

PACK = "0" * 64
RUN = {"run_id": "run_1", "tenant": "default", "pack": "demo", "flow": "go", "requested_by": "ann"}


def execution(path: str, type_: str, **fields: Any) -> Execution:
    return Execution(path=path, step=path, type=type_, **{"status": StepStatus.RUNNING, **fields})


def prepared(
    step: Mapping[str, Any],
    work: Execution,
    path: str,
    *,
    listed: Mapping[str, str] | None = None,
    pack: str = PACK,
    policies: Policies | None = None,
) -> StepPrepared:
    """The step at `path` below `work`, the one execution of the run; `listed` is what tools were told as,
    `pack` the digest of the pack."""
    flow = PinnedFlow(graph(dict(step)), None, pack, policies or Policies(), {})
    judge = CallJudge(flow, ToolExecutor(builtin_registry(), ToolLimits()), dict(listed or {}))
    values = ValueStore(MemoryJournal(), Redactor(Masker()))
    preparer = Preparer(flow, RUN, values, cast("Any", None), judge)
    root = Scope(path="", executions={work.path: work})
    state = RunState(phase=Phase.ACTIVE, payload={"prompt": "Make it."}, root=root)
    return preparer.prepare(state, path, 1_000)
