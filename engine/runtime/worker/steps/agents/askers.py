"""Who asks a model: what its pack and tenant may ask, and what it asked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.models.routing import Asker

if TYPE_CHECKING:
    from engine.machine.model.state import Execution
    from engine.runtime.worker.steps.calls.tool_call import CallSite


def tries_before(execution: Execution) -> list[dict[str, str]]:
    """The models that were asked until now and failed, with their reasons; a retry of the run begins anew."""
    tried: list[dict[str, str]] = ((execution.error or {}).get("details") or {}).get("tried", [])
    return tried


def asker_of(site: CallSite, wanted: str | None = None) -> Asker:
    """The run of a call as it asks models: what its pack and tenant may."""
    row = site.row
    return Asker(wanted, row["pack"], site.flow.llm, row["tenant"], *site.flow.policies.model_lists)
